"""The study of a two-stream network: interaction of its units and outputs, accuracies and pairs of classes.

Each clip is read once, and its streams are kept; all else runs what follows the streams. The halves of the clips have
no group in common, so appearance and motion of a combination are drawn independently.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from torch import Tensor

from app.contract.interaction import InteractionFacts, LayerInteraction, UnitInteraction
from app.contract.network import CLASS_LAYER, Layer
from worker.evidence.clip_halves import halve, spread_over_classes
from worker.evidence.fusion_plan import REDRAWN, FusionCosts, plan_fusion
from worker.evidence.interaction import (
    LayerResponses,
    fusion_layers,
    measurable_layers,
    read_responses,
    summarize_layer,
    summarize_units,
    unit_shares,
)
from worker.evidence.output_interaction import output_interaction
from worker.evidence.pair_separation import pairs_with_clips, separate_pairs
from worker.evidence.redrawn_weights import positive_shares, redraw_weights
from worker.evidence.resampling import MIN_GROUPS, GroupedClips
from worker.evidence.shuffled_weights import CALIBRATION_CLIPS
from worker.evidence.stream_scores import StreamScores, measure_accuracies, score_streams
from worker.evidence.stream_tail import ClipStreams, StreamTail
from worker.evidence.streams import LogitsByClip
from worker.evidence.types import Floats, Labels, Observe, ReadClips, UnitKey
from worker.networks.network import Network

DRAWS = 200  # resamples


@dataclass(frozen=True)
class FusionStudy:
    """What the study found of the network, and of its units."""

    facts: InteractionFacts
    units: Mapping[UnitKey, UnitInteraction] = field(default_factory=dict)


def too_few(clips: GroupedClips) -> str:
    """Return why a study is not possible, in a sentence; empty where it is."""
    groups, wanted = len(np.unique(clips.groups)), 2 * MIN_GROUPS
    if groups >= wanted:
        return ""
    return (
        f"Combining appearance and motion of different clips takes {wanted} independent clips (of different videos, "
        f"people or motions), and there are {groups}: add clips to the data set, and survey the network again."
    )


class _Study:
    """The clips of a study by position (N,); `numbers` are theirs in the data set."""

    def __init__(
        self,
        network: Network,
        control: Network | None,
        read_clips: ReadClips,
        numbers: Sequence[int],
        names: Sequence[str],
        clips: GroupedClips,
        logits: LogitsByClip | None,
        observe: Observe,
        seed: int,
        max_passes: float,
    ) -> None:
        self.network, self.control, self.logits, self.observe = network, control, logits, observe
        self.passes, self.combined, self.total = 0, 0, 1
        self.generator = np.random.default_rng(seed)
        (_, one), (_, other) = read_clips(list(numbers[:2]))
        self.tail = StreamTail(network, one, other, self._count_combinations)
        whole, stream_bytes = self.tail.takes_whole_passes, self.tail.read(one).bytes
        self.costs = FusionCosts(network, takes_whole_passes=whole)
        plan = plan_fusion(len(numbers), logits is not None, whole, stream_bytes, max_passes)
        half = halve(clips, self.generator)
        drawn = [self._spread(clips, np.flatnonzero(half == which), plan.scored // 2) for which in (0, 1)]
        kept = np.array(sorted(drawn[0] + drawn[1]))
        self.clips, self.half = GroupedClips(clips.labels[kept], clips.groups[kept]), half[kept]
        self.numbers, self.names = [numbers[index] for index in kept], [names[index] for index in kept]
        positions = [np.flatnonzero(self.half == which) for which in (0, 1)]
        self.appearances, self.motions = (self._spread(self.clips, each, plan.side) for each in positions)
        first, second = (self._spread(self.clips, each, plan.donors) for each in positions)
        self.donors = (first, second)
        self.remeasured = plan.remeasured
        self.total = self.costs.count_passes(plan, len(self.numbers), len(np.unique(clips.labels)))
        self.streams, self.control_streams = self._read(read_clips)

    def _spread(self, clips: GroupedClips, positions: Labels, most: int) -> list[int]:
        return spread_over_classes(clips.labels, self.generator.permutation(positions).tolist(), most)

    def _read(self, read_clips: ReadClips) -> tuple[list[ClipStreams], dict[int, ClipStreams]]:
        """Return the streams of all clips, and those that the control has of the clips that are combined."""
        control = None if self.control is None else self.tail.with_network(self.control)
        combined = {*self.appearances, *self.motions}
        streams, of_control = [], {}
        for position, (_, inputs) in enumerate(read_clips(self.numbers)):
            streams.append(self.tail.read(inputs))
            if control is not None and position in combined:
                of_control[position] = control.read(inputs)
            self._count()
        return streams, of_control

    def run(self) -> FusionStudy:
        """Carry out the study."""
        facts, units = self._measure_units()
        if self.logits is None or not self.clips.can_be_resampled:
            return FusionStudy(facts, units)
        fused = np.stack([self.logits[number] for number in self.numbers])
        alone = score_streams(self.tail, self.streams, self.half, self.donors)
        scores = StreamScores(self.clips, self.names, self.half, fused, *alone)
        counts = np.stack([self.clips.resample(self.generator) for _ in range(DRAWS)])
        pairs, left_out = pairs_with_clips(self.clips)
        update = {
            "accuracies": measure_accuracies(scores, counts, self.generator),
            "pairs_asked": len(pairs),
            "pairs_left_out": left_out,
            "pairs": separate_pairs(self.tail, self.streams, scores, DRAWS, self.generator, self.remeasured),
        }
        self.observe(self.total, self.total)
        return FusionStudy(facts.model_copy(update=update), units)

    def _measure_units(self) -> tuple[InteractionFacts, dict[UnitKey, UnitInteraction]]:
        """Measure the layers after the streams in this network, in those drawn anew, and in the control."""
        layers = fusion_layers(self.network)
        kept = measurable_layers(layers, max(len(self.appearances), len(self.motions)))
        trained = self._combine(self.tail, kept, self.streams)
        redrawn = [self._combine(tail, kept, self.streams) for tail in self._redraw()]
        shuffled: dict[str, LayerResponses] = {}
        if self.control is not None:
            shuffled = self._combine(self.tail.with_network(self.control), kept, self.control_streams)
        first, second = self._resample(self.appearances), self._resample(self.motions)
        found: list[LayerInteraction] = []
        units: dict[UnitKey, UnitInteraction] = {}
        for layer in kept:
            shares = unit_shares(trained[layer.name], first, second)
            of_redrawn = [unit_shares(each[layer.name], first, second) for each in redrawn]
            summary = summarize_layer(layer, trained[layer.name], shares, of_redrawn, _beyond(shuffled, layer))
            if summary is not None:
                found.append(summary)
                units |= summarize_units(layer, shares, of_redrawn)
        has_outputs = CLASS_LAYER in trained
        combined = [*self.appearances, *self.motions]
        facts = InteractionFacts(
            appearances=len(self.appearances),
            motions=len(self.motions),
            groups=len(np.unique(self.clips.groups[combined])),
            redrawn=len(redrawn),
            layers=tuple(found),
            omitted=tuple(layer.name for layer in layers if layer not in kept),
            outputs=output_interaction(trained[CLASS_LAYER], [each[CLASS_LAYER] for each in redrawn], first, second)
            if has_outputs
            else None,
        )
        return facts, units

    def _combine(
        self, tail: StreamTail, layers: Sequence[Layer], streams: Sequence[ClipStreams] | Mapping[int, ClipStreams]
    ) -> dict[str, LayerResponses]:
        appearances = [streams[position] for position in self.appearances]
        motions = [streams[position] for position in self.motions]
        return read_responses(tail, appearances, motions, layers)

    def _redraw(self) -> Iterator[StreamTail]:
        """Yield the same streams with weights drawn anew behind them."""

        def run(tail: StreamTail, observe: Callable[[str, Tensor], None] | None, paths: Sequence[str]) -> None:
            few = min(len(self.appearances), len(self.motions), CALIBRATION_CLIPS)
            appearances, motions = (
                [self.streams[position] for position in each[:few]] for each in (self.appearances, self.motions)
            )
            tail.run([clip for clip in appearances for _ in motions], motions * few, observe, paths)

        shares = positive_shares(self.tail, run)
        for seed in range(REDRAWN):
            redrawn = redraw_weights(self.tail, seed, shares, run)
            if redrawn is not None:
                yield redrawn

    def _resample(self, positions: Sequence[int]) -> Floats:
        """Return how often each of these clips (n,) occurs: once in the first row, then in each resample."""
        clips = GroupedClips(self.clips.labels[positions], self.clips.groups[positions])
        together = GroupedClips(np.zeros(len(positions), np.int64), clips.groups)  # groups of all classes are drawn
        return np.stack([np.ones(len(positions)), *(together.resample(self.generator) for _ in range(DRAWS))])

    def _count(self, passes: int = 1) -> None:
        self.passes += passes
        done = self.passes + int(self.combined * self.costs.combination)
        self.observe(min(done, self.total), self.total)

    def _count_combinations(self, combinations: int) -> None:
        self.combined += combinations
        self._count(0)


def study_fusion(
    network: Network,
    control: Network | None,
    read_clips: ReadClips,
    numbers: Sequence[int],
    names: Sequence[str],
    clips: GroupedClips,
    logits: LogitsByClip | None,
    observe: Observe = lambda done, total: None,
    seed: int = 0,
    max_passes: float = math.inf,
) -> FusionStudy:
    """Study the clips with these numbers and names, whose classes and groups are `clips`.

    `logits` are those of the clips by number, None for a network without classes. `control` is the network with its
    weights shuffled. `max_passes` bounds the clips of a network each of whose combinations is a whole pass.
    """
    if reason := too_few(clips):
        return FusionStudy(InteractionFacts(reason=reason))
    return _Study(network, control, read_clips, numbers, names, clips, logits, observe, seed, max_passes).run()


def _beyond(shuffled: Mapping[str, LayerResponses], layer: Layer) -> float | None:
    """Return the mean share beyond additive units in the control, None where no unit varies."""
    if layer.name not in shuffled:
        return None
    responses = shuffled[layer.name]
    once = (np.ones((1, responses.measured.shape[0])), np.ones((1, responses.measured.shape[1])))
    shares = unit_shares(responses, *once)
    return float(shares.beyond.mean()) if shares.varies.any() else None
