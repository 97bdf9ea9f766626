"""Formulas that measure units over clips. Shapes: N clips, u units, C classes; labels (N,) are class numbers."""

import numpy as np
import numpy.typing as npt

from worker.evidence.types import Floats, Labels

CORRELATED_UNITS = 6  # kept for each unit
UNITS_AT_ONCE, CLIPS_AT_ONCE = 256, 2048  # multiplied at once for correlations


def firing_rate(peaks: Floats) -> Floats:
    """Return the share of the clips in which each unit is positive somewhere: (N, u) to (u,)."""
    return np.asarray((peaks > 0).mean(0))


def class_means_and_maxima(peaks: Floats, labels: Labels, classes: int) -> tuple[Floats, Floats]:
    """Return the mean of max(a, 0) and the maximum of a over the clips of each class: (N, u) to twice (u, C).

    Both are zero for a class without clips.
    """
    means, maxima = np.zeros((2, peaks.shape[1], classes))
    for label in np.unique(labels):
        of_class = peaks[labels == label]
        means[:, label] = np.maximum(of_class, 0).mean(0, dtype=np.float64)
        maxima[:, label] = of_class.max(0)
    return means, maxima


def class_responses(means: Floats, a_hat: Floats) -> Floats:
    """Return r_c = mean over the clips of class c of max(a, 0) / a_hat: means (u, C) and a_hat (u,) to (u, C).

    Here a is the largest activation over positions and a_hat its maximum over clips, so 0 <= r_c <= 1. Negative
    activations (of units that no ReLU follows) count as 0, and a unit that is never positive has r = 0.
    """
    positive = np.where(a_hat > 0, a_hat, np.inf)
    return np.asarray(means / positive[:, None])


def effective_classes(r: Floats) -> Floats:
    """Return exp(entropy of r_c / sum r) of the responses r: (u, C) to (u,).

    It is 1 for a unit that responds to one class alone, C for one that responds to all classes alike, and 0 where
    r = 0.
    """
    total = r.sum(1, keepdims=True)
    p = np.divide(r, total, out=np.zeros_like(r), where=total > 0)
    entropy = -(p * np.log(np.where(p > 0, p, 1))).sum(1)
    return np.asarray(np.where(total[:, 0] > 0, np.exp(entropy), 0.0))


def count_at_least(values: Floats) -> Floats:
    """Count for each value how many of its column are as large or larger, itself included: (N, u) to (N, u)."""
    count = len(values)
    order = np.argsort(values, 0)
    ascending = np.take_along_axis(values, order, 0)
    first_equal = np.zeros(values.shape, np.int64)  # row of the first of the equal values
    first_equal[1:] = np.where(ascending[1:] != ascending[:-1], np.arange(1, count)[:, None], 0)
    np.maximum.accumulate(first_equal, 0, out=first_equal)
    counts = np.empty(values.shape)
    np.put_along_axis(counts, order, count - first_equal, 0)
    return counts


def average_precision(peaks: Floats, labels: Labels, classes: int) -> Floats:
    """Return the average precision of each unit as a detector of each class: (N, u) to (u, C).

    AP_c = mean over the clips i of class c of |{j of class c: a_j >= a_i}| / |{j: a_j >= a_i}|, which is the area
    under the precision-recall curve by steps; clips of equal activation count together. Zero for a class without clips.
    """
    precision = np.zeros((peaks.shape[1], classes))
    among_all = count_at_least(peaks)
    for label in np.unique(labels):
        of_class = labels == label
        precision[:, label] = (count_at_least(peaks[of_class]) / among_all[of_class]).mean(0)
    return precision


def correlated_units(
    peaks: Floats,
    count: int = CORRELATED_UNITS,
    *,
    units_at_once: int = UNITS_AT_ONCE,
    clips_at_once: int = CLIPS_AT_ONCE,
) -> list[tuple[tuple[int, float], ...]]:
    """Return for each unit of a layer the `count` units that correlate most with it: (unit number, correlation).

    Pearson's correlation of the peaks (N, U) over clips, the largest first. A unit whose peak never changes has no
    correlation. The products are summed over blocks of units and clips, so `peaks` may be a memory map.
    """
    units = peaks.shape[1]
    mean, deviation = peaks.mean(0, dtype=np.float64), peaks.std(0, dtype=np.float64)
    scale = np.where(deviation > 1e-6 * np.abs(mean), deviation, np.nan)
    correlated: list[tuple[tuple[int, float], ...]] = []
    for start in range(0, units, units_at_once):
        chunk = slice(start, min(start + units_at_once, units))
        products = np.zeros((chunk.stop - start, units))
        for first in range(0, len(peaks), clips_at_once):
            centred = peaks[first : first + clips_at_once] - mean
            products += centred[:, chunk].T @ centred
        matrix = np.clip(products / len(peaks) / scale[chunk, None] / scale, -1, 1)
        matrix[np.arange(len(matrix)), np.arange(start, chunk.stop)] = np.nan  # a unit with itself
        order = np.argsort(np.where(np.isnan(matrix), np.inf, -matrix), 1, kind="stable")[:, :count]
        for row, most in zip(matrix, order, strict=True):
            correlated.append(tuple((int(other), float(row[other])) for other in most if not np.isnan(row[other])))
    return correlated


def softmax(logits: Floats) -> Floats:
    """Return exp(z_c) / sum exp(z), computed in float64: (C,) to (C,)."""
    powers = np.exp(logits.astype(np.float64) - logits.max())
    return np.asarray(powers / powers.sum())


def confusion_matrix(logits: Floats, labels: Labels) -> npt.NDArray[np.int64]:
    """Count the clips of the row's class that are classified as the column's class: logits (N, C) to (C, C)."""
    classes = logits.shape[1]
    matrix = np.zeros((classes, classes), np.int64)
    np.add.at(matrix, (labels, logits.argmax(1)), 1)
    return matrix


def accuracy(matrix: npt.NDArray[np.int64]) -> float:
    """Return the share of all clips that are classified correctly, from a confusion matrix (C, C)."""
    return float(np.trace(matrix) / max(1, matrix.sum()))


def recall(matrix: npt.NDArray[np.int64]) -> Floats:
    """Return the share of each class's clips that are classified correctly: (C, C) to (C,); 0 for no clips."""
    return np.asarray(np.diag(matrix) / np.maximum(1, matrix.sum(1)))


def roc_auc(scores: Floats, positive: npt.NDArray[np.bool_]) -> float:
    """Return the area under the ROC curve: scores (n,) and which of them are of positives (n,).

    It is the probability that a positive scores more than a negative, where ties count by half (Mann-Whitney U).
    """
    positives, negatives = scores[positive][:, None], scores[~positive][None]
    return float(((positives > negatives) + 0.5 * (positives == negatives)).mean())
