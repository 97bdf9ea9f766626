"""Curves of a unit's evidence: its activation over a clip, and its tuning to speed and direction."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import cos, log2, radians, sin

WIDTH, HEIGHT = 240, 120  # px, of the plots of activation and speed
RADIUS = 60  # px, of the plot of direction


@dataclass(frozen=True)
class Point:
    """A point of a curve in pixels, with its label."""

    x: float
    y: float
    label: str


@dataclass(frozen=True)
class Curve:
    """A line through points, open or closed."""

    points: tuple[Point, ...]

    @property
    def svg_points(self) -> str:
        return " ".join(f"{point.x:.1f},{point.y:.1f}" for point in self.points)


def activation_plot(
    values: Sequence[float], peak_time: float, *, signed: bool = False, is_lowest: bool = False
) -> tuple[Curve, Point | None]:
    """Return a unit's activation over a clip as a curve from left to right, and the curve's peak.

    Values below zero are drawn as zero, but for a unit of two signs (`signed`). `peak_time` is the share of the clip's
    length at which the peak was measured: of several equal maxima the nearest to it is the peak; of minima where
    `is_lowest`. A single value gives an empty curve.
    """
    if len(values) < 2:
        return Curve(()), None
    bottom = min(*values, 0.0) if signed else 0.0
    height = max(*values, bottom + 1e-9) - bottom
    points = tuple(
        Point(WIDTH * index / (len(values) - 1), HEIGHT * (1 - max(value - bottom, 0.0) / height), f"{value:.3g}")
        for index, value in enumerate(values)
    )
    direction = 1 if is_lowest else -1  # y grows downwards
    return Curve(points), max(points, key=lambda point: (direction * point.y, -abs(point.x - peak_time * WIDTH)))


def speed_plot(factors: Sequence[float], responses: Sequence[float]) -> Curve:
    """Return the response, a share from 0 to 1, over log2 of the factor by which the speed was changed."""
    low, high = log2(min(factors)), log2(max(factors))
    return Curve(
        tuple(
            Point((log2(factor) - low) / ((high - low) or 1) * WIDTH, HEIGHT * (1 - response), f"× {factor:g}")
            for factor, response in zip(factors, responses, strict=True)
        )
    )


def gain_plot(gains: Sequence[float], responses: Sequence[float]) -> Curve:
    """Return the response over the gain, both on a logarithmic scale: a line of slope 1 is a linear unit's.

    A factor has the same length on both axes, counted from the largest gain and response; responses below the plot,
    and none, are drawn at its foot.
    """
    low, high = log2(min(gains)), log2(max(gains))
    span, top = (high - low) or 1.0, max(responses)
    points = []
    for gain, response in zip(gains, responses, strict=True):
        below_top = log2(top / response) if response > 0 else span
        points.append(
            Point((log2(gain) - low) / span * WIDTH, HEIGHT * min(1.0, max(0.0, below_top / span)), f"× {gain:g}")
        )
    return Curve(tuple(points))


def rate_plot(rates: Sequence[float], responses: Sequence[float]) -> Curve:
    """Return the response over log2 of the rate, as a share of the largest; below zero is drawn as zero."""
    largest = max(*responses, 1e-9)
    return speed_plot(rates, [max(0.0, response) / largest for response in responses])


def direction_plot(degrees: Sequence[float], responses: Sequence[float]) -> Curve:
    """Return the response, a share from 0 to 1, as the distance from the centre (0, 0) of a polar chart.

    The angle is that by which the motion was turned, clockwise from the top.
    """
    return Curve(
        tuple(
            Point(RADIUS * response * sin(radians(turn)), -RADIUS * response * cos(radians(turn)), f"{turn:g}°")
            for turn, response in zip(degrees, responses, strict=True)
        )
    )
