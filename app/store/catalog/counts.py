"""Stores how many units each layer has by all that the explorer counts, so that pages need not count units."""

from sqlalchemy import case, delete, func, insert, select, update

from app.contract.necessity import SEVERAL_CLASSES
from app.store.database.session import Session
from app.store.database.tables import ResultCountRow, UnitCountRow, UnitRow
from app.store.database.upsert import insert_missing


def recount_units(session: Session, *, network_id: int) -> None:
    """Count all units of a network again: after they are inserted, and after a survey gives them their roles."""
    keys = (
        UnitRow.network_id,
        UnitRow.layer_index,
        func.coalesce(UnitRow.role, ""),
        UnitRow.visualized_at.is_not(None),
        func.coalesce(UnitRow.coding, ""),
        case((UnitRow.needed_by > SEVERAL_CLASSES, SEVERAL_CLASSES), else_=func.coalesce(UnitRow.needed_by, -1)),
    )
    counts = (
        select(*keys, func.count(), func.sum(UnitRow.visualizations))
        .where(UnitRow.network_id == network_id)
        .group_by(*keys)
    )
    session.execute(delete(UnitCountRow).where(UnitCountRow.network_id == network_id))
    columns = ("network_id", "layer_index", "role", "visualized", "coding", "needed_by", "units", "visualizations")
    session.execute(insert(UnitCountRow).from_select(columns, counts))


def count_result(session: Session, *, unit: UnitRow, recipe_key: str, shows_unit: bool) -> None:
    """Count one more result of a unit. Its row must be locked, and not yet say that the result is there.

    Only a result that shows the unit makes it visualized: one that lowers it, and an accentuated clip, has no picture
    in listings.
    """
    result_key = {"network_id": unit.network_id, "layer_index": unit.layer_index, "recipe_key": recipe_key}
    insert_missing(session, ResultCountRow, [{**result_key, "results": 0}])
    session.execute(update(ResultCountRow).filter_by(**result_key).values(results=ResultCountRow.results + 1))
    unit_key = {
        "network_id": unit.network_id,
        "layer_index": unit.layer_index,
        "role": unit.role or "",
        "coding": unit.coding or "",
        "needed_by": -1 if unit.needed_by is None else min(unit.needed_by, SEVERAL_CLASSES),
    }
    was_visualized = unit.visualized_at is not None
    if shows_unit and not was_visualized:
        before = unit.visualizations  # of results that do not show it
        insert_missing(session, UnitCountRow, [{**unit_key, "visualized": True, "units": 0, "visualizations": 0}])
        _add(session, unit_key, visualized=False, units=-1, visualizations=-before)
        _add(session, unit_key, visualized=True, units=1, visualizations=before)
    _add(session, unit_key, visualized=shows_unit or was_visualized, units=0, visualizations=1)


def _add(session: Session, unit_key: dict[str, object], *, visualized: bool, units: int, visualizations: int) -> None:
    session.execute(
        update(UnitCountRow)
        .where(UnitCountRow.visualized.is_(visualized))
        .filter_by(**unit_key)
        .values(units=UnitCountRow.units + units, visualizations=UnitCountRow.visualizations + visualizations)
    )
