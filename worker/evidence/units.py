"""From a finished tally to the evidence of every unit."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from app.contract.evidence import (
    Feed,
    MaskedClass,
    NewAnswer,
    StreamFacts,
    SurveyFacts,
    TopClip,
    UnitEvidence,
    UnitRole,
)
from app.contract.network import CLASS_LAYER, Layer
from worker.evidence import measures
from worker.evidence.checkpoint import Tally
from worker.evidence.measures import Labels
from worker.evidence.probing import Probed


def unit_evidence(
    tally: Tally,
    names: Sequence[str],
    labels: Labels,
    classes: int,
    probed: Mapping[tuple[str, int], Probed],
    fed: Mapping[tuple[str, int], tuple[Feed, ...]],
) -> Iterator[UnitEvidence]:
    """Of every unit, layer by layer. `names` of all clips; `labels` (n,) of those that were read."""
    for layer in tally.layers:
        alike = measures.most_alike(tally.peaks(layer.name))
        for units, peaks in tally.chunks(layer.name):
            a_hat = peaks.max(0).astype(np.float64)
            means, maxima = measures.by_class(peaks, labels, classes)
            responses = measures.responses(means, a_hat)
            effective = measures.effective_classes(responses)
            precision = measures.precision(peaks, labels, classes)
            firing, mean = measures.firing_rate(peaks), peaks.mean(0, dtype=np.float64)
            for place, unit in enumerate(range(units.start, units.stop)):
                found = probed.get((layer.name, unit), Probed())
                yield UnitEvidence(
                    layer=layer.name,
                    unit=unit,
                    a_hat=float(a_hat[place]),
                    mean=float(mean[place]),
                    firing_rate=float(firing[place]),
                    effective_classes=float(effective[place]),
                    role=UnitRole.of(float(a_hat[place]), float(effective[place]), classes),
                    responses=tuple(responses[place].tolist()),
                    maxima=tuple(maxima[place].tolist()),
                    precision=tuple(precision[place].tolist()),
                    top_clips=top_clips(tally, layer, unit, names),
                    synergy=found.synergy,
                    speed=found.speed,
                    direction=found.direction,
                    feeds=fed.get((layer.name, unit), ()),
                    alike=alike[unit],
                )


def top_clips(tally: Tally, layer: Layer, unit: int, names: Sequence[str]) -> tuple[TopClip, ...]:
    """The strongest first; clips that leave the unit silent are none of them."""
    top = tally.top[layer.name]
    return tuple(
        TopClip(clip=names[clip], activation=peak, time=place[0], y=place[1], x=place[2], trace=tuple(trace))
        for clip, peak, place, trace in zip(
            top.clip[unit].tolist(),
            top.peak[unit].tolist(),
            top.place[unit].tolist(),
            top.trace[unit].tolist(),
            strict=True,
        )
        if clip >= 0 and peak > 0
    )


def clip_answers(tally: Tally, names: Sequence[str], labels: Labels) -> Iterator[NewAnswer]:
    """Of every clip that was read, in order; `labels` (n,) of those."""
    logits = tally.peaks(CLASS_LAYER)
    for row, (number, own) in enumerate(zip(tally.seen.tolist(), labels.tolist(), strict=True)):
        taken, probability = int(logits[row].argmax()), measures.softmax(logits[row])
        yield NewAnswer(
            clip=names[number],
            own=own,
            taken=taken,
            probability=float(probability[taken]),
            own_probability=float(probability[own]),
        )


def survey_facts(
    tally: Tally, names: Sequence[str], labels: Labels, streams: StreamFacts | None, masked: tuple[MaskedClass, ...]
) -> SurveyFacts:
    matrix = measures.confusion(tally.peaks(CLASS_LAYER), labels)
    return SurveyFacts(
        clips=len(labels),
        skipped=tuple(f"{names[number]}: {reason}" for number, reason in sorted(tally.skipped.items())),
        accuracy=measures.accuracy(matrix),
        recall=tuple(measures.recall(matrix).tolist()),
        confusion=tuple(tuple(row) for row in matrix.tolist()),
        seconds=tally.seconds,
        streams=streams,
        masked=masked,
    )
