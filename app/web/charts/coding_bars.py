"""Bars of what the units of each layer code, with the control's below: one bar a layer, divided by kind."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.contract.coding import CodingShares, LayerCoding, NetworkCoding, UnitCoding
from app.contract.unit_query import UnitQuery
from app.web import urls

WIDTH = 320  # px, of 100 %
TICKS = (0, 25, 50, 75, 100)  # per cent


@dataclass(frozen=True)
class Segment:
    """The part of a bar that is of one kind; `x` and `width` are in pixels."""

    kind: UnitCoding
    x: float
    width: float


@dataclass(frozen=True)
class LayerBar:
    """The bar of a layer, and that of the same layer in the control, which is empty where it was not measured."""

    layer: LayerCoding
    segments: tuple[Segment, ...]
    control: tuple[Segment, ...]
    words: str  # the shares, for those who cannot see the bar


@dataclass(frozen=True)
class CodingBars:
    """The bars of all layers with live units, and the marks of their axis: per cent and pixels."""

    kinds: tuple[tuple[UnitCoding, str], ...]  # with the addresses of their units
    bars: tuple[LayerBar, ...]
    ticks: tuple[tuple[int, float], ...]
    has_control: bool


def coding_bars(network: str, coding: NetworkCoding) -> CodingBars:
    """Return the bars of the layers that have live units, of the network with this slug."""
    bars = [_bar(layer) for layer in coding.layers if layer.live]
    return CodingBars(
        kinds=tuple((kind, urls.units(network, UnitQuery(coding=kind.value))) for kind in UnitCoding),
        bars=tuple(bars),
        ticks=tuple((per_cent, per_cent / 100 * WIDTH) for per_cent in TICKS),
        has_control=any(bar.control for bar in bars),
    )


def _bar(layer: LayerCoding) -> LayerBar:
    shares = _values(layer.shares)
    words = ", ".join(f"{kind} {share:.0%}" for kind, share in zip(UnitCoding, shares, strict=True))
    return LayerBar(layer, _segments(shares), _segments(_values(layer.control)) if layer.control else (), words)


def _values(shares: CodingShares) -> list[float]:
    return [getattr(shares, kind).value for kind in UnitCoding]


def _segments(shares: Sequence[float]) -> tuple[Segment, ...]:
    segments, x = [], 0.0
    for kind, share in zip(UnitCoding, shares, strict=True):
        width = round(share * WIDTH, 1)
        if width:
            segments.append(Segment(kind, round(x, 1), width))
        x += width
    return tuple(segments)
