"""A survey: one pass of a data set through a network, then the evidence of every unit."""

import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from app.contract.errors import InvalidRequest, VideoError
from app.contract.evidence import UnitEvidence
from app.contract.network import NetworkCard
from app.contract.survey import MeasuredPart, NewClipPrediction, SurveyFacts
from app.contract.survey_part import SurveyPart
from worker.evidence.checkpoint import SurveyCheckpoint, survey_key
from worker.evidence.class_attributions import attributed_layers
from worker.evidence.feature_statistics import measure_statistics, pack_statistics
from worker.evidence.probe_plan import tuned_layers
from worker.evidence.survey_evidence import clip_predictions, survey_facts, unit_evidence
from worker.evidence.types import Labels, UnitKey
from worker.graph.inputs import Inputs
from worker.networks.network import Network
from worker.survey.context import SurveyContext
from worker.survey.parts import PARTS
from worker.survey.prefetch import Clips, Sample
from worker.survey.recording import SAVE_SECONDS, Recorder
from worker.survey.stages import ObserveStage, StageProgress

RECORDING = "shows every clip"


@dataclass(frozen=True)
class SurveyResult:
    """The results of a survey; `units` and `predictions` (one for each recorded clip) can be iterated once."""

    facts: SurveyFacts
    statistics: bytes | None  # means and variances of features, packed; None of a network without such layers
    units: Iterator[UnitEvidence]
    predictions: Iterator[NewClipPrediction]


class SurveyRun:
    """A survey of a network with a data set: the network, the clips, their labels, the checkpoint, and the progress.

    `run` records every clip and then carries out the parts of the survey, see worker/survey/parts. `parts` names those
    that are wanted, by default all. `probed_layers` are those that the later parts measure, by default those that
    motion reaches; without any, the survey only records. `stimuli` are optimized stimuli of units.

    The checkpoint lies in `folder` under a name that follows from network, data set and clips, so a survey that was
    stopped continues where it was. Its owner removes it once the result is saved.

    A network without classes takes clips of any labels; nothing is measured then that needs its logits.

    Raises UnknownClass for a label that the network does not have, InvalidRequest for clips of fewer than two classes,
    and DiskFull.
    """

    def __init__(
        self,
        network: Network,
        dataset: str,
        samples: Sequence[Sample],
        folder: Path,
        *,
        parts: Collection[SurveyPart] = tuple(SurveyPart),
        probed_layers: Sequence[str] | None = None,
        stimuli: Mapping[UnitKey, Inputs] | None = None,
        threads: int = 1,
        save_seconds: float = SAVE_SECONDS,
        observe: ObserveStage = lambda progress: None,
    ) -> None:
        card = network.card
        key = survey_key(card, dataset, [(sample.name, sample.label) for sample in samples])
        labels = match_labels(card, samples)
        self.checkpoint = SurveyCheckpoint(folder / key, card, len(samples))
        hidden = attributed_layers(card) if probed_layers is None else probed_layers
        self.context = SurveyContext(
            network,
            labels,
            self.checkpoint,
            Recorder(Clips(card, samples, threads), save_seconds),
            probed_layers=tuned_layers(card) if probed_layers is None else tuple(probed_layers),
            attributed_layers=[name for name in hidden if not card.layer(name).is_class],
            stimuli=stimuli or {},
        )
        self.parts = [] if probed_layers == () else [part for part in PARTS if part.name in parts]
        self.observe = observe

    def run(self) -> SurveyResult:
        """Carry out the survey, from the checkpoint on.

        Clips that cannot be read are skipped and listed in the facts. Raises VideoError where none can be read, or
        one cannot be read a second time; NotFinite where a layer gives NaN; and what `observe` raises.
        """
        context, checkpoint = self.context, self.checkpoint
        seconds_before, started = checkpoint.seconds, time.monotonic()
        self.record()
        if not len(context.recorded):
            reason = next(iter(checkpoint.skipped.values()))
            raise VideoError(f"None of the {len(context.samples)} clips can be read. The first: {reason}")
        part_seconds = {SurveyPart.RECORD: checkpoint.seconds}
        facts: dict[str, Any] = {}
        units: dict[UnitKey, dict[str, Any]] = {}
        for part in self.parts:
            if not part.applies(context):
                continue
            part_started = time.monotonic()
            measured = part.measure(
                context,
                lambda done, total, part=part: self._report(part.name, part.description, done, total),  # type: ignore[misc]
            )
            if measured.facts is not None:
                facts[part.name.field] = measured.facts
            for unit, fields in measured.units.items():
                units.setdefault(unit, {}).update(fields)
            part_seconds[part.name] = time.monotonic() - part_started
        checkpoint.seconds = seconds_before + time.monotonic() - started
        facts["parts"] = tuple(MeasuredPart(part=part, seconds=seconds) for part, seconds in part_seconds.items())
        facts["groups_known"] = context.groups_known
        names = [sample.name for sample in context.samples]
        statistics = measure_statistics(checkpoint, context.card)
        return SurveyResult(
            survey_facts(checkpoint, names, context.recorded_labels, facts),
            pack_statistics(statistics) if statistics else None,
            unit_evidence(checkpoint, names, context.recorded_labels, context.card, units),
            clip_predictions(checkpoint, names, context.recorded_labels),
        )

    def record(self) -> None:
        """Read the activations of every layer on each clip that the checkpoint does not have yet."""
        self.context.recorder.record(
            self.context.network,
            self.checkpoint,
            lambda done, total: self._report(SurveyPart.RECORD, RECORDING, done, total),
            summed=self.checkpoint.sums,
        )

    def _report(self, part: SurveyPart, description: str, done: int, total: int) -> None:
        number = 1 + [SurveyPart.RECORD, *(each.name for each in self.parts)].index(part)
        words = f"part {number} of {1 + len(self.parts)}, {description}"
        self.observe(StageProgress(part, words, done, total))


def match_labels(card: NetworkCard, samples: Sequence[Sample]) -> Labels:
    """Return the class number of every sample, (N,); for a network without classes, that of its label among them.

    Raises UnknownClass, and InvalidRequest for one class alone.
    """
    labels = dict.fromkeys(sample.label for sample in samples)
    numbers = {label: card.match_class(label) if card.classes else number for number, label in enumerate(labels)}
    if card.classes and len(numbers) < 2:
        raise InvalidRequest(
            f"All {len(samples)} clips are of one class, so nothing can be said of what units prefer. Bring clips of "
            "two classes at least."
        )
    return np.array([numbers[sample.label] for sample in samples], np.int64)
