"""Intervals and p-values for clips that are not independent: groups of clips are drawn, never single clips.

Clips of one group (of one video, person or motion) are not independent. Labels are shuffled, and clips drawn for
intervals, group by group.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist

import numpy as np
import numpy.typing as npt
from scipy import stats

from app.contract.interval import Interval
from worker.evidence.types import Floats, Labels

MIN_GROUPS = 4  # of a class, for its clips to be resampled
COVERED = (2.5, 97.5)  # percentiles of an interval
FALSE_DISCOVERY_RATE = 0.05  # among all units, or all units and classes, that are tested together

Integers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class GroupedClips:
    """The classes of N clips, and the groups within which clips are not independent."""

    labels: Labels  # (N,)
    groups: Integers  # (N,) numbers

    @property
    def can_be_resampled(self) -> bool:
        """Whether two classes at least have MIN_GROUPS groups."""
        counts = [len(np.unique(self.groups[self.labels == label])) for label in np.unique(self.labels)]
        return sum(count >= MIN_GROUPS for count in counts) >= 2

    def shuffle(self, generator: np.random.Generator) -> Labels:
        """Return labels (N,) that are shuffled over groups, or over clips where a group has several labels."""
        # numbered anew: a part of the clips does not have every group
        _, first, group = np.unique(self.groups, return_index=True, return_inverse=True)
        of_group = self.labels[first]
        if np.array_equal(of_group[group], self.labels):
            return np.asarray(generator.permutation(of_group)[group])
        return generator.permutation(self.labels)

    def resample(self, generator: np.random.Generator) -> Floats:
        """Return how often each clip (N,) occurs where each class draws as many of its groups as it has."""
        counts = np.zeros(len(self.labels))
        for label in np.unique(self.labels):
            of_class = self.labels == label
            groups, index = np.unique(self.groups[of_class], return_inverse=True)
            drawn = np.bincount(generator.integers(0, len(groups), len(groups)), minlength=len(groups))
            counts[of_class] = drawn[index]
        return counts

    def resample_classes(self, generator: np.random.Generator) -> Floats:
        """Return how often each clip (N,) occurs where as many classes as there are are drawn, then groups of each.

        For claims about classes, or about motions where each class is one: other classes might have been asked.
        """
        classes, index = np.unique(self.labels, return_inverse=True)
        drawn = np.bincount(generator.integers(0, len(classes), len(classes)), minlength=len(classes))
        return np.asarray(self.resample(generator) * drawn[index])


def merge_identical(clips: GroupedClips, rows: Floats) -> GroupedClips:
    """Return the clips with copies of one clip in one group: those with identical `rows` (N, ...)."""
    _, copy = np.unique(rows.reshape(len(rows), -1), axis=0, return_inverse=True)
    groups = clips.groups.copy()
    for number in np.flatnonzero(np.bincount(copy.ravel()) > 1):
        joined = np.unique(groups[copy.ravel() == number])
        groups[np.isin(groups, joined)] = joined[0]
    return GroupedClips(clips.labels, groups)


def number_groups(names: Sequence[str | None]) -> Integers:
    """Return a number for each name of a group, (N,); a clip without one is a group of its own."""
    keys = [("clip", str(index)) if name is None else ("group", name) for index, name in enumerate(names)]
    numbers = {key: number for number, key in enumerate(dict.fromkeys(keys))}
    return np.array([numbers[key] for key in keys], np.int64)


def make_interval(value: Floats | float, resampled: Floats) -> Interval:
    """Return a value with the interval that resamples (draws,) cover, moved by their bias.

    A resample has fewer different clips, which alone makes units look more specific.
    """
    low, high = np.percentile(resampled, COVERED) - resampled.mean() + value
    return Interval(value=float(value), low=float(low), high=float(high))


def percentile_interval(value: Floats | float, draws: Floats) -> Interval:
    """Return a value with the percentiles of its resamples, or of what chance gives, (draws,)."""
    low, high = np.percentile(draws, COVERED)
    return Interval(value=float(value), low=float(low), high=float(high))


def one_sided_p_value(difference: Floats | float, resampled: Floats) -> float:
    """Return the one-sided p-value of a difference, as if it were normal with the deviation of its resamples.

    Resamples (draws,) that are all alike, as those of very few units may be, tell no more than their number.
    """
    deviation = float(resampled.std())
    if deviation == 0:
        return 1 / (1 + len(resampled)) if difference > 0 else 1.0
    return NormalDist().cdf(-float(difference) / deviation)


def compare_with_draws(value: Floats, resampled: Floats, controls: Floats) -> tuple[Interval, float]:
    """Return how far a value is above several controls, with its 95 % interval, and the one-sided p-value.

    `resampled` (draws,) are the value less the mean of the controls on resampled clips, `controls` (k,) the values of
    controls whose weights were drawn apart. Other clips, and other weights, would have given other values: both
    variances are added, and judged by Student's t with k - 1 degrees of freedom.
    Raises ValueError for fewer than two controls.
    """
    if len(controls) < 2:
        raise ValueError("draws of a control vary only if there are two")
    difference = float(value - controls.mean())
    between = float(controls.var(ddof=1)) * (1 + 1 / len(controls))
    error = sqrt(float(resampled.var()) + between)
    if error == 0:
        interval = Interval(value=difference, low=difference, high=difference)
        return interval, 1 / (1 + len(controls)) if difference > 0 else 1.0
    student = stats.t(len(controls) - 1)
    half = float(student.ppf(0.975)) * error
    p_value = float(student.sf(difference / error))
    return Interval(value=difference, low=difference - half, high=difference + half), p_value


def spread_of_draws(controls: Floats, lowest: float) -> Interval:
    """Return the mean of controls (k,) with the interval in which 95 % of other draws lie, within [lowest, 1]."""
    mean, deviation = float(controls.mean()), float(controls.std(ddof=1))
    half = float(stats.t(len(controls) - 1).ppf(0.975)) * deviation * sqrt(1 + 1 / len(controls))
    return Interval(value=mean, low=max(lowest, mean - half), high=min(1.0, mean + half))


def find_p_limit(p_values: Floats, rate: float) -> float:
    """Return the largest p-value that is a discovery at this rate of false ones, 0 for none (Benjamini-Hochberg)."""
    ordered = np.sort(p_values)
    passed = ordered <= rate * np.arange(1, len(ordered) + 1) / max(1, len(ordered))
    return float(ordered[passed][-1]) if passed.any() else 0.0
