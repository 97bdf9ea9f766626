"""What the layers of a network share between clips and the same clips changed, with intervals and chance.

The same draws serve every layer and the control, so that differences between layers have intervals too.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from app.contract.invariance import SharedUnderChange
from worker.evidence.cross_speed import Sharing, fold_groups, measure_sharing
from worker.evidence.motion_grid import ChangedPeaks
from worker.evidence.playback import STILL, MotionChange
from worker.evidence.resampling import GroupedClips, Integers, make_interval
from worker.evidence.types import Floats

MIN_CLASSES = 6  # for classes to be drawn: of fewer, most draws miss some, and groups of clips are drawn instead
DRAWS = 400  # for intervals
SHUFFLES = 99  # of labels, for the chance level of a layer

Kind = Literal["speed", "direction"]
Resampled = Literal["classes", "groups"]


@dataclass(frozen=True)
class ComparedClips:
    """Clips that are compared with their changed versions, and the draws for chance and intervals.

    Comparisons of the same clips share the draws.
    """

    numbers: tuple[int, ...]  # n clips, by number
    clips: GroupedClips
    folds: Integers  # (n,)
    shuffled: tuple[Integers, ...]  # labels (n,) in random order
    weights: Floats  # (DRAWS, n) how often each clip counts


@dataclass(frozen=True)
class Comparison:
    """A way in which clips are changed, and the clips."""

    kind: Kind
    amount: float  # factor of the speed, or degrees
    change: MotionChange
    compared: ComparedClips


@dataclass(frozen=True)
class LayerSharing:
    """The measures of one layer in one comparison, and the draws behind their intervals."""

    comparison: Comparison
    sharing: Sharing

    @property
    def beyond_still(self) -> float:
        return self.sharing.same_class.mean() - self.sharing.still.mean()

    def resampled_beyond_still(self) -> Floats:
        """Return `beyond_still` for each of the draws: (DRAWS,)."""
        weights = self.comparison.compared.weights
        return self.sharing.same_class.resampled(weights) - self.sharing.still.resampled(weights)

    def facts(self) -> SharedUnderChange:
        """Return the measures with their intervals."""
        weights, sharing = self.comparison.compared.weights, self.sharing
        scores = {
            name: make_interval(score.mean(), score.resampled(weights))
            for name, score in (
                ("same_class", sharing.same_class),
                ("within", sharing.within),
                ("still", sharing.still),
                ("same_clip", sharing.same_clip),
                ("decoded", sharing.decoded),
                ("decoded_within", sharing.decoded_within),
                ("told_apart", sharing.told_apart),
            )
        }
        return SharedUnderChange(
            kind=self.comparison.kind,
            amount=self.comparison.amount,
            clips=len(self.comparison.compared.numbers),
            **scores,
            beyond_still=make_interval(self.beyond_still, self.resampled_beyond_still()),
            chance=float(sharing.chance.mean()),
            chance_high=float(np.percentile(sharing.chance, 95)),
            decoded_chance=float(sharing.decoded_chance.mean()),
            cka=sharing.cka,
        )


def resampled_unit(clips: GroupedClips) -> Resampled:
    """Return what is drawn for intervals: classes, or groups of clips where there are fewer than MIN_CLASSES."""
    return "classes" if len(np.unique(clips.labels)) >= MIN_CLASSES else "groups"


def draw_weights(clips: GroupedClips, draws: int, generator: np.random.Generator) -> Floats:
    """Return how often each of N clips counts in each draw: (draws, N)."""
    draw = clips.resample_classes if resampled_unit(clips) == "classes" else clips.resample
    return np.stack([draw(generator) for _ in range(draws)])


def choose_compared(
    numbers: Sequence[int], recorded: Integers, clips: GroupedClips, generator: np.random.Generator
) -> ComparedClips | None:
    """Return the clips of these numbers with their draws, or None where they allow no interval.

    `clips` are those recorded, with the numbers `recorded`.
    """
    rows = np.searchsorted(recorded, sorted(numbers))
    chosen = GroupedClips(clips.labels[rows], np.unique(clips.groups[rows], return_inverse=True)[1])
    if not len(rows) or not chosen.can_be_resampled:
        return None
    return ComparedClips(
        tuple(sorted(numbers)),
        chosen,
        fold_groups(chosen.labels, chosen.groups),
        tuple(chosen.shuffle(generator) for _ in range(SHUFFLES)),
        draw_weights(chosen, DRAWS, generator),
    )


def share_of_layer(
    layer: str, comparison: Comparison, changed: ChangedPeaks, unchanged: Mapping[int, Floats]
) -> LayerSharing:
    """Measure a layer; `unchanged` gives its peaks (U,) by clip number."""
    numbers, compared = comparison.compared.numbers, comparison.compared
    sharing = measure_sharing(
        np.stack([unchanged[number] for number in numbers]),
        changed.of_layer(layer, comparison.change, numbers),
        changed.of_layer(layer, STILL, numbers),
        compared.clips.labels,
        compared.clips.groups,
        compared.shuffled,
        compared.folds,
    )
    return LayerSharing(comparison, sharing)
