"""Sets of units to be silenced together: the best detectors of each class, and as many other units of the layer.

Single units of a layer stand in for each other, so that a class may lose nothing with any one of them. The sets ask
whether selectivity tells what a class needs: Morcos et al. (2018) found that it does not tell what the accuracy needs,
Zhou et al. (2018, Revisiting the importance of individual units in CNNs via ablation) that it does for single classes.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from worker.evidence.measures import average_precision
from worker.evidence.types import Floats, Labels

SET_SHARE = 0.05  # of a layer's live units: enough that the others do not stand in, and few enough to be a choice
MAX_CLASSES = 32  # whose detectors are silenced, at random where there are more
MIN_CLASSES = 5  # exchanging detectors and others of fewer classes can never have a p-value below 5 %

Booleans = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class DetectorSets:
    """For each of m classes of a layer: its best detectors, and the units with which they are compared."""

    classes: Labels  # (m,)
    detectors: Booleans  # (m, U)
    others: Booleans  # (m, U) of the same mean activation, one for each detector

    @property
    def size(self) -> int:
        """The number of units of each set."""
        return int(self.detectors[0].sum()) if len(self.detectors) else 0

    @property
    def sets(self) -> Booleans:
        """All sets, (2 m, U): the detectors, then the others."""
        return np.concatenate([self.detectors, self.others])


def choose_classes(labels: Labels, generator: np.random.Generator) -> Labels:
    """Return the classes (m,) that have clips, ascending; of more than MAX_CLASSES a random sample."""
    classes = np.unique(labels)
    return np.sort(generator.permutation(classes)[:MAX_CLASSES])


def choose_sets(peaks: Floats, live: Booleans, labels: Labels, classes: Labels) -> DetectorSets:
    """Choose the sets of a layer from the peaks (N, U) of its units, of which `live` (U,) can have an effect.

    The detectors of a class are the live units of the largest average precision for it; each is matched with the live
    unit of the nearest mean peak that is in neither set yet. There are none where so few units are live that the sets
    would be half of them or more, or the classes fewer than MIN_CLASSES.
    """
    units = np.flatnonzero(live)
    size = max(1, round(SET_SHARE * len(units)))
    if len(units) < 4 * size or len(classes) < MIN_CLASSES:
        empty = np.zeros((0, peaks.shape[1]), bool)
        return DetectorSets(classes[:0], empty, empty)
    precision = np.concatenate(
        [average_precision(peaks[:, chunk], labels, int(labels.max()) + 1) for chunk in _chunks(units)]
    )
    mean = peaks.mean(0, dtype=np.float64)
    detectors, others = np.zeros((2, len(classes), peaks.shape[1]), bool)
    for row, label in enumerate(classes):
        best = units[np.argsort(-precision[:, label], kind="stable")[:size]]
        detectors[row, best] = True
        others[row, _nearest(mean, best, np.setdiff1d(units, best))] = True
    return DetectorSets(classes, detectors, others)


def _nearest(mean: Floats, chosen: npt.NDArray[np.int64], free: npt.NDArray[np.int64]) -> list[int]:
    """Return for each chosen unit the free unit of the nearest mean, each once."""
    left, found = list(free.tolist()), []
    for unit in chosen:
        nearest = min(left, key=lambda other: abs(mean[other] - mean[unit]))
        left.remove(nearest)
        found.append(nearest)
    return found


def _chunks(units: npt.NDArray[np.int64], size: int = 512) -> Sequence[npt.NDArray[np.int64]]:
    return [units[first : first + size] for first in range(0, len(units), size)]
