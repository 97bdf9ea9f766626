"""A survey: one pass of a data set through a network, then the evidence of every unit."""

import logging
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from app.contract.errors import (
    DatabaseFull,
    DatabaseUnreachable,
    DiskFull,
    InvalidRequest,
    KinetoscopeError,
    VideoError,
)
from app.contract.evidence import UnitEvidence
from app.contract.finite import check_finite
from app.contract.network import NetworkCard
from app.contract.survey import MeasuredPart, NewClipPrediction, OmittedPart, SurveyFacts
from app.contract.survey_part import SurveyPart
from worker.evidence.checkpoint import SurveyCheckpoint, survey_key
from worker.evidence.class_attributions import attributed_layers
from worker.evidence.feature_statistics import measure_statistics, pack_statistics
from worker.evidence.probe_plan import tuned_layers
from worker.evidence.stopwatch import Stopwatch, measure_time
from worker.evidence.survey_evidence import clip_predictions, survey_facts, unit_evidence
from worker.evidence.types import Labels, UnitKey
from worker.graph.inputs import Inputs
from worker.networks.network import Network
from worker.survey.context import SurveyContext
from worker.survey.finished_parts import FinishedPart, load_finished, part_key, save_finished
from worker.survey.parts import PARTS
from worker.survey.parts.part import Part
from worker.survey.plan import SurveyPlan, spent_since
from worker.survey.prefetch import Clips, Sample
from worker.survey.recording import SAVE_SECONDS, Recorder
from worker.survey.stages import ObserveStage, StageProgress

PASSING_ERRORS = (DatabaseUnreachable, DatabaseFull)  # the whole survey waits for their end
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class SurveyResult:
    """The results of a survey; `units` and `predictions` (one for each recorded clip) can be iterated once."""

    facts: SurveyFacts
    statistics: bytes | None  # means and variances of features, packed; None of a network without such layers
    units: Iterator[UnitEvidence]
    unit_fields: frozenset[str]  # of UnitEvidence, that the measured parts have, be it of no unit
    predictions: Iterator[NewClipPrediction]


class SurveyRun:
    """A survey of a network with a data set: the network, the clips, their labels, the checkpoint, and the progress.

    `run` records every clip and then carries out the parts of the survey, see worker/survey/parts. `parts` names those
    that are wanted, by default all. `probed_layers` are those that the later parts measure, by default those that
    motion reaches; without any, the survey only records. `stimuli` are optimized stimuli of units. `pass_seconds` are
    the seconds of a pass by part, where an earlier survey of the network measured them.

    The checkpoint lies in `folder` under a name that follows from network, data set and clips, so a survey that was
    stopped continues where it was, and measures no part again that it had finished. What becomes of it is its owner's
    affair.

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
        pass_seconds: Mapping[SurveyPart, float] | None = None,
        observe: ObserveStage = lambda progress: None,
    ) -> None:
        card = network.card
        labels = match_labels(card, samples)
        self.checkpoint = SurveyCheckpoint(checkpoint_folder(folder, card, dataset, samples), card, len(samples))
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
        self.plan = SurveyPlan(self.parts, len(samples) - self.checkpoint.clips_done, pass_seconds or {})
        self.observe = observe
        self._interruption: Exception | None = None

    def run(self) -> SurveyResult:
        """Carry out the survey, from the checkpoint on.

        Clips that cannot be read are skipped and listed in the facts; a part that fails is listed with the reason.
        Raises VideoError where no clip can be read, NotFinite where a layer gives NaN, and what `observe` raises.
        """
        context, checkpoint = self.context, self.checkpoint
        seconds_before, started = checkpoint.seconds, time.monotonic()
        results = PartResults()
        with measure_time(context.network.module) as stopwatch:
            results.measured.append(self._record(stopwatch))
            if not len(context.recorded):
                reason = next(iter(checkpoint.skipped.values()))
                raise VideoError(f"None of the {len(context.samples)} clips can be read. The first: {reason}")
            self.plan.count_passes(self.parts, context)
            for part in self.parts:
                self._measure(part, stopwatch, results)
        checkpoint.seconds = seconds_before + results.seconds_before + time.monotonic() - started
        facts = {
            **results.facts,
            "parts": tuple(results.measured),
            "omitted": tuple(results.omitted),
            "groups_known": context.groups_known,
        }
        names = [sample.name for sample in context.samples]
        statistics = measure_statistics(checkpoint, context.card)
        return SurveyResult(
            survey_facts(checkpoint, names, context.recorded_labels, facts),
            pack_statistics(statistics) if statistics else None,
            unit_evidence(checkpoint, names, context.recorded_labels, context.card, results.units),
            frozenset(results.unit_fields),
            clip_predictions(checkpoint, names, context.recorded_labels),
        )

    def record(self) -> None:
        """Read the activations of every layer on each clip that the checkpoint does not have yet."""
        self.context.recorder.record(
            self.context.network,
            self.checkpoint,
            lambda done, total: self._report(SurveyPart.RECORD, done, total),
            summed=self.checkpoint.sums,
        )

    def _record(self, stopwatch: Stopwatch) -> MeasuredPart:
        is_whole = not self.checkpoint.clips_done
        self.record()
        return self.plan.finish(SurveyPart.RECORD, self.checkpoint.seconds, replace(stopwatch) if is_whole else None)

    def _measure(self, part: Part, stopwatch: Stopwatch, results: "PartResults") -> None:
        """Measure a part, or take what was measured before the survey was stopped.

        Where it fails, note why, so that the other parts are not lost.
        """
        before, started = replace(stopwatch), time.monotonic()
        try:
            if not part.applies(self.context):
                reason = "There is nothing of that kind to measure in this network."
                results.omitted.append(OmittedPart(part=part.name, reason=reason, applies=False))
                return
            key = part_key(part, self.context)
            if finished := load_finished(self.checkpoint.folder, key, part.name):
                self.plan.take_over(finished.measured)
                results.add(part, finished)
                results.seconds_before += finished.measured.seconds
                return
            measured = part.measure(self.context, lambda done, total: self._report(part.name, done, total))
            check_finite(measured.facts, part.name.field)
            for (layer, unit), fields in measured.units.items():
                check_finite(fields, f"{layer}/{unit}")
        except (*PASSING_ERRORS, DiskFull):
            raise
        except Exception as error:
            if error is self._interruption:
                raise
            results.omitted.append(OmittedPart(part=part.name, reason=_failure_reason(part, error), applies=True))
            return
        spent = spent_since(before, stopwatch)
        cost = self.plan.finish(part.name, time.monotonic() - started, spent)
        finished = FinishedPart(measured, cost.model_copy(update={"constants": dict(part.constants)}))
        results.add(part, finished)
        save_finished(self.checkpoint.folder, key, finished)

    def _report(self, part: SurveyPart, done: int, total: int) -> None:
        try:
            self.observe(StageProgress(part, self.plan.describe(part), done, total, self.plan.parts))
        except Exception as error:
            self._interruption = error  # to be told from what a part raises itself
            raise


@dataclass
class PartResults:
    """What the parts of a survey found: fields of SurveyFacts, fields of UnitEvidence by unit, and what failed."""

    measured: list[MeasuredPart] = field(default_factory=list)
    omitted: list[OmittedPart] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
    units: dict[UnitKey, dict[str, Any]] = field(default_factory=dict)
    unit_fields: set[str] = field(default_factory=set)
    seconds_before: float = 0.0  # of parts that were finished when the survey was stopped

    def add(self, part: Part, finished: FinishedPart) -> None:
        """Add what a part measured."""
        self.measured.append(finished.measured)
        if finished.result.facts is not None:
            self.facts[part.name.field] = finished.result.facts
        self.unit_fields.update(part.unit_fields)
        for unit, fields in finished.result.units.items():
            self.units.setdefault(unit, {}).update(fields)


def _failure_reason(part: Part, error: Exception) -> str:
    if isinstance(error, KinetoscopeError):
        return error.detail
    log.exception("The part %s of a survey failed.", part.name)
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return "The memory was not enough for it."
    return f"Something unexpected went wrong ({type(error).__name__}); the log of the worker says what."


def checkpoint_folder(folder: Path, card: NetworkCard, dataset: str, samples: Sequence[Sample]) -> Path:
    """Return where the checkpoint of a survey lies."""
    return folder / survey_key(card, dataset, [(sample.name, sample.label) for sample in samples])


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
