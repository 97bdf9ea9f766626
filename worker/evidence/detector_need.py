"""Whether a class needs its best detectors more than other units, and whether selective units matter at all."""

from collections.abc import Sequence

import numpy as np

from app.contract.interval import Interval
from app.contract.necessity import DetectorNeed
from worker.evidence.paired_changes import ClassGroups, sum_by_class
from worker.evidence.resampling import percentile_interval
from worker.evidence.types import Floats, Labels

DRAWS = 999  # exchanges of detectors and others, permutations of units, and resamples


class DetectorContrast:
    """The fall of each class without its detectors, less that without the other units, of one or several layers.

    `falls` (layers, m, 2, D) are of m classes, margin and recall, as measured (D = 1) and on resamples of the groups.
    """

    def __init__(self, size: int, falls: Floats) -> None:
        self.size, self.falls = size, falls

    def summarize(self, generator: np.random.Generator, control: "DetectorContrast | None") -> DetectorNeed:
        """Return the mean over layers and classes with its interval: classes are drawn anew, with their groups."""
        margin, recall = self.falls.mean(0).transpose(1, 0, 2)
        measured = margin[:, 0]
        signs = generator.choice(np.array([-1.0, 1.0]), (DRAWS, len(measured)))
        exchanged = (signs * measured).mean(1)
        return DetectorNeed(
            size=self.size,
            classes=len(measured),
            recall=_resample_classes(recall, generator),
            margin=_resample_classes(margin, generator),
            p_value=float((1 + (exchanged >= measured.mean()).sum()) / (1 + DRAWS)),
            null=percentile_interval(float(exchanged.mean()), exchanged),
            control=None if control is None else _resample_classes(control.falls.mean(0)[:, 0], generator),
        )


def _resample_classes(falls: Floats, generator: np.random.Generator) -> Interval:
    """Return the mean over classes (m, 1 + draws), whose first column is as measured."""
    draws = falls.shape[1] - 1
    drawn = [falls[generator.integers(0, len(falls), len(falls)), 1 + draw].mean() for draw in range(draws)]
    return percentile_interval(float(falls[:, 0].mean()), np.array(drawn))


def contrast_detectors(
    margin: Floats, correct: Floats, classes: Labels, groups: ClassGroups, resamples: Sequence[Labels], size: int
) -> DetectorContrast:
    """Return the contrast of one layer from the changes (2 m, K) without the detectors and without the others."""
    row = np.searchsorted(groups.classes, classes)
    number = np.arange(len(classes))
    columns = []
    for counts in [np.ones(len(groups.labels)), *resamples]:
        clips = sum_by_class((groups.sizes * counts)[None], groups.labels)
        by_class = [sum_by_class(values * counts, groups.labels) / np.maximum(1, clips) for values in (margin, correct)]
        own = [(values[len(classes) + number, row] - values[number, row]) for values in by_class]
        columns.append(np.stack(own, 1))
    return DetectorContrast(size, np.stack(columns, 2)[None])


def join_layers(contrasts: Sequence[DetectorContrast]) -> DetectorContrast:
    """Return the contrasts of several layers as one, whose figures are means over the layers."""
    return DetectorContrast(
        round(float(np.mean([each.size for each in contrasts]))), np.concatenate([each.falls for each in contrasts])
    )


def rank(values: Floats) -> Floats:
    """Return the ranks of values along the last axis, (..., n), equal values in their order."""
    return np.asarray(np.argsort(np.argsort(values, -1, kind="stable"), -1, kind="stable").astype(np.float64))


def rank_correlations(one: Floats, others: Floats) -> Floats:
    """Return Spearman's rank correlations of values (n,) with each of the rows (m, n)."""
    first, second = rank(one), rank(others)
    first, second = first - first.mean(), second - second.mean(-1, keepdims=True)
    scale = np.sqrt((first**2).sum() * (second**2).sum(-1))
    return np.asarray((second @ first) / np.where(scale > 0, scale, np.inf))
