"""Whether a measure grows with depth: Kendall's rank correlation, with the exact chance that there is no trend."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations
from math import factorial

from app.contract.findings import LayerDistribution
from app.contract.network import NetworkCard

SIGNIFICANCE_LEVEL = 0.05  # a chance below this is taken for a trend


@dataclass(frozen=True)
class Trend:
    """Of the means of a measure over the units of each layer of a path, in the path's order."""

    path: str
    layers: tuple[LayerDistribution, ...]
    tau: float  # (pairs of layers in order - pairs out of order) / pairs: 1 where each layer has more than the last
    chance: float  # of a tau at least as large, or for a negative one as small, were the layers' order drawn by lot

    @property
    def grows(self) -> bool:
        return self.tau > 0 and self.chance < SIGNIFICANCE_LEVEL

    @property
    def falls(self) -> bool:
        return self.tau < 0 and self.chance < SIGNIFICANCE_LEVEL


def measure_trends(
    card: NetworkCard, spreads: Mapping[str, tuple[LayerDistribution, ...]], measure: str
) -> tuple[Trend, ...]:
    """Along the way of each stream from its input to the classes, where two layers of it at least have the measure in
    units of the stream alone, or no other way has them.
    """
    found = {layer.layer: layer for layer in spreads.get(measure, ())}
    ways = {stream.name.value: _way(card, stream.name.value, found) for stream in card.streams}
    own = {name: way for name, way in ways.items() if any(card.layer(layer.layer).stream == name for layer in way)}
    if not own and ways:  # measured where streams have met alone
        own = dict([next(reversed(ways.items()))])
    return tuple(_trend(name, way) for name, way in own.items() if len(way) > 1)


def _way(card: NetworkCard, stream: str, found: Mapping[str, LayerDistribution]) -> tuple[LayerDistribution, ...]:
    names = [layer.name for layer in card.layers if layer.stream in (stream, "fusion")]
    return tuple(found[name] for name in names if name in found)


def _trend(path: str, layers: tuple[LayerDistribution, ...]) -> Trend:
    tau, chance = kendall_tau([layer.mean for layer in layers])
    return Trend(path, layers, tau, chance)


def kendall_tau(values: Sequence[float]) -> tuple[float, float]:
    """Tau of the values against their order, and the chance of one as far from 0 to the same side where all orders
    are as likely (Kendall 1938): of n! orders, those with as few pairs out of order. Equal values count as half.
    """
    pairs = list(combinations(values, 2))
    wrong = sum((later < earlier) + 0.5 * (later == earlier) for earlier, later in pairs)
    tau = 1 - 2 * wrong / len(pairs)
    orders = _orders(len(values))
    few = min(wrong, len(pairs) - wrong)  # the distribution is symmetric
    return tau, sum(orders[: int(few + 0.5) + 1]) / factorial(len(values))


@cache
def _orders(count: int) -> list[int]:
    """Of so many things, the orders with 0, 1, 2 ... pairs out of order: the next thing may pass any before it."""
    orders = [1]
    for size in range(2, count + 1):
        orders = [sum(orders[max(0, wrong - size + 1) : wrong + 1]) for wrong in range(len(orders) + size - 1)]
    return orders
