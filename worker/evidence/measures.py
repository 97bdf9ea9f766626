"""The measures of units over clips, each formula once. Arrays: N clips x u units, labels (N,) as class numbers."""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating]
Labels = npt.NDArray[np.int64]

ALIKE = 6  # units kept as most alike
CHUNK, BLOCK = 256, 2048  # units and clips multiplied at once for correlations


def firing_rate(peaks: Floats) -> Floats:
    """Share of the clips in which a unit is positive somewhere: (N, u) to (u,)."""
    return np.asarray((peaks > 0).mean(0))


def by_class(peaks: Floats, labels: Labels, classes: int) -> tuple[Floats, Floats]:
    """Mean of max(a, 0) and maximum of a over the clips of each class: (N, u) to twice (u, classes).

    Zero for a class without clips.
    """
    means, maxima = np.zeros((2, peaks.shape[1], classes))
    for label in np.unique(labels):
        own = peaks[labels == label]
        means[:, label] = np.maximum(own, 0).mean(0, dtype=np.float64)
        maxima[:, label] = own.max(0)
    return means, maxima


def responses(means: Floats, a_hat: Floats) -> Floats:
    """r_c = mean over the clips of class c of (max over positions of a) / a_hat: (u, classes).

    Negative activations (of units that no ReLU follows) count as none, and so does all of a unit that never was
    positive: 0 <= r_c <= 1.
    """
    live = np.where(a_hat > 0, a_hat, np.inf)
    return np.asarray(means / live[:, None])


def effective_classes(r: Floats) -> Floats:
    """exp(entropy of r_c / sum r): 1 for one class, C for C classes alike, 0 where r is: (u, classes) to (u,)."""
    total = r.sum(1, keepdims=True)
    p = np.divide(r, total, out=np.zeros_like(r), where=total > 0)
    entropy = -(p * np.log(np.where(p > 0, p, 1))).sum(1)
    return np.asarray(np.where(total[:, 0] > 0, np.exp(entropy), 0.0))


def at_least(values: Floats) -> Floats:
    """How many of a column's values are as large as each of them, itself included: (N, u) to (N, u)."""
    count = len(values)
    order = np.argsort(values, 0)
    ascending = np.take_along_axis(values, order, 0)
    first = np.zeros(values.shape, np.int64)  # of the equal values
    first[1:] = np.where(ascending[1:] != ascending[:-1], np.arange(1, count)[:, None], 0)
    np.maximum.accumulate(first, 0, out=first)
    found = np.empty(values.shape)
    np.put_along_axis(found, order, count - first, 0)
    return found


def precision(peaks: Floats, labels: Labels, classes: int) -> Floats:
    """Average precision of each unit as a detector of each class: (N, u) to (u, classes).

    AP_c = mean over the clips i of class c of |{j of class c: a_j >= a_i}| / |{j: a_j >= a_i}|, the area under the
    precision-recall curve by steps; clips of equal activation come at once. Zero for a class without clips.
    """
    found = np.zeros((peaks.shape[1], classes))
    overall = at_least(peaks)
    for label in np.unique(labels):
        own = labels == label
        found[:, label] = (at_least(peaks[own]) / overall[own]).mean(0)
    return found


def most_alike(peaks: Floats, count: int = ALIKE) -> list[tuple[tuple[int, float], ...]]:
    """Of each unit of a layer, those that correlate most with it, the most first: (number, correlation).

    Pearson's correlation over clips; a unit that never changes has none. Only so many units and clips at once are
    multiplied as memory allows: `peaks` (N, U) may be a memory map.
    """
    units = peaks.shape[1]
    mean, deviation = peaks.mean(0, dtype=np.float64), peaks.std(0, dtype=np.float64)
    scale = np.where(deviation > 1e-6 * np.abs(mean), deviation, np.nan)
    found: list[tuple[tuple[int, float], ...]] = []
    for start in range(0, units, CHUNK):
        chunk = slice(start, min(start + CHUNK, units))
        products = np.zeros((chunk.stop - start, units))
        for first in range(0, len(peaks), BLOCK):
            centred = peaks[first : first + BLOCK] - mean
            products += centred[:, chunk].T @ centred
        matrix = np.clip(products / len(peaks) / scale[chunk, None] / scale, -1, 1)
        matrix[np.arange(len(matrix)), np.arange(start, chunk.stop)] = np.nan
        order = np.argsort(np.where(np.isnan(matrix), np.inf, -matrix), 1, kind="stable")[:, :count]
        for row, best in zip(matrix, order, strict=True):
            found.append(tuple((int(other), float(row[other])) for other in best if not np.isnan(row[other])))
    return found


def softmax(logits: Floats) -> Floats:
    """exp(z_c) / sum exp(z): (C,) to (C,)."""
    powers = np.exp(logits.astype(np.float64) - logits.max())
    return np.asarray(powers / powers.sum())


def confusion(logits: Floats, labels: Labels) -> npt.NDArray[np.int64]:
    """Clips of the row's class that are taken for the column's: logits (N, C) to (C, C)."""
    classes = logits.shape[1]
    matrix = np.zeros((classes, classes), np.int64)
    np.add.at(matrix, (labels, logits.argmax(1)), 1)
    return matrix


def accuracy(matrix: npt.NDArray[np.int64]) -> float:
    """Share of all clips that are taken for their own class."""
    return float(np.trace(matrix) / max(1, matrix.sum()))


def recall(matrix: npt.NDArray[np.int64]) -> Floats:
    """The same by class; zero for a class without clips."""
    return np.asarray(np.diag(matrix) / np.maximum(1, matrix.sum(1)))
