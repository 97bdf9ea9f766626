"""Reads which units of a layer matter most: those whose silencing moves a class's logit most, in the newest survey."""

from typing import NamedTuple

from sqlalchemy import func

from app.contract.network import NetworkCard
from app.contract.unit import UnitSummary
from app.store.catalog.survey_columns import newest_survey_id
from app.store.catalog.units import select_unit_records, unit_summaries
from app.store.database.session import Session
from app.store.database.survey_tables import ClassAttributionRow
from app.store.database.tables import UnitRow


class UnitImportance(NamedTuple):
    """A unit with the class whose logit it moves most, and by how much that falls where the unit is silenced."""

    unit: UnitSummary
    class_index: int
    effect: float


def most_important_units(session: Session, *, card: NetworkCard, layer: str, limit: int) -> tuple[UnitImportance, ...]:
    """Return the units of a layer whose silencing costs most, of a mean over their strongest clips; none unmeasured."""
    first = ClassAttributionRow.rank == 0
    units = (
        select_unit_records(ClassAttributionRow.class_index, ClassAttributionRow.effect)
        .join(ClassAttributionRow, ClassAttributionRow.unit_id == UnitRow.id)
        .where(ClassAttributionRow.survey_id == newest_survey_id(session, card=card), first)
        .where(UnitRow.layer_index == card.layer(layer).index)
        .order_by(func.abs(ClassAttributionRow.effect).desc(), UnitRow.index)
        .limit(limit)
    )
    records = session.read(units).all()
    return tuple(
        UnitImportance(unit, record.class_index, record.effect)
        for unit, record in zip(unit_summaries(session, card, records), records, strict=True)
    )
