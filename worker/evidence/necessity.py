"""Which classes need a unit: tests of what silencing it changes, with their nulls.

A class *needs* a unit where, without it,

    the margin falls in significantly many of the class's groups of clips   (sign test, one-sided, exact)
    and its mean over the class's clips falls by MIN_MARGIN_FALL standard deviations at least.

Tests of all units and classes are corrected together (Benjamini and Hochberg 1995). Tests of fewer than
MIN_CHANGED_GROUPS changed groups are left out first: no outcome of theirs could be significant, and how many groups
change says nothing of the direction (independent filtering; Bourgon, Gentleman and Huber 2010). The recall is tested
in the same way, with a fall by one clip or more.

The number of units that one class alone needs is compared with that under shuffled classes of the groups: an effect
that spreads over the clips without regard to class remains as it is there. The number that several classes need would
remain too; it is compared with that where the clips with and without the units are exchanged at random, group by group.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from app.contract.necessity import MIN_CHANGED_GROUPS, MIN_MARGIN_FALL, SEVERAL_CLASSES, NeedCounts
from worker.evidence.paired_changes import ClassGroups, sign_test, sum_by_class
from worker.evidence.resampling import FALSE_DISCOVERY_RATE, find_p_limit
from worker.evidence.types import Floats, Labels

MAX_DRAWS, MIN_DRAWS = 199, 39  # permutations, and resamples of groups
MAX_PRODUCTS = 4e9  # units x groups x draws: about a minute of one core

Booleans = npt.NDArray[np.bool_]


class Falls(NamedTuple):
    """What changes for n units and C classes."""

    change: Floats  # (n, C) mean over the clips of the class
    p_value: Floats  # (n, C) of as many groups with a fall
    testable: Booleans  # (n, C) whether enough groups change


def measure_falls(
    changes: Floats, sizes: npt.NDArray[np.int64], labels: Labels, counts: npt.NDArray[np.int64] | None = None
) -> Falls:
    """Measure the sums of changes (n, K) of groups with these sizes and classes (K,).

    `counts` (K,) says how often each group occurs in a resample.
    """
    weights = np.ones(len(labels), np.int64) if counts is None else counts
    clips = sum_by_class((sizes * weights)[None], labels)
    negative = sum_by_class((changes < 0) * weights, labels)
    positive = sum_by_class((changes > 0) * weights, labels)
    mean = sum_by_class(changes * weights.astype(changes.dtype), labels) / np.maximum(1, clips)
    return Falls(mean, sign_test(negative, positive), negative + positive >= MIN_CHANGED_GROUPS)


@dataclass(frozen=True)
class NeedRule:
    """When a fall counts: its size, and the p-value that false discoveries allow."""

    min_fall: float
    p_limit: float

    def apply(self, falls: Falls) -> Booleans:
        """Return which classes need which units, (n, C)."""
        return np.asarray(falls.testable & (falls.p_value <= self.p_limit) & (falls.change <= -self.min_fall))


def make_rule(falls: Falls, min_fall: float) -> NeedRule:
    """Return the rule under which at most FALSE_DISCOVERY_RATE of the significant falls are false ones."""
    return NeedRule(min_fall, find_p_limit(falls.p_value[falls.testable], FALSE_DISCOVERY_RATE))


@dataclass(frozen=True)
class UnitChanges:
    """What silencing each of n units of several layers changes, in K groups of clips."""

    margin: Floats  # (n, K) sums over clips, in standard deviations
    correct: Floats  # (n, K)
    groups: ClassGroups

    def margin_falls(self, labels: Labels | None = None, counts: npt.NDArray[np.int64] | None = None) -> Falls:
        """Measure the margins, under other classes of the groups (K,) or on a resample of them."""
        return measure_falls(self.margin, self.groups.sizes, self.groups.labels if labels is None else labels, counts)

    def recall_falls(self, counts: npt.NDArray[np.int64] | None = None) -> Falls:
        """Measure what is classified correctly, on a resample of the groups where `counts` (K,) is given."""
        return measure_falls(self.correct, self.groups.sizes, self.groups.labels, counts)

    def exchange(self, signs: Floats) -> "UnitChanges":
        """Return the changes with the clips with and without the units exchanged where signs (K,) are -1."""
        return UnitChanges(self.margin * signs, self.correct * signs, self.groups)

    @property
    def draws(self) -> int:
        """How many permutations and resamples are affordable."""
        return int(np.clip(MAX_PRODUCTS / max(1, self.margin.size), MIN_DRAWS, MAX_DRAWS))


class Numbers(NamedTuple):
    """Numbers of units, of one draw or as measured."""

    one: int
    several: int
    losing_recall: int


@dataclass(frozen=True)
class Needs:
    """Which classes need which units of one network, and numbers of units by chance and on resampled clips."""

    margin: Falls
    recall: Falls
    needed: Booleans  # (n, C)
    losing: Booleans  # (n, C) classes whose recall falls
    by_chance: Sequence[Numbers]
    resampled: Sequence[Numbers]

    def count(self, units: slice | None = None) -> NeedCounts:
        """Count the units, of a part of them where that is given."""
        chosen = slice(None) if units is None else units
        needing = self.needed[chosen].sum(1)
        return NeedCounts(
            one=int((needing == 1).sum()),
            two=int((needing == 2).sum()),
            several=int((needing >= SEVERAL_CLASSES).sum()),
            losing_recall=int(self.losing[chosen].any(1).sum()),
        )

    @property
    def numbers(self) -> Numbers:
        counts = self.count()
        return Numbers(counts.one, counts.several, counts.losing_recall)


def find_needs(
    changes: UnitChanges, resamples: Sequence[npt.NDArray[np.int64]], generator: np.random.Generator
) -> Needs:
    """Test all units and classes; `resamples` are of the groups, each (K,)."""
    margin, recall = changes.margin_falls(), changes.recall_falls()
    margin_rule, recall_rule = make_rule(margin, MIN_MARGIN_FALL), make_rule(recall, 0.0)
    labels = changes.groups.labels
    by_chance = []
    for _ in resamples:
        shuffled = margin_rule.apply(changes.margin_falls(generator.permutation(labels)))
        signs = generator.choice(np.array([-1, 1], np.float32), len(labels))
        exchanged = changes.exchange(signs)
        by_chance.append(
            Numbers(
                int((shuffled.sum(1) == 1).sum()),
                int((margin_rule.apply(exchanged.margin_falls()).sum(1) >= SEVERAL_CLASSES).sum()),
                int(recall_rule.apply(exchanged.recall_falls()).any(1).sum()),
            )
        )
    resampled = []
    for counts in resamples:
        needing = margin_rule.apply(changes.margin_falls(counts=counts)).sum(1)
        losing = recall_rule.apply(changes.recall_falls(counts)).any(1)
        resampled.append(Numbers(int((needing == 1).sum()), int((needing >= SEVERAL_CLASSES).sum()), int(losing.sum())))
    return Needs(margin, recall, margin_rule.apply(margin), recall_rule.apply(recall), by_chance, resampled)
