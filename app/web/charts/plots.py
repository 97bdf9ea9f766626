"""Small charts as coordinates: templates draw them as SVG, because pages may not have styles of their own."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import cos, log2, radians, sin

WIDTH, HEIGHT = 240, 120  # of curves
RADIUS = 60  # of roses


@dataclass(frozen=True)
class Mark:
    """A point of a chart, with what it says."""

    x: float
    y: float
    words: str


@dataclass(frozen=True)
class Plot:
    """A line (or an outline) through marks."""

    marks: tuple[Mark, ...]

    @property
    def points(self) -> str:
        return " ".join(f"{mark.x:.1f},{mark.y:.1f}" for mark in self.marks)


def trace_plot(values: Sequence[float], time: float) -> tuple[Plot, Mark | None]:
    """A unit's activation over a clip, and its peak; values below zero count as none. No line for one moment."""
    if len(values) < 2:
        return Plot(()), None
    top = max(*values, 1e-9)
    marks = tuple(
        Mark(WIDTH * index / (len(values) - 1), HEIGHT * (1 - max(value, 0.0) / top), f"{value:.3g}")
        for index, value in enumerate(values)
    )
    return Plot(marks), max(marks, key=lambda mark: (-mark.y, -abs(mark.x - time * WIDTH)))


def speed_plot(factors: Sequence[float], responses: Sequence[float]) -> Plot:
    """Over log2 of the speed, from a quarter to four times."""
    low, high = log2(min(factors)), log2(max(factors))
    return Plot(
        tuple(
            Mark((log2(factor) - low) / ((high - low) or 1) * WIDTH, HEIGHT * (1 - response), f"× {factor:g}")
            for factor, response in zip(factors, responses, strict=True)
        )
    )


def direction_plot(degrees: Sequence[float], responses: Sequence[float]) -> Plot:
    """A rose: how far out, by how far the motion was turned; clockwise from the top, where nothing is turned."""
    return Plot(
        tuple(
            Mark(RADIUS * response * sin(radians(turn)), -RADIUS * response * cos(radians(turn)), f"{turn:g}°")
            for turn, response in zip(degrees, responses, strict=True)
        )
    )
