"""The explorer's sort orders, and cursors: texts that say after which unit of an order the next page begins.

A sort by a measure has two segments: units that have the measure, then the others. Each has an index in its order.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, FunctionElement, String, func, literal

from app.contract.errors import InvalidRequest
from app.contract.unit_query import UnitQuery, UnitSort
from app.store.database.session import UnitRecord
from app.store.database.tables import UnitRow

MAX_INTEGER = 2**63  # of a column of either database


@dataclass(frozen=True)
class Segment:
    """A part of a sorted listing.

    `keys` are columns, or expressions of columns, that sort it; the last one alone identifies a unit. `condition`
    selects the units of the segment. `constants` are columns with one value throughout: PostgreSQL uses an index that
    begins with them only if they are sorted by as well.
    """

    keys: tuple[Any, ...]
    condition: ColumnElement[bool] | None = None
    is_descending: bool = False
    constants: tuple[Any, ...] = ()


def _by_measure(measure: Any, *, is_descending: bool = True) -> tuple[Segment, Segment]:
    return (
        Segment((measure, UnitRow.id), condition=measure.is_not(None), is_descending=is_descending),
        Segment((UnitRow.id,), condition=measure.is_(None), constants=(measure,)),
    )


SEGMENTS: dict[UnitSort, tuple[Segment, ...]] = {
    UnitSort.ORDER: (Segment((UnitRow.layer_index, UnitRow.index)),),
    UnitSort.NAME: (
        Segment((func.lower(UnitRow.label, type_=String()), UnitRow.id), condition=UnitRow.label > ""),
        Segment((UnitRow.id,), condition=UnitRow.label == ""),
    ),
    UnitSort.RECENT: _by_measure(UnitRow.visualized_at),
    UnitSort.ACTIVATION: _by_measure(UnitRow.activation),
    UnitSort.REACH: _by_measure(UnitRow.reach),
    UnitSort.SPECIFIC: _by_measure(UnitRow.effective_classes, is_descending=False),
    UnitSort.GENERIC: _by_measure(UnitRow.effective_classes),
    UnitSort.NEEDED: _by_measure(UnitRow.needed_by),
}


def empty_segment(query: UnitQuery) -> int | None:
    """Return the number of the segment in which no unit can pass the filters: the database would read all of it."""
    match query.sort, query.state, query.role:
        case (UnitSort.RECENT | UnitSort.ACTIVATION | UnitSort.REACH, "missing", _) | (UnitSort.REACH, _, "dead"):
            return 0
        case (UnitSort.RECENT | UnitSort.ACTIVATION, "visualized", _):
            return 1
    return None


def encode_cursor(sort: UnitSort, record: UnitRecord) -> str:
    """Return the cursor of a unit: the number of its segment and its keys, the last key first, joined by `~`."""
    for number, (measure, *_) in enumerate(segment.keys for segment in SEGMENTS[sort]):
        match sort:
            case UnitSort.ORDER:
                return order_cursor(record.layer_index, record.unit)
            case UnitSort.NAME if number == 0 and record.label:
                return f"{number}~{record.id}~{record.label}"
            case UnitSort.NAME:
                continue
        value = getattr(record, str(measure.key))
        if number == 0 and value is not None:
            return f"{number}~{record.id}~{value.isoformat() if isinstance(value, datetime) else repr(value)}"
    return f"1~{record.id}"


def order_cursor(layer_index: int, unit: int) -> str:
    """Return the cursor of a unit in the network's own order."""
    return f"0~{unit}~{layer_index}"


def decode_cursor(sort: UnitSort, cursor: str) -> tuple[int, tuple[Any, ...]]:
    """Return the number of the segment and the values of its keys. Raises InvalidRequest for any other text."""
    number, _, rest = cursor.partition("~")
    try:
        segment = SEGMENTS[sort][("0", "1").index(number)]
        parts = rest.split("~", len(segment.keys) - 1)
        values = tuple(_parse_key(key, part) for key, part in zip(segment.keys, reversed(parts), strict=True))
    except (ValueError, IndexError) as error:
        raise InvalidRequest(
            "`after` and `before` take a place that an earlier page under the same sort gave. "
            "Leave them out to begin at the start.",
            fields=[{"field": "after", "detail": "Not a place in this listing."}],
        ) from error
    return int(number), values


def key_literal(key: Any, value: Any) -> ColumnElement[Any]:
    """Return the value as SQL that compares with the key: each database has its own way to lower letters."""
    return func.lower(value, type_=String()) if isinstance(key, FunctionElement) else literal(value, key.type)


def _parse_key(key: Any, text: str) -> Any:
    kind = key.type.python_type
    if kind is datetime:
        return datetime.fromisoformat(text).astimezone()
    value = kind(text)
    if kind is int and abs(value) >= MAX_INTEGER:
        raise ValueError(text)
    return value
