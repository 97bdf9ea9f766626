"""A line chart as points of an SVG polyline (frontend/src/lib/trace.js draws the same while a job runs)."""

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 480, 120


@dataclass(frozen=True)
class Chart:
    """`points` in a box of WIDTH by HEIGHT, with the values at its foot and head."""

    points: str
    low: float
    high: float
    count: int


def chart(values: Sequence[float]) -> Chart | None:
    """None for fewer than two values, which make no line."""
    if len(values) < 2:
        return None
    low, high = min(values), max(values)
    span, step = (high - low) or 1.0, WIDTH / (len(values) - 1)
    points = " ".join(f"{i * step:.1f},{HEIGHT - (v - low) / span * HEIGHT:.1f}" for i, v in enumerate(values))
    return Chart(points=points, low=low, high=high, count=len(values))
