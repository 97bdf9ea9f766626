"""A measured value with its interval."""

from app.contract.model import Model


class Interval(Model):
    """A value with its 95 % interval, from resampled groups of clips."""

    value: float
    low: float
    high: float
