"""What silencing changes, clip by clip: the same clips with and without, added up over clips that are not independent.

Of each clip two things are measured: whether it is classified correctly, and its margin, the logit of its class less
the largest other logit. The margin also moves where no classification changes.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from worker.evidence.types import Floats, Labels

MAX_EXACT = 512  # groups of a class; more than that are compared by the normal distribution


@dataclass(frozen=True)
class ClassGroups:
    """N clips in K groups, each of one class: clips of one video, person or motion are one observation."""

    group_of_clip: npt.NDArray[np.int64]  # (N,)
    labels: Labels  # (K,) the class of each group, ascending
    sizes: npt.NDArray[np.int64]  # (K,) clips

    @staticmethod
    def of(labels: Labels, groups: npt.NDArray[np.int64]) -> "ClassGroups":
        """Return the groups of clips with these labels and groups (N,); a group of two classes becomes two."""
        pairs, index, sizes = np.unique(np.stack([labels, groups]), axis=1, return_inverse=True, return_counts=True)
        return ClassGroups(index.reshape(-1), pairs[0], sizes)

    @property
    def classes(self) -> Labels:
        """The classes (C,) that have clips."""
        return np.unique(self.labels)

    @property
    def groups_per_class(self) -> npt.NDArray[np.int64]:
        """The number of groups (C,) of each class."""
        return np.unique(self.labels, return_counts=True)[1]

    def resample(self, generator: np.random.Generator) -> npt.NDArray[np.int64]:
        """Return how often each group (K,) occurs where each class draws as many of its groups as it has."""
        ends = np.cumsum(self.groups_per_class)
        drawn = [
            generator.integers(end - size, end, size) for end, size in zip(ends, self.groups_per_class, strict=True)
        ]
        return np.bincount(np.concatenate(drawn), minlength=len(self.labels))


def clip_margins(logits: Tensor, labels: Tensor) -> Tensor:
    """Return the logit of each clip's class less the largest other: (n, B, classes) and (B,) to (n, B)."""
    index = labels.expand(len(logits), -1)[:, :, None]
    own = logits.gather(2, index)[:, :, 0]
    return own - logits.scatter(2, index, -torch.inf).amax(2)


class PairedChanges:
    """Sums, over the clips of each of K groups, of what silencing each of n sets of units changes."""

    def __init__(self, sets: int, groups: ClassGroups) -> None:
        self.groups = groups
        self.margin = np.zeros((sets, len(groups.labels)), np.float32)  # margin without the units, less that with them
        self.correct = np.zeros((sets, len(groups.labels)), np.float32)  # correct clips without, less those with
        self.correct_before = np.zeros(len(groups.labels))  # clips that are correct with the units
        self.predicted = np.zeros(0, np.int64)  # how often each class is predicted with the units
        self._margin_sums = np.zeros(3)  # of 1, x and x^2, for the margins x with the units

    def add(self, clips: npt.NDArray[np.int64], labels: Tensor, logits: Tensor) -> None:
        """Add B clips, given by their places (B,) among the N: logits (1 + n, B, classes), the first with all units.

        `labels` (B,) are their classes.
        """
        margins = clip_margins(logits, labels).double().numpy()
        predicted = logits.argmax(2)
        correct = (predicted == labels).numpy().astype(np.float32)
        self._margin_sums += margins[0].size, margins[0].sum(), np.square(margins[0]).sum()
        counted = np.bincount(predicted[0].numpy(), minlength=logits.shape[2])
        self.predicted = counted + self.predicted if self.predicted.size else counted
        for place, group in enumerate(self.groups.group_of_clip[clips]):
            self.margin[:, group] += margins[1:, place] - margins[0, place]
            self.correct[:, group] += correct[1:, place] - correct[0, place]
            self.correct_before[group] += correct[0, place]

    @property
    def margin_deviation(self) -> float:
        """The standard deviation over clips of the margin with all units."""
        count, total, squares = self._margin_sums
        return float(np.sqrt(max(0.0, squares / max(1, count) - (total / max(1, count)) ** 2)))


def sum_by_class(values: npt.NDArray[Any], labels: Labels) -> npt.NDArray[Any]:
    """Return sums over the groups of each class, (n, K) to (n, C). Labels (K,) may be in any order."""
    order = np.argsort(labels, kind="stable")
    _, starts = np.unique(labels[order], return_index=True)
    is_sorted = bool((order == np.arange(len(order))).all())
    return np.asarray(np.add.reduceat(values if is_sorted else values[:, order], starts, axis=1))


def sign_test(negative: Floats, positive: Floats) -> Floats:
    """Return the one-sided p-values of as many negative changes among those that are not zero, where signs are random.

    It is the exact test of McNemar (1947) for what is correct before and after. Counts may have any shape; beyond
    MAX_EXACT changes the normal distribution with a correction for continuity stands in.
    """
    below, total = np.asarray(negative, np.int64), np.asarray(negative + positive, np.int64)
    table = _binomial_tails(min(MAX_EXACT, int(total.max(initial=0))))
    size = len(table) - 1
    exact = table[np.minimum(total, size), np.minimum(below, size)]
    if total.max(initial=0) <= size:
        return np.asarray(exact)
    z = (below - 0.5 - total / 2) / np.sqrt(np.maximum(total, 1) / 4)
    normal = torch.special.ndtr(torch.from_numpy(-z)).numpy()
    return np.asarray(np.where(total > size, normal, exact))


def _binomial_tails(size: int) -> Floats:
    """Return P(X >= k) for X of n fair coins, as a table by n and k up to `size`."""
    tails = np.zeros((size + 1, size + 1))
    probabilities = np.zeros(size + 2)
    probabilities[0] = 1.0
    for count in range(size + 1):
        tails[count] = probabilities[: size + 1][::-1].cumsum()[::-1]
        probabilities[1:] = (probabilities[1:] + probabilities[:-1]) / 2
        probabilities[0] /= 2
    return tails
