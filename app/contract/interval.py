"""A measured value with its interval."""

from math import sqrt

from app.contract.model import Model

NORMAL_95 = 1.959964  # standard deviations on both sides that hold 95 % of a normal distribution


class Interval(Model):
    """A value with its 95 % interval, from resampled groups of clips or by Wilson's formula."""

    value: float
    low: float
    high: float


def share_interval(share: float, count: int) -> Interval:
    """Return a share in [0, 1] of `count` independent cases with Wilson's 95 % interval (1927).

    It stays honest where all or none of a few cases count. Raises ValueError for no cases.
    """
    if not count:
        raise ValueError("a share needs one case at least")
    square = NORMAL_95**2 / count
    middle = (share + square / 2) / (1 + square)
    half = NORMAL_95 / (1 + square) * sqrt(share * (1 - share) / count + square / (4 * count))
    return Interval(value=share, low=max(0.0, min(share, middle - half)), high=min(1.0, max(share, middle + half)))
