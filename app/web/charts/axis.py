"""A linear axis with round limits: where a value lies in pixels, and ticks with labels."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import ceil, floor, isfinite, log10

INTERVALS = 4  # between ticks, about
ROUND_STEPS = (1, 2, 5, 10)  # times a power of ten


@dataclass(frozen=True)
class Tick:
    """A mark of an axis, in pixels from its start, and the number beside it."""

    x: float
    label: str


@dataclass(frozen=True)
class Axis:
    """An axis from `low` to `high`, `width` pixels long."""

    low: float
    high: float
    width: float
    ticks: tuple[Tick, ...]

    def x(self, value: float) -> float:
        """Return the pixels from the start of the axis to a value; a value beyond its ends lies at the end."""
        share = (value - self.low) / (self.high - self.low)
        return round(min(max(share, 0.0), 1.0) * self.width, 1)


def linear_axis(values: Iterable[float], width: float) -> Axis:
    """Return the axis with round limits that holds all finite values. Raises ValueError where there is none."""
    finite = [value for value in values if isfinite(value)]
    low, high = min(finite), max(finite)
    if low == high:
        low, high = (low - 0.5, high + 0.5) if low == 0 else (min(low, 0.0), max(high, 0.0))
    step = _round_step((high - low) / INTERVALS)
    # A limit that is a tick but for rounding stays where it is.
    first, last = floor(low / step + 1e-9), ceil(high / step - 1e-9)
    decimals = max(0, -floor(log10(step) + 1e-9))
    span = last - first
    ticks = tuple(
        Tick(round((n - first) / span * width, 1), f"{n * step:,.{decimals}f}") for n in range(first, last + 1)
    )
    return Axis(first * step, last * step, width, ticks)


def _round_step(step: float) -> float:
    """Return the smallest round number that is not below `step`."""
    power = 10.0 ** floor(log10(step))
    return next(power * factor for factor in ROUND_STEPS if power * factor >= step * (1 - 1e-9))
