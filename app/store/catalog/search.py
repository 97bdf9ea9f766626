"""The explorer: units filtered, sorted and counted, at a cost that does not grow with the network.

Words, layers and classes are looked up on the card, which knows them all; the next page continues from the key of the
last unit; counting stops at a bound.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Select, func, literal, select, tuple_

from app.contract.network import NetworkCard
from app.contract.unit import UnitSummary
from app.contract.unit_query import UnitListing, UnitQuery, UnitSort
from app.store.catalog.facets import MAX_COUNTED_UNITS, count_units
from app.store.catalog.networks import network_id
from app.store.catalog.selection import Selection
from app.store.catalog.sorting import (
    SEGMENTS,
    decode_cursor,
    empty_segment,
    encode_cursor,
    key_literal,
    order_cursor,
)
from app.store.catalog.units import select_unit_records, unit_records, unit_summaries
from app.store.database.session import Session, UnitRecord
from app.store.database.tables import UnitRow

MAX_TOTAL = 10_000  # units at which the total of a listing stops counting
SCAN_SHARE = 1 / 20  # of the matched units: where more pass, reading all in order finds the first page soonest
BATCH_SIZE = 500  # units that `iter_units` reads at once


def search_units(
    session: Session,
    *,
    card: NetworkCard,
    query: UnitQuery,
    max_total: int = MAX_TOTAL,
    max_counted: int = MAX_COUNTED_UNITS,
) -> UnitListing:
    """Return one page of the units that pass the filters. Raises UnknownLayer and UnknownClass.

    The total stops at `max_total` where more than `max_counted` units would have to be counted one by one.
    """
    selection = Selection.of(card, network_id(session, card), query)
    total, capped = _count(session, selection, max_total, max_counted)
    matching = _matching(selection, scan=total > SCAN_SHARE * selection.count_on_card)
    backwards = query.before is not None
    skip = (query.page - 1) * query.per_page
    cursor = query.before if backwards else query.after or _cursor_before(selection, skip)
    records = _read_from_cursor(
        session,
        matching,
        query,
        cursor=cursor,
        backwards=backwards,
        skip=0 if cursor else skip,
        limit=query.per_page + 1,
    )
    has_more = len(records) > query.per_page
    records = records[: query.per_page]
    if backwards:
        records.reverse()
    has_next = bool(records) and (backwards or has_more)
    has_previous = bool(records) and (has_more if backwards else query.after is not None or query.page > 1)
    return UnitListing(
        items=tuple(unit_summaries(session, card, records)),
        total=total,
        capped=capped,
        left_out=selection.match.unknown_words,
        next=query.page + 1 if has_next else None,
        after=encode_cursor(query.sort, records[-1]) if has_next else None,
        before=encode_cursor(query.sort, records[0]) if has_previous else None,
    )


def iter_units(
    session: Session, *, card: NetworkCard, query: UnitQuery, limit: int, batch_size: int = BATCH_SIZE
) -> Iterator[UnitSummary]:
    """Yield all units that pass the filters, in the order of the query, at most `limit`."""
    matching = _matching(Selection.of(card, network_id(session, card), query))
    cursor = None
    while limit > 0:
        records = _read_from_cursor(session, matching, query, cursor=cursor, limit=min(batch_size, limit))
        yield from unit_summaries(session, card, records)
        if len(records) < batch_size:
            return
        cursor = encode_cursor(query.sort, records[-1])
        limit -= len(records)


def units_by_name(session: Session, *, card: NetworkCard, names: Sequence[tuple[str, int]]) -> list[UnitSummary]:
    """Return the units with these layers and numbers, in the order given, each once. Raises UnknownUnit."""
    positions = [(card.unit(layer, unit)[0].index, unit) for layer, unit in dict.fromkeys(names)]
    records = unit_records(session, card=card, positions=positions)
    return unit_summaries(session, card, [records[position] for position in positions])


def _cursor_before(selection: Selection, skip: int) -> str | None:
    """Return the cursor of the last unit to skip, where the card can tell; counting up to it would read all units."""
    in_order = selection.query.sort is UnitSort.ORDER
    if skip and in_order and not selection.needs_database and not selection.has_partial_layers:
        for layer in sorted(selection.card.layers, key=lambda layer: layer.index):
            if layer.index in selection.match.units and skip <= layer.units:
                return order_cursor(layer.index, skip - 1)
            skip -= layer.units if layer.index in selection.match.units else 0
    return None


def _matching(selection: Selection, *, scan: bool = False) -> Select[*tuple[Any, ...]]:
    """Return the statement for the selected units; `scan`: most pass, and in their own order they need no index."""
    sort = selection.query.sort
    records = select_unit_records(*([UnitRow.visualized_at] if sort is UnitSort.RECENT else []))
    return records.where(*selection.conditions(scan=scan and sort is UnitSort.ORDER))


def _count(session: Session, selection: Selection, max_total: int, max_counted: int) -> tuple[int, bool]:
    """Return how many units pass, and whether counting stopped there."""
    if not selection.needs_database:
        return selection.count_on_card, False
    counts = count_units(session, selection, max_counted)
    if counts is not None:
        return sum(count.units for count in counts), False
    passing = _matching(selection).with_only_columns(literal(1)).limit(max_total + 1).subquery()
    total = session.read(select(func.count()).select_from(passing)).scalar_one()
    return min(total, max_total), total > max_total


def _read_from_cursor(
    session: Session,
    matching: Select[*tuple[Any, ...]],
    query: UnitQuery,
    *,
    cursor: str | None,
    limit: int,
    backwards: bool = False,
    skip: int = 0,
) -> list[UnitRecord]:
    """Read the units after the cursor, or those before it, nearest first, through the segments of the sort."""
    first, values = decode_cursor(query.sort, cursor) if cursor else (None, ())
    empty = empty_segment(query)
    segments = [(number, segment) for number, segment in enumerate(SEGMENTS[query.sort]) if number != empty]
    records: list[UnitRecord] = []
    for number, segment in reversed(segments) if backwards else segments:
        if first is not None and (number > first if backwards else number < first):
            continue
        descending = segment.is_descending != backwards
        part = matching if segment.condition is None else matching.where(segment.condition)
        if number == first:
            pairs = list(zip(segment.keys, values, strict=True))
            if query.layer and query.sort is UnitSort.ORDER:
                pairs = pairs[1:]  # without the layer, which would make SQLite search a range of layers
            keys, here = tuple_(*(key for key, _ in pairs)), tuple_(*(key_literal(*pair) for pair in pairs))
            part = part.where(keys < here if descending else keys > here)
        ordered = part.order_by(*(key.desc() if descending else key for key in (*segment.constants, *segment.keys)))
        rows = session.read(ordered.offset(skip).limit(limit - len(records))).all()
        if skip and not rows:
            skip -= session.read(select(func.count()).select_from(part.subquery())).scalar_one()
        elif rows:
            skip = 0
        records += rows
        if len(records) == limit:
            break
    return records
