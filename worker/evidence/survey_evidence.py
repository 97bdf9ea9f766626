"""Assemble the results of a survey, unit by unit and clip by clip, from its finished checkpoint."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from app.contract.evidence import TopClip, UnitEvidence
from app.contract.network import CLASS_LAYER, Layer, NetworkCard
from app.contract.survey import NewClipPrediction, SurveyFacts
from app.contract.unit import UnitRole
from worker.evidence import measures
from worker.evidence.checkpoint import StrongestClips, SurveyCheckpoint
from worker.evidence.types import Labels, UnitKey
from worker.networks.preprocessing import visible_share


def unit_evidence(
    checkpoint: SurveyCheckpoint,
    names: Sequence[str],
    labels: Labels,
    card: NetworkCard,
    measured: Mapping[UnitKey, Mapping[str, Any]],
) -> Iterator[UnitEvidence]:
    """Yield the evidence of every unit, layer by layer.

    `names` are those of all clips by number; `labels` (n,) the classes of the recorded ones. For a network without
    classes these are the labels of the data set, and only place its units on the map. `measured` has the fields that
    later parts of the survey add to single units.
    """
    has_classes, visible = bool(card.classes), visible_share(card)
    classes = len(card.classes) or int(labels.max()) + 1
    with_clips = len(np.unique(labels)) if has_classes else 0
    for layer in checkpoint.layers:
        correlated = measures.correlated_units(checkpoint.peaks(layer.name))
        for units, peaks in checkpoint.unit_chunks(layer.name):
            a_hat = peaks.max(0).astype(float)
            means, maxima = measures.class_means_and_maxima(peaks, labels, classes)
            responses = measures.class_responses(means, a_hat)
            effective = measures.effective_classes(responses)
            precision = measures.average_precision(peaks, labels, classes) if has_classes else np.zeros((len(a_hat), 0))
            firing_rate, mean = measures.firing_rate(peaks), peaks.mean(0, dtype=float)
            for column, unit in enumerate(range(units.start, units.stop)):
                yield UnitEvidence(
                    layer=layer.name,
                    unit=unit,
                    a_hat=float(a_hat[column]),
                    mean=float(mean[column]),
                    firing_rate=float(firing_rate[column]),
                    effective_classes=float(effective[column]) if has_classes else None,
                    role=UnitRole.of(float(a_hat[column]), float(effective[column]), with_clips),
                    responses=tuple(responses[column].tolist()) if has_classes else (),
                    maxima=tuple(maxima[column].tolist()) if has_classes else (),
                    precision=tuple(precision[column].tolist()),
                    top_clips=top_clips(checkpoint, layer, unit, names, visible),
                    a_low=lowest_activation(checkpoint, layer, unit),
                    bottom_clips=bottom_clips(checkpoint, layer, unit, names, visible),
                    correlated_units=correlated[unit],
                    label_responses=() if has_classes else tuple(responses[column].tolist()),
                    **measured.get((layer.name, unit), {}),
                )


def top_clips(
    checkpoint: SurveyCheckpoint, layer: Layer, unit: int, names: Sequence[str], visible: tuple[float, float]
) -> tuple[TopClip, ...]:
    """Return the clips that raise the unit most, strongest first.

    Clips that leave a unit silent are left out, except where the layer has two signs and no silence. `visible` are the
    shares of a clip's height and width that the network sees.
    """
    clips = _clips(checkpoint.strongest[layer.name], unit, names, visible)
    return tuple(top for top in clips if layer.signed or top.activation > 0)


def bottom_clips(
    checkpoint: SurveyCheckpoint, layer: Layer, unit: int, names: Sequence[str], visible: tuple[float, float]
) -> tuple[TopClip, ...]:
    """Return the clips that lower the unit most, lowest first; none where the layer does not have two signs."""
    if not layer.signed:
        return ()
    return tuple(
        top.model_copy(update={"activation": -top.activation, "trace": tuple(-value for value in top.trace)})
        for top in _clips(checkpoint.lowest[layer.name], unit, names, visible)
    )


def lowest_activation(checkpoint: SurveyCheckpoint, layer: Layer, unit: int) -> float | None:
    """Return the lowest activation of the unit over all clips; None where its layer does not have two signs."""
    return -float(checkpoint.lowest[layer.name].peak[unit, 0]) if layer.signed else None


def _clips(
    strongest: StrongestClips, unit: int, names: Sequence[str], visible: tuple[float, float]
) -> Iterator[TopClip]:
    down, across = visible
    columns = (strongest.clip, strongest.peak, strongest.position, strongest.trace)
    for clip, peak, (time, y, x), trace in zip(*(column[unit].tolist() for column in columns), strict=True):
        if clip >= 0:
            yield TopClip(
                clip=names[clip],
                activation=peak,
                time=time,
                y=0.5 + down * (y - 0.5),
                x=0.5 + across * (x - 0.5),
                trace=tuple(trace),
            )


def clip_predictions(checkpoint: SurveyCheckpoint, names: Sequence[str], labels: Labels) -> Iterator[NewClipPrediction]:
    """Yield the prediction for every recorded clip, in order; `labels` (n,) are the classes of these clips.

    A network without classes predicts nothing.
    """
    if CLASS_LAYER not in checkpoint.columns:
        return
    logits = checkpoint.peaks(CLASS_LAYER)
    for row, (number, label) in enumerate(zip(checkpoint.recorded.tolist(), labels.tolist(), strict=True)):
        predicted, probabilities = int(logits[row].argmax()), measures.softmax(logits[row])
        yield NewClipPrediction(
            clip=names[number],
            label=label,
            predicted=predicted,
            probability=float(probabilities[predicted]),
            label_probability=float(probabilities[label]),
        )


def survey_facts(
    checkpoint: SurveyCheckpoint,
    names: Sequence[str],
    labels: Labels,
    measured: Mapping[str, Any],
) -> SurveyFacts:
    """Return what the survey says of the network as a whole; `labels` (n,) are the classes of the recorded clips.

    `measured` has the fields that the parts of the survey after the recording add.
    """
    has_classes = CLASS_LAYER in checkpoint.columns
    matrix = np.zeros((0, 0), np.int64)  # of classes
    if has_classes:
        matrix = measures.confusion_matrix(checkpoint.peaks(CLASS_LAYER), labels)
    return SurveyFacts(
        clips=len(labels),
        skipped=tuple(f"{names[number]}: {reason}" for number, reason in sorted(checkpoint.skipped.items())),
        accuracy=measures.accuracy(matrix) if has_classes else None,
        recall=tuple(measures.recall(matrix).tolist()),
        confusion=tuple(tuple(row) for row in matrix.tolist()),
        seconds=checkpoint.seconds,
        **measured,
    )
