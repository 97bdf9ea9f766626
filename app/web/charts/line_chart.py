"""A line chart as the points of an SVG polyline. frontend/src/lib/line-chart.js draws the same while a job runs."""

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 480, 120  # px


@dataclass(frozen=True)
class LineChart:
    """The points of a line in a box of WIDTH by HEIGHT, with the values at the bottom and at the top of the box."""

    svg_points: str
    low: float
    high: float
    count: int


def line_chart(values: Sequence[float]) -> LineChart | None:
    """Return a chart of values at equal distances, or None for fewer than two of them."""
    if len(values) < 2:
        return None
    low, high = min(values), max(values)
    span, step = (high - low) or 1.0, WIDTH / (len(values) - 1)
    points = " ".join(f"{i * step:.1f},{HEIGHT - (v - low) / span * HEIGHT:.1f}" for i, v in enumerate(values))
    return LineChart(svg_points=points, low=low, high=high, count=len(values))
