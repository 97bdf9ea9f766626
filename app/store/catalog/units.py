"""Units: single ones, and summaries of many for listings."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, select, union_all
from sqlalchemy.orm import InstrumentedAttribute

from app.contract.network import NetworkCard
from app.contract.result import MediaRole
from app.contract.unit import UnitSummary
from app.store.catalog.networks import network_id
from app.store.catalog.survey_columns import newest_survey_id
from app.store.database.chunks import chunks
from app.store.database.session import Session, UnitRecord
from app.store.database.survey_tables import ClipMediaRow, TopClipRow, UnitEvidenceRow
from app.store.database.tables import UnitRow

UNITS_PER_CONDITION = 500  # unit indices of one layer
CONDITIONS_PER_STATEMENT = 8

Position = tuple[int, int]  # layer index and unit index

# The columns of a UnitRecord: keys, then what a summary shows. They are no mapped objects: a page may show hundreds.
KEY_COLUMNS = (UnitRow.id, UnitRow.network_id, UnitRow.layer_index)
SUMMARY_COLUMNS: tuple[InstrumentedAttribute[Any] | ColumnElement[Any], ...] = (
    UnitRow.layer,
    UnitRow.stream,
    UnitRow.index.label("unit"),  # `index` is a method of rows
    UnitRow.label,
    UnitRow.a_hat,
    UnitRow.a_low,
    UnitRow.role,
    UnitRow.effective_classes,
    UnitRow.coding,
    UnitRow.needed_by,
    UnitRow.detects,
    UnitRow.map_x,
    UnitRow.map_y,
    UnitRow.visualizations,
    UnitRow.activation,
    UnitRow.reach,
    UnitRow.poster,
    UnitRow.loop,
)
SUMMARY_FIELDS = ["index" if column.key == "unit" else str(column.key) for column in SUMMARY_COLUMNS]


def select_unit_records(*more_columns: Any) -> Select[*tuple[Any, ...]]:
    """Return a statement whose rows are UnitRecords, with more columns after them."""
    return select(*KEY_COLUMNS, *SUMMARY_COLUMNS, *more_columns)


def get_unit(session: Session, *, card: NetworkCard, layer: str, unit: int) -> UnitSummary:
    """Return one unit. Raises UnknownLayer and UnknownUnit."""
    return unit_summary(card.slug, unit_record(session, card=card, layer=layer, unit=unit))


def unit_record(session: Session, *, card: NetworkCard, layer: str, unit: int) -> UnitRecord:
    """Return the record of one unit, which is read once in a session. Raises UnknownLayer and UnknownUnit."""
    card_layer, index = card.unit(layer, unit)
    position = (card_layer.index, index)
    return unit_records(session, card=card, positions=[position])[position]


def unit_records(
    session: Session,
    *,
    card: NetworkCard,
    positions: Iterable[Position],
    units_per_condition: int = UNITS_PER_CONDITION,
) -> dict[Position, UnitRecord]:
    """Return the records of units by layer index and unit index; each is read once in a session."""
    known = session.request_cache.units
    network = network_id(session, card)
    wanted = {position: (network, *position) for position in positions}
    by_layer: dict[int, list[int]] = {}
    for (layer, unit), key in wanted.items():
        if key not in known:
            by_layer.setdefault(layer, []).append(unit)
    conditions = [
        (UnitRow.network_id == network, UnitRow.layer_index == layer, UnitRow.index.in_(units))
        for layer, all_units in by_layer.items()
        for units in chunks(all_units, units_per_condition)
    ]
    for some in chunks(conditions, CONDITIONS_PER_STATEMENT):
        # A union: for pairs of numbers, and for conditions joined by OR, SQLite would read all units of the network.
        ids = union_all(*(select(UnitRow.id).where(*condition) for condition in some))
        for record in session.read(select_unit_records().where(UnitRow.id.in_(ids))):
            known[network, record.layer_index, record.unit] = record
    return {position: known[key] for position, key in wanted.items() if key in known}


def unit_summaries(session: Session, card: NetworkCard, records: Iterable[UnitRecord]) -> list[UnitSummary]:
    """Return summaries of units of one network, in their order.

    A unit that detects a class comes with its precision for the class, and a unit without a picture with that of its
    strongest clip; one statement reads both for all units.
    """
    records = list(records)
    wanted = [record.id for record in records if _needs_clip(record) or record.detects is not None]
    details: dict[int, tuple[float, str | None]] = {}  # by unit id: precision, poster of the strongest clip
    survey_id = newest_survey_id(session, card=card) if wanted else None
    for ids in chunks(wanted, UNITS_PER_CONDITION):
        for unit, precision, poster in session.read(_precisions_and_posters(survey_id, ids)):
            details[unit] = precision, poster
    return [_summary_with_details(card.slug, record, *details.get(record.id, (None, None))) for record in records]


def summaries_by_id(session: Session, card: NetworkCard, ids: Iterable[int]) -> dict[int, UnitSummary]:
    """Return summaries of units of one network by their ids."""
    records = session.read(select_unit_records().where(UnitRow.id.in_(list(ids)))).all()
    return dict(zip((record.id for record in records), unit_summaries(session, card, records), strict=True))


def unit_summary(
    network: str, record: UnitRecord, precision: float | None = None, clip: str | None = None
) -> UnitSummary:
    """Return the summary of a unit of the network with this slug."""
    first = len(KEY_COLUMNS)
    fields = dict(zip(SUMMARY_FIELDS, record[first : first + len(SUMMARY_COLUMNS)], strict=True))
    return UnitSummary(network=network, precision=precision, clip=clip, **fields)


def _needs_clip(record: UnitRecord) -> bool:
    """Return whether a unit has no picture yet, but clips that excite it."""
    return record.poster is None and record.a_hat is not None and record.a_hat > 0


def _summary_with_details(network: str, record: UnitRecord, precision: float | None, poster: str | None) -> UnitSummary:
    return unit_summary(
        network,
        record,
        precision=None if record.detects is None else precision,
        clip=poster if _needs_clip(record) else None,
    )


def _precisions_and_posters(survey_id: int | None, unit_ids: list[int]) -> Select[int, float, str | None]:
    """Select of each unit the precision for its best class, and the poster of its strongest clip."""
    strongest = and_(
        TopClipRow.survey_id == UnitEvidenceRow.survey_id,
        TopClipRow.unit_id == UnitEvidenceRow.unit_id,
        TopClipRow.rank == 0,
    )
    poster = and_(ClipMediaRow.clip_id == TopClipRow.clip_id, ClipMediaRow.role == MediaRole.POSTER.value)
    return (
        select(UnitEvidenceRow.unit_id, UnitEvidenceRow.best_precision, ClipMediaRow.sha256)
        .outerjoin(TopClipRow, strongest)
        .outerjoin(ClipMediaRow, poster)
        .where(UnitEvidenceRow.survey_id == survey_id, UnitEvidenceRow.unit_id.in_(unit_ids))
    )
