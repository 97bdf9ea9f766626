"""Plots of the intervals behind claims: the network's, the null's and the control's, on one scale."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite

from app.contract.findings import Claim
from app.contract.findings_comparison import FindingsComparison
from app.contract.interval import Interval
from app.web.charts.axis import Axis, linear_axis

WIDTH = 280  # px, of the scale
LABELS_WIDTH = 76  # px, left of the scale
MARGIN = 20  # px, right of the scale, for half of the last tick's label
ROW_HEIGHT, TOP, AXIS_HEIGHT = 22, 6, 22  # px

Intervals = Mapping[str, Interval]  # by kind: effect, second, null or control
Measured = Mapping[str, tuple[str, Intervals]]  # measure and intervals by name of claim

MARK_WORDS = {"effect": "network", "null": "null", "control": "control"}  # of one network, in their order
COMPARED_WORDS = {"effect": "first", "second": "second"}


@dataclass(frozen=True)
class IntervalMark:
    """An interval as a line with a dot, in pixels."""

    kind: str
    words: str
    interval: Interval
    low: float
    value: float
    high: float
    y: float


@dataclass(frozen=True)
class IntervalPlot:
    """Intervals over an axis that all claims with the same measure share.

    `zero` and `chance` are where lines stand at zero and at the value of the null; None without them.
    """

    measure: str
    axis: Axis
    marks: tuple[IntervalMark, ...]
    zero: float | None
    chance: float | None

    @property
    def bottom(self) -> float:
        return TOP + ROW_HEIGHT * len(self.marks)

    @property
    def view_box(self) -> str:
        return f"{-LABELS_WIDTH} 0 {LABELS_WIDTH + WIDTH + MARGIN} {self.bottom + AXIS_HEIGHT:g}"


def interval_plots(claims: Sequence[Claim]) -> dict[str, IntervalPlot]:
    """Return the plots of the claims that have an effect, by name of claim."""
    measured = {
        claim.name: (claim.measure, _finite(effect=claim.effect, null=claim.null, control=claim.control))
        for claim in claims
    }
    return _plots({name: each for name, each in measured.items() if "effect" in each[1]}, MARK_WORDS)


def compared_interval_plots(comparison: FindingsComparison) -> dict[str, IntervalPlot]:
    """Return plots with the effects of two networks, by name of claim, of the claims that both have an effect for."""
    measured = {
        claim.name: (claim.a.measure, _finite(effect=claim.a.effect, second=claim.b.effect))
        for finding in comparison.findings
        for claim in finding.claims
        if claim.a and claim.b and claim.differs is not None
    }
    return _plots({name: each for name, each in measured.items() if len(each[1]) == 2}, COMPARED_WORDS)


def _finite(**intervals: Interval | None) -> Intervals:
    return {
        kind: interval
        for kind, interval in intervals.items()
        if interval and all(map(isfinite, (interval.low, interval.value, interval.high)))
    }


def _plots(measured: Measured, words: Mapping[str, str]) -> dict[str, IntervalPlot]:
    limits: dict[str, list[float]] = {}
    for measure, intervals in measured.values():
        for each in intervals.values():
            limits.setdefault(measure, [0.0]).extend((each.low, each.value, each.high))  # the scale includes zero
    axes = {measure: linear_axis(values, WIDTH) for measure, values in limits.items()}
    return {name: _plot(measure, axes[measure], intervals, words) for name, (measure, intervals) in measured.items()}


def _plot(measure: str, axis: Axis, intervals: Intervals, words: Mapping[str, str]) -> IntervalPlot:
    marks = tuple(
        IntervalMark(
            kind=kind,
            words=words[kind],
            interval=interval,
            low=axis.x(interval.low),
            value=axis.x(interval.value),
            high=axis.x(interval.high),
            y=TOP + ROW_HEIGHT * (row + 0.5),
        )
        for row, (kind, interval) in enumerate(intervals.items())
    )
    chance = intervals.get("null")
    return IntervalPlot(
        measure=measure,
        axis=axis,
        marks=marks,
        zero=axis.x(0.0) if axis.low <= 0 <= axis.high else None,
        chance=axis.x(chance.value) if chance else None,
    )
