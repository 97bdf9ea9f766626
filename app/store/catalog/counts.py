"""Counts of units, kept beside them: by layer, role, and whether there is a picture."""

from sqlalchemy import delete, func, insert, select, update

from app.store.database.session import Session
from app.store.database.tables import ResultCountRow, UnitCountRow, UnitRow
from app.store.database.upsert import insert_missing


def recount(session: Session, *, network_id: int) -> None:
    """Count a network's units anew: where they are made, and where a survey gives them their roles."""
    role, visualized = func.coalesce(UnitRow.role, ""), UnitRow.visualized_at.is_not(None)
    keys = (UnitRow.network_id, UnitRow.layer_index, role, visualized)
    counted = (
        select(*keys, func.count(), func.sum(UnitRow.visualizations))
        .where(UnitRow.network_id == network_id)
        .group_by(*keys)
    )
    session.execute(delete(UnitCountRow).where(UnitCountRow.network_id == network_id))
    columns = ("network_id", "layer_index", "role", "visualized", "units", "visualizations")
    session.execute(insert(UnitCountRow).from_select(columns, counted))


def count_result(session: Session, *, unit: UnitRow, recipe_key: str) -> None:
    """One more result of a unit that is locked, before it is written there."""
    made = {"network_id": unit.network_id, "layer_index": unit.layer_index, "recipe_key": recipe_key}
    insert_missing(session, ResultCountRow, [{**made, "results": 0}])
    session.execute(update(ResultCountRow).filter_by(**made).values(results=ResultCountRow.results + 1))
    alike = {"network_id": unit.network_id, "layer_index": unit.layer_index, "role": unit.role or ""}
    if unit.visualized_at is None:
        insert_missing(session, UnitCountRow, [{**alike, "visualized": True, "units": 0, "visualizations": 0}])
        _add(session, alike, visualized=False, units=-1, visualizations=0)
    _add(session, alike, visualized=True, units=int(unit.visualized_at is None), visualizations=1)


def _add(session: Session, alike: dict[str, object], *, visualized: bool, units: int, visualizations: int) -> None:
    session.execute(
        update(UnitCountRow)
        .where(UnitCountRow.visualized.is_(visualized))
        .filter_by(**alike)
        .values(units=UnitCountRow.units + units, visualizations=UnitCountRow.visualizations + visualizations)
    )
