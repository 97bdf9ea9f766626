"""How many clips the study of a two-stream network takes, and what it costs in forward passes."""

import math
from dataclasses import dataclass
from math import isqrt

from worker.evidence.interaction import fusion_layers
from worker.evidence.pair_separation import MAX_REMEASURED, PAIR_CLIPS
from worker.evidence.resampling import MIN_GROUPS
from worker.evidence.shuffled_weights import CALIBRATION_CLIPS
from worker.evidence.silencing import count_tails
from worker.evidence.stream_swaps import last_stream_layers
from worker.networks.layer_recorder import BATCH_NORMS
from worker.networks.network import Network

MAX_SIDE = 42  # appearances and motions that are combined: 1,764 combinations, two clips of each of 21 classes
MAX_SCORED = 600  # clips whose accuracies are measured
MAX_STREAM_BYTES = 256_000_000  # of the streams of all clips, in memory
DONORS = 12  # clips of each half that give their streams to those of the other
REDRAWN = 3  # networks with weights drawn anew: their means of `beyond` differ by .01 on the default network
WHOLE_PASSES_PER_CLIP = 4  # combinations where each is a whole pass; then nothing is measured again or drawn anew


@dataclass(frozen=True)
class FusionPlan:
    """How many clips are combined. `takes_whole_passes` says that each combination is a whole forward pass."""

    side: int  # appearances, and motions, that are combined at most
    scored: int  # clips whose accuracies are measured at most, in two halves; without classes those that are combined
    takes_whole_passes: bool

    @property
    def donors(self) -> int:
        """Clips of each half that give their streams to those of the other."""
        return WHOLE_PASSES_PER_CLIP // 2 if self.takes_whole_passes else DONORS

    @property
    def remeasured(self) -> int:
        """Pairs of classes that are measured again."""
        return 0 if self.takes_whole_passes else MAX_REMEASURED


def plan_fusion(
    clips: int, has_classes: bool, takes_whole_passes: bool, stream_bytes: int = 0, max_passes: float = math.inf
) -> FusionPlan:
    """Plan a study of so many clips; `stream_bytes` are those of a clip's streams."""
    side, affordable = MAX_SIDE, MAX_STREAM_BYTES // max(1, stream_bytes)
    if takes_whole_passes:
        side = min(MAX_SIDE, isqrt(int(min(2 * clips, max_passes / 4))))
        affordable = int(min(affordable, max_passes / 2 // (2 * WHOLE_PASSES_PER_CLIP)))
    scored = min(MAX_SCORED, max(2 * MIN_GROUPS, affordable)) if has_classes else 2 * side
    return FusionPlan(side, scored, takes_whole_passes)


class FusionCosts:
    """What a study of a network costs: `combination` is that of one combination of streams, in forward passes."""

    def __init__(self, network: Network, *, takes_whole_passes: bool) -> None:
        self.has_classes = bool(network.card.classes)
        self.networks, self.calibrations, self.combination = 2, 0, 1.0
        if takes_whole_passes:
            return
        motion = [layer.name for layer in network.card.own_layers if layer.stream == "motion"][-1]
        self.combination = count_tails(network, [motion])[motion]
        self.networks += REDRAWN
        rectified = sum(network.points[layer.name].rectified for layer in fusion_layers(network))
        has_norms = any(isinstance(part, BATCH_NORMS) for part in network.module.modules())
        # thresholds are read once of the network, and of each with weights drawn anew layer by layer
        self.calibrations = (1 if rectified else 0) + REDRAWN * (rectified + has_norms)

    def count_passes(self, plan: FusionPlan, clips: int, classes: int) -> int:
        """Return about how many passes a study takes, where so many clips of so many classes can be had."""
        clips = min(clips, plan.scored)
        side = min(plan.side, clips // 2)
        combinations = self.networks * side**2 + self.calibrations * min(side, CALIBRATION_CLIPS) ** 2
        if self.has_classes:
            pairs = min(plan.remeasured, classes * (classes - 1) // 2)
            combinations += 2 * clips * min(plan.donors, clips // 2)
            combinations += pairs * min(2 * PAIR_CLIPS, 2 * clips // max(1, classes)) ** 2
        return clips + 2 * side + math.ceil(self.combination * combinations)


def count_fusion_passes(network: Network, clips: int, classes: int, max_passes: float = math.inf) -> int:
    """Return about how many passes a study of this many clips of so many classes takes."""
    takes_whole_passes = last_stream_layers(network) is None
    plan = plan_fusion(clips, bool(network.card.classes), takes_whole_passes, max_passes=max_passes)
    return FusionCosts(network, takes_whole_passes=takes_whole_passes).count_passes(plan, clips, classes)
