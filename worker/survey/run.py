"""A survey: one pass of a data set through a network, then the evidence of every unit."""

import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from app.contract.errors import InvalidRequest, VideoError
from app.contract.evidence import ClassAttribution, UnitEvidence
from app.contract.network import CLASS_LAYER, NetworkCard
from app.contract.survey import LayerSelectivity, MaskedClass, NewClipPrediction, StreamFacts, SurveyFacts
from worker.devices import device_of
from worker.evidence import class_attributions as attributions
from worker.evidence.activation_reader import read_activations
from worker.evidence.checkpoint import Peaks, SurveyCheckpoint, survey_key
from worker.evidence.clip_cover import cover_units, keep_chosen
from worker.evidence.feature_statistics import measure_statistics, pack_statistics
from worker.evidence.masking import masked_classes
from worker.evidence.measures import softmax
from worker.evidence.probe_plan import plan_affordable_probe, tuned_layers
from worker.evidence.probing import ProbeResult, probe
from worker.evidence.selectivity import GroupedClips, measure_selectivity, number_groups
from worker.evidence.shuffled_weights import CALIBRATION_CLIPS, shuffle_weights
from worker.evidence.streams import stream_facts
from worker.evidence.survey_evidence import clip_predictions, survey_facts, unit_evidence
from worker.evidence.types import Labels, Observe, UnitKey
from worker.graph.inputs import Inputs, on_device
from worker.networks.network import Network
from worker.networks.preprocessing import clips_per_batch, join_clips
from worker.survey.clip_groups import clip_group
from worker.survey.prefetch import Sample, prefetch
from worker.survey.stages import ObserveStage, Stage, StageProgress

SAVE_SECONDS = 10.0  # between two checkpoints while clips are recorded
CONTROL_FOLDER = "control"  # in the checkpoint's: what the network with shuffled weights gives
MAX_PROBE_PASSES_PER_CLIP = 10  # forward passes of probes, for each clip of the survey


@dataclass(frozen=True)
class SurveyResult:
    """The results of a survey; `units` and `predictions` (one for each recorded clip) can be iterated once."""

    facts: SurveyFacts
    statistics: bytes | None  # means and variances of features, packed; None of a network without such layers
    units: Iterator[UnitEvidence]
    predictions: Iterator[NewClipPrediction]


class SurveyRun:
    """A survey of a network with a data set: the network, the clips, their labels, the checkpoint, and the progress.

    `run` carries out the stages, one method each: every clip is recorded, then the strongest clips of the units are
    changed in the ways that the later stages measure. `probed_layers` are those that the later stages measure, by
    default those that motion reaches; without any, the survey only records. `stimuli` are optimized stimuli of units.

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
        probed_layers: Sequence[str] | None = None,
        stimuli: Mapping[UnitKey, Inputs] | None = None,
        threads: int = 1,
        save_seconds: float = SAVE_SECONDS,
        observe: ObserveStage = lambda progress: None,
    ) -> None:
        card = network.card
        self.network, self.samples, self.threads = network, samples, threads
        self.labels = match_labels(card, samples)  # (N,) of all clips, by number
        key = survey_key(card, dataset, [(sample.name, sample.label) for sample in samples])
        self.checkpoint = SurveyCheckpoint(folder / key, card, len(samples))
        self.probed_layers = tuned_layers(card) if probed_layers is None else tuple(probed_layers)
        hidden = attributions.attributed_layers(card) if probed_layers is None else self.probed_layers
        self.attributed_layers = [name for name in hidden if not card.layer(name).is_class]
        self.stimuli = stimuli or {}
        self.save_seconds = save_seconds
        self.observe = observe

    def run(self) -> SurveyResult:
        """Carry out the survey, from the checkpoint on.

        Clips that cannot be read are skipped and listed in the facts. Raises VideoError where none can be read, or
        one cannot be read a second time; NotFinite where a layer gives NaN; and what `observe` raises.
        """
        seconds_before, started = self.checkpoint.seconds, time.monotonic()
        self.record()
        recorded_labels = self.labels[self.checkpoint.recorded]
        if not len(recorded_labels):
            reason = next(iter(self.checkpoint.skipped.values()))
            raise VideoError(f"None of the {len(self.samples)} clips can be read. The first: {reason}")
        probes = self.probe()
        class_attributions = self.attribute_classes()
        streams = self.swap_streams()
        masked = self.mask_clips()
        selectivity = self.measure_selectivity()
        self.checkpoint.seconds = seconds_before + time.monotonic() - started
        names = [sample.name for sample in self.samples]
        statistics = measure_statistics(self.checkpoint, self.network.card)
        return SurveyResult(
            survey_facts(self.checkpoint, names, recorded_labels, streams, masked, selectivity),
            pack_statistics(statistics) if statistics else None,
            unit_evidence(self.checkpoint, names, recorded_labels, self.network.card, probes, class_attributions),
            clip_predictions(self.checkpoint, names, recorded_labels),
        )

    def record(self) -> None:
        """Read the activations of every layer on each clip that the checkpoint does not have yet."""
        self._record(self.network, self.checkpoint, Stage.RECORD, summed=self.checkpoint.sums)

    def _record(
        self, network: Network, checkpoint: SurveyCheckpoint, stage: Stage, summed: Collection[str] = ()
    ) -> None:
        device = device_of(network.module)
        batch_size, count = clips_per_batch(network.card), len(self.samples)
        seconds_before, started = checkpoint.seconds, time.monotonic()
        saved_at = started
        batch: dict[int, Inputs] = {}
        numbers = range(checkpoint.clips_done, count)
        with read_activations(network, summed=summed) as read:
            for number, clip in prefetch(network.card, self.samples, numbers, self.threads):
                if isinstance(clip, VideoError):
                    checkpoint.skip(number, clip.detail)
                else:
                    batch[number] = clip
                if len(batch) < batch_size and number + 1 < count:
                    continue
                if batch:
                    checkpoint.add(list(batch), read(on_device(join_clips(list(batch.values())), device)))
                    batch.clear()
                checkpoint.clips_done = number + 1
                checkpoint.seconds = seconds_before + time.monotonic() - started
                if time.monotonic() - saved_at > self.save_seconds:
                    checkpoint.save()
                    saved_at = time.monotonic()
                self.observe(StageProgress(stage, checkpoint.clips_done, count))
        checkpoint.save()

    def probe(self) -> dict[UnitKey, ProbeResult]:
        """Measure tuning and synergy of the probed layers' units on changed versions of their strongest clips."""
        if not self.probed_layers:
            return {}
        strongest = self.checkpoint.strongest_clips(self.probed_layers)
        labels = dict(enumerate(self.labels.tolist()))
        max_passes = MAX_PROBE_PASSES_PER_CLIP * len(labels)
        plan = plan_affordable_probe(self.network.card, self.probed_layers, strongest, labels, max_passes)
        clips = self.read_clips(plan.reading_order)
        return probe(self.network, plan, clips, labels, self.stimuli, self._observe_stage(Stage.PROBE))

    def attribute_classes(self) -> dict[UnitKey, tuple[ClassAttribution, ...]]:
        """Measure which classes the units contribute to, on a few of their strongest clips."""
        if not self.attributed_layers:
            return {}
        strongest = self.checkpoint.strongest_clips(self.attributed_layers)
        chosen = cover_units(strongest.values(), attributions.CLIPS_PER_UNIT)
        shared = {name: keep_chosen(clips, chosen, attributions.CLIPS_PER_UNIT) for name, clips in strongest.items()}
        observe = self._observe_stage(Stage.ATTRIBUTE)
        return attributions.class_attributions(self.network, shared, self.read_clips, observe)

    def swap_streams(self) -> StreamFacts | None:
        """Measure what each of two streams contributes to the classes; None for a network of one, or without them."""
        if not self.probed_layers or not self.network.card.classes:
            return None
        observe = self._observe_stage(Stage.SWAP)
        return stream_facts(self.network, self.read_clips, self.labels, self._logits(), observe)

    def mask_clips(self) -> tuple[MaskedClass, ...]:
        """Measure how classes are recognised by the foreground and by the background of their clips."""
        if not self.probed_layers or not self.network.card.classes:
            return ()
        labels = self.labels.tolist()
        probabilities = {
            number: float(softmax(logits)[labels[number]])
            for number, logits in self._logits().items()
            if logits.argmax() == labels[number]
        }
        return masked_classes(self.network, self.read_clips, labels, probabilities, self._observe_stage(Stage.MASK))

    def measure_selectivity(self) -> tuple[LayerSelectivity, ...] | None:
        """Measure how many units answer to few classes, beside chance and the network with its weights shuffled.

        Return None for a survey that only records, and nothing where too few clips are independent.
        """
        if not self.probed_layers:
            return None
        recorded = self.checkpoint.recorded
        groups = number_groups([clip_group(self.samples[number].name) for number in recorded])
        clips = GroupedClips(self.labels[recorded], groups)
        if not clips.can_be_resampled:
            return ()
        control = SurveyCheckpoint(self.checkpoint.folder / CONTROL_FOLDER, self.network.card, len(self.samples))
        if control.clips_done < len(self.samples):
            chosen = recorded[:: max(1, len(recorded) // CALIBRATION_CLIPS)][:CALIBRATION_CLIPS].tolist()
            device = device_of(self.network.module)
            shuffled = shuffle_weights(self.network, (on_device(clip, device) for _, clip in self.read_clips(chosen)))
            self._record(shuffled, control, Stage.CONTROL)
        if not np.array_equal(control.recorded, recorded):
            raise VideoError("Clips that could be read before can no longer be read: start the survey again.")
        return measure_selectivity(self.checkpoint, control, clips)

    def read_clips(self, numbers: Sequence[int]) -> Iterator[tuple[int, Inputs]]:
        """Yield the inputs of clips that have been recorded; raise VideoError for one that has become unreadable."""
        for number, clip in prefetch(self.network.card, self.samples, numbers, self.threads):
            if isinstance(clip, VideoError):
                raise clip
            yield number, clip

    def _logits(self) -> dict[int, Peaks]:
        """Return the recorded logits (classes,) by clip number."""
        logits = np.asarray(self.checkpoint.peaks(CLASS_LAYER))
        return dict(zip(self.checkpoint.recorded.tolist(), logits, strict=True))

    def _observe_stage(self, stage: Stage) -> Observe:
        return lambda done, total: self.observe(StageProgress(stage, done, total))


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
