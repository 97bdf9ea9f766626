"""A measure by layer as a drawing: a line from lowest to highest, a bar between the quartiles, a mark."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.contract.findings import Series, Spread

WIDTH = 320


@dataclass(frozen=True)
class Bar:
    """Places in pixels from the left."""

    spread: Spread
    low: float
    first: float
    median: float
    third: float
    high: float


@dataclass(frozen=True)
class SpreadChart:
    words: str
    low: float
    high: float
    bars: tuple[Bar, ...]


def charts(series: Sequence[Series]) -> tuple[SpreadChart, ...]:
    return tuple(_chart(each) for each in series)


def _chart(series: Series) -> SpreadChart:
    low = min(0.0, *(layer.low for layer in series.layers), 0.0)
    high = max(layer.high for layer in series.layers)
    span = (high - low) or 1.0

    def at(value: float) -> float:
        return round((value - low) / span * WIDTH, 1)

    bars = tuple(
        Bar(each, at(each.low), at(each.first), at(each.median), at(each.third), at(each.high))
        for each in series.layers
    )
    return SpreadChart(series.words, low, high, bars)
