"""Choose which units to silence: cheap layers whole, dear ones by a sample, all within a budget of forward passes."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from worker.evidence.clip_choice import choose_clips
from worker.evidence.resampling import GroupedClips

MAX_PASSES = 10.0  # forward passes for each clip, as many as the probes of tuning may take
MIN_PASSES = 3.0  # for each clip; where the budget does not allow as many of all clips, fewer clips are shown
MAX_WHOLE_LAYER_PASSES = 2.0  # of one layer, for all of its units to be silenced; of a dearer one a sample is
SAMPLED_UNITS = 32  # of a dear layer: a share of its units is then known to 17 points (95 %)
MEAN_CLIPS = 256  # over which means are taken: their error is then a sixteenth of the deviation between clips
MAX_VALUES = 32_000_000  # sets of units x groups of clips, for each of which two float32 are kept

Booleans = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class SilencedLayer:
    """Units of a layer to be silenced one by one, and sets of its units to be silenced together."""

    name: str
    units: npt.NDArray[np.int64]  # (n,) numbers, ascending
    live: int  # units of the layer that some clip moves; the others have no effect
    sets: Booleans  # (m, U)
    tail: float  # a set more costs this share of a forward pass
    copies: float = math.inf  # sets that are silenced in one pass: for more of them what is before the layer runs again

    @property
    def silenced(self) -> Booleans:
        """Which units each set has, (1 + n + m, U): none first, then the units one by one, then the sets."""
        none = np.zeros((1, self.sets.shape[1]), bool)
        return np.concatenate([none, self.units[:, None] == np.arange(self.sets.shape[1]), self.sets])

    @property
    def passes(self) -> float:
        """Forward passes for each clip."""
        count = len(self.units) + len(self.sets)
        return (
            max(1, math.ceil((1 + count) / self.copies)) + count * self.tail
        )  # with none silenced it is one whole pass


@dataclass(frozen=True)
class SilencingEffort:
    """How many clips are shown with units silenced, and the forward passes that each may take."""

    clips: int
    passes_per_clip: float

    @property
    def passes(self) -> int:
        """Forward passes of the network and its control at most, with those for the means."""
        return 2 * (math.ceil(self.passes_per_clip * self.clips) + min(MEAN_CLIPS, self.clips))

    def choose(self, clips: GroupedClips) -> npt.NDArray[np.int64]:
        """Return the rows of the clips that are shown, ascending."""
        return np.array(choose_clips(clips, self.clips), np.int64)


def plan_effort(clips: int, max_passes: float = math.inf) -> SilencingEffort:
    """Plan for so many clips within `max_passes` of the network and its control together.

    First fewer units are silenced, then fewer clips are shown.
    """
    each = (max_passes / 2 - min(MEAN_CLIPS, clips)) / max(1, clips)
    if each >= MIN_PASSES:
        return SilencingEffort(clips, min(MAX_PASSES, each))
    return SilencingEffort(max(1, int(max_passes / 2 // (MIN_PASSES + 1))), MIN_PASSES)


def plan_silencing(
    tails: Mapping[str, float],
    live: Mapping[str, Booleans],
    sets: Mapping[str, Booleans],
    groups: int,
    seed: int = 0,
    *,
    max_passes: float = MAX_PASSES,
    max_values: int = MAX_VALUES,
    copies: Mapping[str, int] | None = None,
) -> tuple[SilencedLayer, ...]:
    """Return the layers to measure, in the order of `tails`.

    `tails` gives the cost by layer, `copies` how many sets run in one pass (by default all), `live` (U,) its live
    units, `sets` (m, U) what is silenced together. Layers are taken from the cheapest on, as long as what they take
    stays within the budget.
    """
    generator = np.random.default_rng(seed)
    chosen: dict[str, SilencedLayer] = {}
    passes, values = 0.0, 0
    for name in sorted(tails, key=lambda each: tails[each]):
        units = np.flatnonzero(live[name])
        at_once = math.inf if copies is None else copies[name]
        whole = SilencedLayer(name, units, len(units), sets[name], tails[name], at_once)
        sample = np.sort(generator.choice(units, min(SAMPLED_UNITS, len(units)), replace=False))
        candidates = (whole, SilencedLayer(name, sample, len(units), sets[name], tails[name], at_once))
        for layer in candidates[whole.passes > MAX_WHOLE_LAYER_PASSES :]:
            more = len(layer.silenced) * groups
            if passes + layer.passes <= max_passes and values + more <= max_values:
                chosen[name] = layer
                passes, values = passes + layer.passes, values + more
                break
    return tuple(chosen[name] for name in tails if name in chosen)
