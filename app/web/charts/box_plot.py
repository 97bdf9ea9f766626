"""Box plots of a measure, one box for each layer: lowest and highest value, quartiles and median."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.contract.findings import LayerDistribution, Series

WIDTH = 320  # px


@dataclass(frozen=True)
class Box:
    """The values of one layer, and where they lie in pixels from the left."""

    values: LayerDistribution
    low: float
    first_quartile: float
    median: float
    third_quartile: float
    high: float


@dataclass(frozen=True)
class BoxPlot:
    """Boxes with a common scale from `low` to `high`."""

    title: str
    low: float
    high: float
    boxes: tuple[Box, ...]


def box_plots(series: Sequence[Series]) -> tuple[BoxPlot, ...]:
    return tuple(_box_plot(each) for each in series)


def _box_plot(series: Series) -> BoxPlot:
    low = min(0.0, *(layer.low for layer in series.layers), 0.0)  # the scale includes 0
    high = max(layer.high for layer in series.layers)
    span = (high - low) or 1.0

    def x(value: float) -> float:
        return round((value - low) / span * WIDTH, 1)

    boxes = tuple(
        Box(each, x(each.low), x(each.first_quartile), x(each.median), x(each.third_quartile), x(each.high))
        for each in series.layers
    )
    return BoxPlot(series.words, low, high, boxes)
