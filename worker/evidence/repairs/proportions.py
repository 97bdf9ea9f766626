"""Shares with intervals: Wilson's for one share, Newcombe's for the difference of two shares of the same clips.

Both stay honest where all or none of a few clips change, where a bootstrap would give an interval of no width. Every
group of clips that are not independent counts once, by the mean of its clips.
"""

from itertools import product
from math import sqrt

import numpy as np

from app.contract.interval import Interval, share_interval
from worker.evidence.types import Floats

MAX_EXACT_GROUPS = 12  # up to which all 2^n changes of sign are tried
SIGN_DRAWS = 9999  # random changes of sign beyond


def wilson_interval(rates: Floats) -> Interval:
    """Return the mean of the rates (n,) in [0, 1] of n independent groups with Wilson's 95 % interval.

    Raises ValueError for no groups.
    """
    return share_interval(float(rates.mean()) if len(rates) else 0.0, len(rates))


def paired_difference(rates: Floats, other: Floats) -> Interval:
    """Return the mean of `rates` less that of `other`, both (n,) of the same n groups, with a 95 % interval.

    Newcombe's method 10 (Statistics in Medicine 1998, 17:2635), with the correlation over groups.
    """
    one, two = wilson_interval(rates), wilson_interval(other)
    constant = rates.std() == 0 or other.std() == 0
    phi = 0.0 if constant else float(np.corrcoef(rates, other)[0, 1])
    difference = one.value - two.value

    def reach(first: float, second: float) -> float:
        return sqrt(max(0.0, first**2 - 2 * phi * first * second + second**2))

    low = difference - reach(one.value - one.low, two.high - two.value)
    high = difference + reach(one.high - one.value, two.value - two.low)
    return Interval(value=difference, low=max(-1.0, low), high=min(1.0, high))


def sign_flip_p(differences: Floats, seed: int = 0) -> float:
    """Return the one-sided p-value of a mean difference (n,) this large, from changes of the groups' signs.

    All 2^n changes are tried for few groups (an exact test), random ones for many.
    """
    count = len(differences)
    if count <= MAX_EXACT_GROUPS:
        signs = np.array(list(product((1, -1), repeat=count)))
    else:
        drawn = np.random.default_rng(seed).integers(0, 2, (SIGN_DRAWS, count)) * 2 - 1
        signs = np.concatenate([np.ones((1, count), np.int64), drawn])
    means = signs @ differences / max(1, count)
    return float((means >= differences.mean() - 1e-12).mean())
