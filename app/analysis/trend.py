"""Tests whether a measure grows with depth: Kendall's rank correlation with its exact one-sided p-value."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations
from math import factorial

from app.contract.findings import LayerDistribution
from app.contract.network import NetworkCard

SIGNIFICANCE_LEVEL = 0.05


@dataclass(frozen=True)
class Trend:
    """How the mean of a measure over the units of a layer changes along the layers of one stream.

    `tau` is 1 where every layer has a larger mean than the layers before it, and -1 where every layer has a smaller
    one. `p_value` is the probability of a tau at least as far from 0 to the same side if the order of the layers were
    random.
    """

    stream: str
    layers: tuple[LayerDistribution, ...]  # from the input to the classes
    tau: float
    p_value: float

    @property
    def grows(self) -> bool:
        return self.tau > 0 and self.p_value < SIGNIFICANCE_LEVEL

    @property
    def falls(self) -> bool:
        return self.tau < 0 and self.p_value < SIGNIFICANCE_LEVEL


def measure_trends(
    card: NetworkCard, distributions: Mapping[str, tuple[LayerDistribution, ...]], measure: str
) -> tuple[Trend, ...]:
    """Return the trend of a measure along each stream, from its input to the classes.

    A stream needs two layers with the measure, one of them before the streams are fused. Where the measure exists only
    after the fusion, the layers of the last stream stand for all of them.
    """
    by_layer = {layer.layer: layer for layer in distributions.get(measure, ())}
    paths = {stream.name.value: _path(card, stream.name.value, by_layer) for stream in card.streams}
    separate = {
        name: path for name, path in paths.items() if any(card.layer(layer.layer).stream == name for layer in path)
    }
    if not separate and paths:
        separate = dict([next(reversed(paths.items()))])
    return tuple(_trend(name, path) for name, path in separate.items() if len(path) > 1)


def _path(card: NetworkCard, stream: str, by_layer: Mapping[str, LayerDistribution]) -> tuple[LayerDistribution, ...]:
    names = [layer.name for layer in card.own_layers if layer.stream in (stream, "fusion")]
    return tuple(by_layer[name] for name in names if name in by_layer)


def _trend(stream: str, layers: tuple[LayerDistribution, ...]) -> Trend:
    tau, p_value = kendall_tau([layer.mean for layer in layers])
    return Trend(stream, layers, tau, p_value)


def kendall_tau(values: Sequence[float]) -> tuple[float, float]:
    """Return Kendall's tau of the values against their order, and its exact one-sided p-value (Kendall 1938).

    tau = 1 - 2 d / n, where d of the n pairs are out of order; a pair of equal values counts as half. The p-value is
    the share of all orders of the values that have at most d pairs out of order (at least d, if tau is negative).
    """
    pairs = list(combinations(values, 2))
    discordant = sum((later < earlier) + 0.5 * (later == earlier) for earlier, later in pairs)
    tau = 1 - 2 * discordant / len(pairs)
    counts = _orders_by_discordant_pairs(len(values))
    nearest_tail = min(discordant, len(pairs) - discordant)  # the distribution is symmetric
    return tau, sum(counts[: int(nearest_tail + 0.5) + 1]) / factorial(len(values))


@cache
def _orders_by_discordant_pairs(count: int) -> list[int]:
    """Return how many orders of `count` things have 0, 1, 2 ... pairs out of order.

    Adding one more thing of `size` puts 0 to `size - 1` pairs out of order, wherever it is inserted.
    """
    orders = [1]
    for size in range(2, count + 1):
        orders = [sum(orders[max(0, wrong - size + 1) : wrong + 1]) for wrong in range(len(orders) + size - 1)]
    return orders
