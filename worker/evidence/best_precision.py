"""Whether units detect a class better than they would under shuffled labels.

The best of C average precisions is above the share of a class by chance alone: of 21 classes with ten clips each it is
.18 on average. A unit's p-value is the share of shuffles of the labels in which its best is as large.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from worker.evidence.measures import average_precision
from worker.evidence.types import Floats, Labels


@dataclass(frozen=True)
class BestPrecision:
    """The best average precision of U units over the classes, and what shuffled labels give."""

    best: Floats  # (U,)
    label: Labels  # (U,) the class of it
    live: npt.NDArray[np.bool_]  # (U,) whether any clip made the unit positive
    p_value: Floats  # (U,) 1 for units that are not live
    chance: float  # mean of the best under shuffled labels, over live units
    chance_high: float  # 95th percentile of that

    def detectors(self, p_limit: float) -> npt.NDArray[np.bool_]:
        """Return which units (U,) chance does not explain at this limit of the p-value."""
        return self.live & (self.p_value <= p_limit)


def measure_best_precision(
    chunks: Iterable[Floats], labels: Labels, classes: int, shuffled: Sequence[Labels]
) -> BestPrecision:
    """Measure the units of a layer, whose peaks on N clips come in chunks (N, u); `shuffled` are labels (N,)."""
    parts = [_measure(np.maximum(peaks, 0), labels, classes, shuffled) for peaks in chunks]
    best, label, live, p_value, by_chance = (np.concatenate(each, -1) for each in zip(*parts, strict=True))
    of_live = by_chance[:, live]  # (shuffles, live)
    has_any = bool(of_live.size)
    return BestPrecision(
        best,
        label,
        live,
        p_value,
        float(of_live.mean()) if has_any else 0.0,
        float(np.percentile(of_live, 95)) if has_any else 0.0,
    )


def _measure(
    peaks: Floats, labels: Labels, classes: int, shuffled: Sequence[Labels]
) -> tuple[Floats, Labels, npt.NDArray[np.bool_], Floats, Floats]:
    precision = average_precision(peaks, labels, classes)
    best, live = precision.max(1), peaks.max(0) > 0
    by_chance = shuffled_best(peaks, shuffled)
    p_value = np.where(live, (1 + (by_chance >= best - 1e-9).sum(0)) / (1 + len(shuffled)), 1.0)
    return best, precision.argmax(1), live, p_value, by_chance


def shuffled_best(peaks: Floats, shuffled: Sequence[Labels]) -> Floats:
    """Return the best average precision of units with peaks (N, u) under each of D shuffled labels (N,): (D, u).

    The same as the largest of `average_precision`, but faster: only the lowest of equal peaks are taken together, which
    are those of clips to which a unit does not respond.
    """
    count = len(peaks)
    order = np.argsort(-peaks, 0, kind="stable")
    responding = (peaks > peaks.min(0)).sum(0)
    best = np.empty((len(shuffled), peaks.shape[1]))
    for draw, labels in enumerate(shuffled):
        sizes = np.bincount(labels)  # which differ from draw to draw where groups do
        sizes = sizes[sizes > 0]
        starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
        place = np.arange(count) - np.repeat(starts, sizes) + 1  # of each clip among those of its class
        share = np.repeat(sizes, sizes) / count
        rank = np.argsort(labels.astype(np.int16)[order], 0, kind="stable")  # for each class in turn, of its clips
        precision = np.where(rank < responding, place[:, None] / (rank + 1), share[:, None])
        best[draw] = (np.add.reduceat(precision, starts, 0) / sizes[:, None]).max(0)
    return best
