"""The explorer: units filtered, sorted and counted, at a cost that does not grow with the network.

Words, layers and classes are looked up in the card, which knows them all; pages continue from the key of their last
unit; counts stop at a bound.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, FunctionElement, Select, String, func, literal, select, tuple_

from app.analysis.vocabulary import parse_words
from app.contract.errors import InvalidRequest
from app.contract.network import NetworkCard
from app.contract.unit import UnitSummary
from app.contract.unit_query import UnitListing, UnitQuery, UnitSort
from app.store.catalog.filters import groups, is_filtered, scope, size, sql_filters, within
from app.store.catalog.networks import LISTED, Listed, card_of, network_row, units_at
from app.store.catalog.summaries import unit_summaries
from app.store.database.session import Session
from app.store.database.tables import UnitRow

COUNTED = 10_000  # counting stops here
MANY = 20  # one unit of so many, or more of them, pass
BATCH = 500


@dataclass(frozen=True)
class Segment:
    """A part of a sorted listing: `keys` sort it, the last one alone telling units apart."""

    keys: tuple[Any, ...]  # columns, or expressions of them
    only: ColumnElement[bool] | None = None
    falling: bool = False
    alike: tuple[Any, ...] = ()  # columns that are the same throughout: PostgreSQL takes their index only if told


def _by(measure: Any, *, falling: bool = True) -> tuple[Segment, Segment]:
    """Units that have the measure, then the others in their order."""
    return (
        Segment((measure, UnitRow.id), only=measure.is_not(None), falling=falling),
        Segment((UnitRow.id,), only=measure.is_(None), alike=(measure,)),
    )


SEGMENTS: dict[UnitSort, tuple[Segment, ...]] = {
    UnitSort.ORDER: (Segment((UnitRow.layer_index, UnitRow.index)),),
    UnitSort.NAME: (
        Segment((func.lower(UnitRow.label, type_=String()), UnitRow.id), only=UnitRow.label > ""),
        Segment((UnitRow.id,), only=UnitRow.label == ""),
    ),
    UnitSort.RECENT: _by(UnitRow.visualized_at),
    UnitSort.ACTIVATION: _by(UnitRow.activation),
    UnitSort.REACH: _by(UnitRow.reach),
    UnitSort.SPECIFIC: _by(UnitRow.effective_classes, falling=False),
    UnitSort.GENERIC: _by(UnitRow.effective_classes),
}


def search_units(session: Session, *, slug: str, query: UnitQuery) -> UnitListing:
    """One page of the units that pass the filters; unknown layers and classes are errors, not empty pages."""
    row = network_row(session, slug)
    card = card_of(row)
    total, capped = _count(session, row.id, card, query)
    matching = _matching(row.id, card, query, many=total * MANY > size(card, query))
    backwards = query.before is not None
    skip = (query.page - 1) * query.per_page
    place = query.before if backwards else query.after or _before(card, query, skip)
    skip = 0 if place else skip
    found = _walk(session, matching, query, place=place, backwards=backwards, skip=skip, limit=query.per_page + 1)
    further = len(found) > query.per_page
    found = found[: query.per_page]
    if backwards:
        found.reverse()
    follows = bool(found) and (backwards or further)
    precedes = bool(found) and (further if backwards else query.after is not None or query.page > 1)
    return UnitListing(
        items=tuple(unit_summaries(session, slug, found)),
        total=total,
        capped=capped,
        left_out=tuple(word.text for word in parse_words(card, query.q or "") if not word.is_known),
        next=query.page + 1 if follows else None,
        after=_place(query.sort, found[-1]) if follows else None,
        before=_place(query.sort, found[0]) if precedes else None,
    )


def every_unit(session: Session, *, slug: str, query: UnitQuery, limit: int) -> Iterator[UnitSummary]:
    """All that match, in the order of the query, at most `limit`."""
    row = network_row(session, slug)
    matching = _matching(row.id, card_of(row), query)
    place = None
    while limit > 0:
        found = _walk(session, matching, query, place=place, limit=min(BATCH, limit))
        yield from unit_summaries(session, slug, found)
        if len(found) < BATCH:
            return
        place = _place(query.sort, found[-1])
        limit -= len(found)


def named_units(session: Session, *, slug: str, names: Sequence[tuple[str, int]]) -> list[UnitSummary]:
    """The units of these layers and numbers, in the order given, each once."""
    row = network_row(session, slug)
    card = card_of(row)
    places = [(card.unit(layer, unit)[0].index, unit) for layer, unit in dict.fromkeys(names)]
    found = units_at(session, row.id, places)
    return unit_summaries(session, slug, [found[place] for place in places])


def _before(card: NetworkCard, query: UnitQuery, skip: int) -> str | None:
    """The place of the last unit that is skipped, where the card tells it: counting up to it would read them all."""
    chosen = scope(card, query)
    if skip and query.sort is UnitSort.ORDER and not is_filtered(card, query) and not any(chosen.values()):
        for layer in card.layers:
            if layer.index in chosen and skip <= layer.units:
                return f"0~{skip - 1}~{layer.index}"
            skip -= layer.units if layer.index in chosen else 0
    return None


def _matching(network: int, card: NetworkCard, query: UnitQuery, *, many: bool = False) -> Select[*tuple[Any, ...]]:
    """`many`: in their own order they are soonest found by looking at one after the other."""
    filters = sql_filters(card, query, many=many and query.sort is UnitSort.ORDER)
    columns = (*LISTED, UnitRow.visualized_at) if query.sort is UnitSort.RECENT else LISTED
    return select(*columns).where(*within(network, card, query), *filters)


def _count(session: Session, network: int, card: NetworkCard, query: UnitQuery) -> tuple[int, bool]:
    if not is_filtered(card, query):
        return size(card, query), False
    kept = groups(session, network, card, query)
    if kept is not None:
        return sum(units for *_, units in kept), False
    some = _matching(network, card, query).with_only_columns(literal(1)).limit(COUNTED + 1).subquery()
    counted = session.read(select(func.count()).select_from(some)).scalar() or 0
    return min(counted, COUNTED), counted > COUNTED


def _walk(
    session: Session,
    matching: Select[*tuple[Any, ...]],
    query: UnitQuery,
    *,
    place: str | None,
    limit: int,
    backwards: bool = False,
    skip: int = 0,
) -> list[Listed]:
    """Units that follow the place (or precede it, nearest first), through the segments of the sort."""
    first, values = _read(query.sort, place) if place else (None, ())
    numbered = [each for each in enumerate(SEGMENTS[query.sort]) if each[0] != _empty(query)]
    found: list[Listed] = []
    for number, segment in reversed(numbered) if backwards else numbered:
        if first is not None and (number > first if backwards else number < first):
            continue
        falling = segment.falling != backwards
        part = matching if segment.only is None else matching.where(segment.only)
        if number == first:
            known = list(zip(segment.keys, values, strict=True))
            if query.layer and query.sort is UnitSort.ORDER:
                known = known[1:]  # the layer, which SQLite would take for a range of layers
            here, keys = tuple_(*(_alike(*each) for each in known)), tuple_(*(key for key, _ in known))
            part = part.where(keys < here if falling else keys > here)
        ordered = part.order_by(*(key.desc() if falling else key for key in (*segment.alike, *segment.keys)))
        rows = session.read(ordered.offset(skip).limit(limit - len(found))).all()
        if skip and not rows:
            skip -= session.read(select(func.count()).select_from(part.subquery())).scalar() or 0
        elif rows:
            skip = 0
        found += rows
        if len(found) == limit:
            break
    return found


def _empty(query: UnitQuery) -> int | None:
    """The segment that the filters leave nothing of: finding that out by looking would read all their units."""
    match query.sort, query.state, query.role:
        case (UnitSort.RECENT | UnitSort.ACTIVATION | UnitSort.REACH, "missing", _) | (UnitSort.REACH, _, "dead"):
            return 0
        case (UnitSort.RECENT | UnitSort.ACTIVATION, "visualized", _):
            return 1
    return None


def _place(sort: UnitSort, row: Listed) -> str:
    """Where a unit stands in the listing: its segment and its keys, the free text last."""
    for number, (measure, *_) in enumerate(each.keys for each in SEGMENTS[sort]):
        match sort:
            case UnitSort.ORDER:
                return f"{number}~{row.unit}~{row.layer_index}"
            case UnitSort.NAME if number == 0 and row.label:
                return f"{number}~{row.id}~{row.label}"
            case UnitSort.NAME:
                continue
        value = getattr(row, str(measure.key))
        if number == 0 and value is not None:
            return f"{number}~{row.id}~{value.isoformat() if isinstance(value, datetime) else repr(value)}"
    return f"1~{row.id}"


def _read(sort: UnitSort, place: str) -> tuple[int, tuple[Any, ...]]:
    number, _, rest = place.partition("~")
    try:
        segment = SEGMENTS[sort][("0", "1").index(number)]
        parts = rest.split("~", len(segment.keys) - 1)
        values = tuple(_value(key, part) for key, part in zip(segment.keys, reversed(parts), strict=True))
    except (ValueError, IndexError) as error:
        raise InvalidRequest(
            "`after` and `before` take a place that an earlier page under the same sort gave. "
            "Leave them out to begin at the start.",
            fields=[{"field": "after", "detail": "Not a place in this listing."}],
        ) from error
    return int(number), values


def _value(key: Any, text: str) -> Any:
    kind = key.type.python_type
    if kind is datetime:
        return datetime.fromisoformat(text).astimezone()
    value = kind(text)
    if kind is int and abs(value) >= 2**63:
        raise ValueError(text)
    return value


def _alike(key: Any, value: Any) -> ColumnElement[Any]:
    """The value as the key sees it: each database lowers letters in its own way."""
    return func.lower(value, type_=String()) if isinstance(key, FunctionElement) else literal(value, key.type)
