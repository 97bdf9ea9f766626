"""Box plots of a measure, one box for each layer: lowest and highest value, quartiles and median, over an axis."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.contract.findings import LayerDistribution, Series
from app.web.charts.axis import Axis, linear_axis

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
    """Boxes over a common axis; `zero` is where its zero lies."""

    title: str
    unit: str
    axis: Axis
    zero: float
    boxes: tuple[Box, ...]

    @property
    def count(self) -> int:
        """Number of units in all boxes."""
        return sum(box.values.count for box in self.boxes)


def box_plots(series: Sequence[Series]) -> tuple[BoxPlot, ...]:
    return tuple(_box_plot(each) for each in series)


def _box_plot(series: Series) -> BoxPlot:
    limits = [limit for layer in series.layers for limit in (layer.low, layer.high)]
    axis = linear_axis([0.0, *limits], WIDTH)  # the scale includes 0
    x = axis.x
    boxes = tuple(
        Box(each, x(each.low), x(each.first_quartile), x(each.median), x(each.third_quartile), x(each.high))
        for each in series.layers
    )
    return BoxPlot(series.words, series.unit, axis, x(0.0), boxes)
