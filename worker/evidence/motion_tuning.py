"""How a unit's response grows with the size of the motion, and which rate of the motion it prefers.

With a(g, r) the peak on a clip whose flow is multiplied by the gain g and played at the rate r, and a(0) the peak
without motion, R = a - a(0), summed over the unit's clips, is what motion adds.

    motion share   R(1, 1) / max(|a(1, 1)|, |a(0)|)
    gain slope     d log R / d log g by least squares, at rate 1: 1 for a linear unit, 0 where size does not matter
    rate curve     R(1, r) / R(1, 1), over the clips that are long enough for r, and its width at half height

Of a unit that motion lowers, -R is taken. A unit that motion moves by less than MIN_MOTION_SHARE has no curves.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from worker.evidence.motion_grid import ChangedPeaks
from worker.evidence.playback import STILL, UNCHANGED, MotionChange
from worker.evidence.resampling import Integers
from worker.evidence.types import Floats

MIN_MOTION_SHARE = 0.1  # of its response, by which motion must move a unit
MIN_RESPONSE = 0.01  # of the largest: smaller ones are left out of the slope, because their logarithm is noise
MIN_GAINS = 3  # at which a unit responds, for a slope
MAX_CLIPPED = 0.05  # share of flow vectors beyond what the data can hold: larger gains are left out of the slope

Booleans = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class GridResponses:
    """What motion adds to the responses of U units: to K clips each, in M ways; NaN where a clip was not shown."""

    changes: tuple[MotionChange, ...]
    added: Floats  # (U, K, M) a - a(0); of a unit that motion lowers, a(0) - a
    clips: Integers  # (U, K) clip numbers, -1 for none
    motion_share: Floats  # (U,) from -1 to 1, or more for units of two signs; NaN where no clip was shown

    @property
    def moved(self) -> Booleans:
        """Which units (U,) motion moves by MIN_MOTION_SHARE or more."""
        return np.abs(np.nan_to_num(self.motion_share)) >= MIN_MOTION_SHARE

    @property
    def shown(self) -> Booleans:
        """Which of the clips (U, K) were shown."""
        return ~np.isnan(self.added[:, :, self.changes.index(UNCHANGED)])

    def chunk(self, units: slice) -> "GridResponses":
        return GridResponses(self.changes, self.added[units], self.clips[units], self.motion_share[units])


def grid_responses(peaks: ChangedPeaks, layer: str, clips: Integers, *, signed: bool = False) -> GridResponses:
    """Return what motion adds to the responses of a layer's units; `clips` (U, K) are the numbers of their clips.

    Negative peaks count as 0, but for units of two signs (`signed`).
    """
    changes = peaks.grid_changes
    values = peaks.grid[layer].astype(np.float64)
    if not signed:
        values = np.maximum(values, 0)  # keeps NaN
    still = values[:, :, changes.index(STILL)]
    unchanged = values[:, :, changes.index(UNCHANGED)]
    moving, resting = np.nansum(unchanged, 1), np.nansum(still, 1)
    largest = np.maximum(np.abs(moving), np.abs(resting))
    share = np.divide(moving - resting, largest, out=np.full_like(moving, np.nan), where=largest > 0)
    added = (values - still[:, :, None]) * np.where(share < 0, -1.0, 1.0)[:, None, None]
    return GridResponses(changes, added, clips, share)


def gain_curves(responses: GridResponses, weights: Floats | None = None) -> tuple[tuple[float, ...], Floats]:
    """Return the gains and the responses (..., U, G) to them, summed over the clips shown.

    `weights` (..., U, K) says how often each clip counts.
    """
    by_gain = {change.gain: index for index, change in enumerate(responses.changes) if change.rate == 1 and change.gain}
    gains = tuple(sorted(by_gain))
    added = np.nan_to_num(responses.added[:, :, [by_gain[gain] for gain in gains]])  # (U, K, G)
    if weights is None:
        return gains, added.sum(1)
    return gains, np.einsum("...uk,ukg->...ug", weights, added)


def gain_slope(curves: Floats, gains: Sequence[float]) -> Floats:
    """Return d log R / d log g of response curves (..., G) by least squares: (...); NaN with fewer than MIN_GAINS.

    Responses below MIN_RESPONSE of a curve's largest are left out.
    """
    largest = curves.max(-1, keepdims=True)
    used = (curves > MIN_RESPONSE * largest) & (largest > 0)
    counts = used.sum(-1)
    x = np.where(used, np.log(gains), 0.0)
    y = np.log(np.where(used, curves, 1.0))
    safe = np.maximum(counts, 1)
    x_mean, y_mean = x.sum(-1) / safe, y.sum(-1) / safe
    centred = np.where(used, x - x_mean[..., None], 0.0)
    variance = (centred**2).sum(-1)
    covariance = (centred * np.where(used, y - y_mean[..., None], 0.0)).sum(-1)
    slope = np.divide(covariance, variance, out=np.full_like(variance, np.nan), where=variance > 0)
    return np.asarray(np.where(counts >= MIN_GAINS, slope, np.nan))


def usable_gains(gains: Sequence[float], clipped: Sequence[float]) -> tuple[float, ...]:
    """Return the gains at which at most MAX_CLIPPED of the flow vectors are beyond what the data can hold."""
    return tuple(gain for gain, share in zip(gains, clipped, strict=True) if share <= MAX_CLIPPED)


def rate_curves(responses: GridResponses) -> tuple[tuple[float, ...], Floats]:
    """Return the rates and the responses to them (U, R) as shares of that to rate 1, over the same clips.

    NaN where no clip of the unit is long enough, or motion adds nothing at rate 1.
    """
    by_rate = {change.rate: index for index, change in enumerate(responses.changes) if change.gain == 1}
    rates = tuple(sorted(by_rate))
    added = responses.added[:, :, [by_rate[rate] for rate in rates]]  # (U, K, R)
    at_one = np.where(np.isnan(added), np.nan, responses.added[:, :, [by_rate[1.0]]])
    sums, ones = np.nansum(added, 1), np.nansum(at_one, 1)
    measured = ~np.isnan(added).all(1) & (ones > 0)
    return rates, np.divide(sums, ones, out=np.full_like(sums, np.nan), where=measured)


@dataclass(frozen=True)
class RateWidth:
    """The rate that a unit prefers, and the width of its curve at half height in octaves.

    A side is censored where the curve does not fall to half inside the rates that were shown: the width is then the
    least that it can be.
    """

    preferred: float
    octaves: float
    censored_below: bool
    censored_above: bool


def rate_width(responses: Sequence[float], rates: Sequence[float]) -> RateWidth | None:
    """Return the preferred rate and width of a curve, linear over log2 of the rate; None where nothing is positive.

    Rates without a response (NaN) do not count as shown.
    """
    shown = [(rate, value) for rate, value in zip(rates, responses, strict=True) if not np.isnan(value)]
    if len(shown) < 2 or max(value for _, value in shown) <= 0:
        return None
    octaves = np.log2([rate for rate, _ in shown])
    curve = np.array([value for _, value in shown])
    best = int(curve.argmax())
    half = curve[best] / 2

    def reach(step: int) -> tuple[float, bool]:
        index = best
        while 0 <= index + step < len(curve):
            beyond = index + step
            if curve[beyond] < half:
                share = (curve[index] - half) / (curve[index] - curve[beyond])
                return float(octaves[index] + share * (octaves[beyond] - octaves[index])), False
            index = beyond
        return float(octaves[index]), True

    (low, below), (high, above) = reach(-1), reach(1)
    return RateWidth(float(shown[best][0]), high - low, below, above)


def clip_draws(responses: GridResponses, groups: Integers, draws: int, generator: np.random.Generator) -> Floats:
    """Return how often each clip (draws, U, K) counts where every unit draws as many of its groups as it has.

    `groups` gives by clip number the group within which clips are not independent.
    """
    units, slots = responses.clips.shape
    shown = responses.shown
    own = np.where(shown, groups[np.maximum(responses.clips, 0)], -1)  # (U, K)
    is_first = shown & ~np.array([[own[u, k] in own[u, :k] for k in range(slots)] for u in range(units)], bool)
    first_slots = np.argsort(~is_first, 1, kind="stable")  # slots of the groups, then the others
    count = np.maximum(is_first.sum(1), 1)
    drawn = (generator.random((draws, units, slots)) * count[:, None]).astype(np.int64)
    is_used = np.arange(slots) < count[:, None]
    chosen = np.take_along_axis(np.broadcast_to(own, (draws, units, slots)), _slots(first_slots, drawn), 2)
    # a clip counts as often as its group was drawn
    weights = ((chosen[:, :, :, None] == own[None, :, None, :]) & is_used[None, :, :, None]).sum(2)
    return np.asarray(weights * shown, np.float64)


def _slots(first_slots: Integers, drawn: Integers) -> Integers:
    return np.take_along_axis(np.broadcast_to(first_slots, drawn.shape), drawn, 2)


def count_groups(responses: GridResponses, groups: Integers) -> Integers:
    """Return how many independent groups of clips each unit (U,) was shown."""
    own = np.where(responses.shown, groups[np.maximum(responses.clips, 0)], -1)
    return np.array([len(set(row.tolist()) - {-1}) for row in own], np.int64)
