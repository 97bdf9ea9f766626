"""The map of units as it is drawn: dots with their colours, the names of classes, and the region that was chosen."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from app.contract.network import CLASS_LAYER, NetworkCard
from app.contract.unit import MapPoint, UnitMap, UnitRole
from app.contract.unit_query import UnitQuery, region_box
from app.web import urls

Paint = Literal["stream", "role"]


@dataclass(frozen=True)
class Dot:
    """Places in per cent of the map."""

    x: str
    y: str
    href: str
    words: str
    colour: str
    poster: str | None
    is_class: bool
    is_outside: bool  # of the region


@dataclass(frozen=True)
class Room:
    """What a letter's width and a line's height take of the map."""

    letter: float
    line: float


DESK, PHONE = Room(0.0065, 0.035), Room(0.018, 0.04)


@dataclass(frozen=True)
class Word:
    """`anchor`: where the name has its place, so that it does not run over an edge. `is_roomy`: not for a phone."""

    x: str
    y: str
    words: str
    anchor: Literal["start", "middle", "end"]
    is_roomy: bool


@dataclass(frozen=True)
class Box:
    """In per cent of the map."""

    x: str
    y: str
    width: str
    height: str


@dataclass(frozen=True)
class MapSheet:
    """`key`: the colours that occur, each with how many dots have it. `one_of`: only one of so many units is drawn."""

    dots: tuple[Dot, ...]
    words: tuple[Word, ...]
    paint: Paint
    is_choice: bool  # whether colours could tell something else
    key: tuple[tuple[str, int], ...]
    box: Box | None
    one_of: int


def sheet(card: NetworkCard, query: UnitQuery, units: UnitMap) -> MapSheet:
    several = len({layer.stream for layer in card.layers}) > 1
    paint: Paint = query.colour or ("stream" if several else "role")
    box = region_box(query.region) if query.region else None
    addresses = {layer.name: urls.layer(card.slug, layer.name) for layer in card.layers}
    dots = tuple(_dot(point, paint, box, addresses[point.layer]) for point in units.points)
    counts = Counter(dot.colour for dot in dots)
    order = UnitRole if paint == "role" else dict.fromkeys(layer.stream for layer in card.layers)
    return MapSheet(
        dots=dots,
        words=_words([point for point in units.points if point.layer == CLASS_LAYER]),
        paint=paint,
        is_choice=several,
        key=tuple((str(each), counts[str(each)]) for each in order if counts[str(each)]),
        box=None if box is None else Box(*map(_per_cent, (box[0], box[1], box[2] - box[0], box[3] - box[1]))),
        one_of=units.one_of,
    )


def _dot(point: MapPoint, paint: Paint, box: tuple[float, float, float, float] | None, layer: str) -> Dot:
    name = f"{point.layer}/{point.unit}"
    return Dot(
        x=_per_cent(point.x),
        y=_per_cent(point.y),
        href=f"{layer}/{point.unit}",
        words=f"{point.label}, {name}" if point.label else name,
        colour=point.stream if paint == "stream" else point.role or UnitRole.DEAD,
        poster=point.poster and urls.media(point.poster),
        is_class=point.layer == CLASS_LAYER,
        is_outside=box is not None and not (box[0] <= point.x <= box[2] and box[1] <= point.y <= box[3]),
    )


def _words(classes: list[MapPoint]) -> tuple[Word, ...]:
    """Names of classes where there is room, the first first; on a phone there is less."""
    placed = _apart(classes, DESK)
    on_a_phone = _apart(placed, PHONE)
    return tuple(
        Word(_per_cent(point.x), _per_cent(point.y), point.label, _anchor(point), point not in on_a_phone)
        for point in placed
    )


def _apart(points: Sequence[MapPoint], room: Room) -> list[MapPoint]:
    placed: list[MapPoint] = []
    for point in points:
        left, right = _extent(point, room)
        if all(
            abs(point.y - each.y) > room.line or left > _extent(each, room)[1] or right < _extent(each, room)[0]
            for each in placed
        ):
            placed.append(point)
    return placed


def _extent(point: MapPoint, room: Room) -> tuple[float, float]:
    width = len(point.label) * room.letter
    left = point.x - {"start": 0.0, "middle": 0.5, "end": 1.0}[_anchor(point)] * width
    return left, left + width


def _anchor(point: MapPoint) -> Literal["start", "middle", "end"]:
    half = len(point.label) * PHONE.letter / 2
    return "start" if point.x < half else "end" if point.x > 1 - half else "middle"


def _per_cent(share: float) -> str:
    return f"{share * 100:.2f}%"
