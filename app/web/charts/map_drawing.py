"""The drawing of the map of units: coloured dots, the names of classes, and the chosen region."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from app.contract.coding import UnitCoding
from app.contract.network import CLASS_LAYER, NetworkCard
from app.contract.unit import MapPoint, UnitMap, UnitRole
from app.contract.unit_query import UnitQuery, parse_region
from app.web import urls

ColourBy = Literal["stream", "role", "coding"]


NOT_CODED = "constant"  # a unit whose responses do not differ between clips codes nothing


@dataclass(frozen=True)
class MapDot:
    """A unit. `x` and `y` are in per cent of the map's sides."""

    x: str
    y: str
    href: str
    label: str
    colour: str  # the name of its stream, its role, or what it codes
    poster: str | None
    is_class: bool
    is_outside: bool  # whether it lies outside the chosen region


@dataclass(frozen=True)
class TextSize:
    """The width of a letter and the height of a line, as shares of the map's sides."""

    letter: float
    line: float


DESKTOP_TEXT, PHONE_TEXT = TextSize(0.0065, 0.035), TextSize(0.018, 0.04)


@dataclass(frozen=True)
class MapLabel:
    """The name of a class. `x` and `y` are in per cent of the map's sides.

    `anchor` is the part of the text that stands at `x`, chosen so that the text does not run over an edge.
    """

    x: str
    y: str
    text: str
    anchor: Literal["start", "middle", "end"]
    is_desktop_only: bool  # there is no room for it on a phone


@dataclass(frozen=True)
class RegionBox:
    """The chosen region, in per cent of the map's sides."""

    x: str
    y: str
    width: str
    height: str


@dataclass(frozen=True)
class MapDrawing:
    """`legend` has the colours that occur, each with the number of its dots. One of `units_per_dot` units is drawn."""

    dots: tuple[MapDot, ...]
    labels: tuple[MapLabel, ...]
    colour_by: ColourBy
    colours: tuple[ColourBy, ...]  # what dots can be coloured by
    legend: tuple[tuple[str, int], ...]
    region: RegionBox | None
    units_per_dot: int


def draw_map(card: NetworkCard, query: UnitQuery, units: UnitMap, has_coding: bool = False) -> MapDrawing:
    """Return the drawing of a map.

    Dots have the colours of streams, or of roles where the network has one stream; the query may choose, also what they
    code, where that was measured. Units of a network without classes have no roles. Units outside the query's region
    are marked.
    """
    streams = dict.fromkeys(layer.stream for layer in card.layers)
    colours: list[ColourBy] = ["stream"] if len(streams) > 1 or not card.classes else []
    colours += ["role"] if card.classes else []
    colours += ["coding"] if has_coding else []
    colour_by = query.colour if query.colour in colours else colours[0]
    box = parse_region(query.region) if query.region else None
    layer_hrefs = {layer.name: urls.layer(card.slug, layer.name) for layer in card.layers}
    dots = tuple(_dot(point, colour_by, box, layer_hrefs[point.layer]) for point in units.points)
    counts = Counter(dot.colour for dot in dots)
    names = {"stream": [*streams], "role": [*UnitRole], "coding": [*UnitCoding, NOT_CODED]}[colour_by]
    return MapDrawing(
        dots=dots,
        labels=_labels([point for point in units.points if point.layer == CLASS_LAYER]),
        colour_by=colour_by,
        colours=tuple(colours),
        legend=tuple((str(colour), counts[str(colour)]) for colour in names if counts[str(colour)]),
        region=None if box is None else RegionBox(*map(_per_cent, (box[0], box[1], box[2] - box[0], box[3] - box[1]))),
        units_per_dot=units.one_of,
    )


def _dot(
    point: MapPoint, colour_by: ColourBy, box: tuple[float, float, float, float] | None, layer_href: str
) -> MapDot:
    name = f"{point.layer}/{point.unit}"
    return MapDot(
        x=_per_cent(point.x),
        y=_per_cent(point.y),
        href=f"{layer_href}/{point.unit}",
        label=f"{point.label}, {name}" if point.label else name,
        colour={"stream": point.stream, "role": point.role or UnitRole.DEAD, "coding": point.coding or NOT_CODED}[
            colour_by
        ],
        poster=point.poster and urls.media(point.poster),
        is_class=point.layer == CLASS_LAYER,
        is_outside=box is not None and not (box[0] <= point.x <= box[2] and box[1] <= point.y <= box[3]),
    )


def _labels(classes: list[MapPoint]) -> tuple[MapLabel, ...]:
    """Return the names of classes that do not overlap, in the order of the classes; fewer of them fit on a phone."""
    on_desktop = _without_overlap(classes, DESKTOP_TEXT)
    on_phone = _without_overlap(on_desktop, PHONE_TEXT)
    return tuple(
        MapLabel(_per_cent(point.x), _per_cent(point.y), point.label, _anchor(point), point not in on_phone)
        for point in on_desktop
    )


def _without_overlap(points: Sequence[MapPoint], size: TextSize) -> list[MapPoint]:
    """Return the points whose text does not lie on that of an earlier one."""
    placed: list[MapPoint] = []
    for point in points:
        left, right = _text_extent(point, size)
        if all(
            abs(point.y - other.y) > size.line
            or left > _text_extent(other, size)[1]
            or right < _text_extent(other, size)[0]
            for other in placed
        ):
            placed.append(point)
    return placed


def _text_extent(point: MapPoint, size: TextSize) -> tuple[float, float]:
    """Return the left and right end of a point's text, as shares of the map's width."""
    width = len(point.label) * size.letter
    left = point.x - {"start": 0.0, "middle": 0.5, "end": 1.0}[_anchor(point)] * width
    return left, left + width


def _anchor(point: MapPoint) -> Literal["start", "middle", "end"]:
    half = len(point.label) * PHONE_TEXT.letter / 2
    return "start" if point.x < half else "end" if point.x > 1 - half else "middle"


def _per_cent(share: float) -> str:
    return f"{share * 100:.2f}%"
