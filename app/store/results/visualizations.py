"""Reads visualizations by unit, recipe or time, and saves them in the transaction that ends their job."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, or_, select

from app.contract.errors import Missing
from app.contract.network import Layer, NetworkCard
from app.contract.recipe import Sign
from app.contract.result import (
    ImportNote,
    Measurements,
    MediaRole,
    RenderedMedia,
    Visualization,
    reach,
    reach_below,
)
from app.contract.unit import UnitSummary
from app.store.catalog.counts import count_result
from app.store.catalog.networks import network_id
from app.store.catalog.units import unit_record, unit_records
from app.store.database.clock import now
from app.store.database.import_tables import ImportedVisualizationRow, ImportRow
from app.store.database.session import Session
from app.store.database.tables import NetworkRow, RecipeRow, UnitRow, VisualizationMediaRow, VisualizationRow
from app.store.database.upsert import insert_missing
from app.store.media import media_by_owner, put_media
from app.store.results.recipes import read_recipes

SelectVisualizations = Select[*tuple[Any, ...]]


def get_visualization(session: Session, *, visualization_id: int) -> Visualization:
    """Return a visualization by its id. Raises Missing."""
    results = _read(session, _select_visualizations().where(VisualizationRow.id == visualization_id))
    if not results:
        raise Missing(f"There is no visualization {visualization_id}.")
    return results[0]


def list_result_ids(session: Session, *, card: NetworkCard) -> list[int]:
    """Return the ids of all results of a network: unit by unit, those of a unit from the first that was made."""
    ids = (
        select(VisualizationRow.id)
        .join(UnitRow, UnitRow.id == VisualizationRow.unit_id)
        .where(UnitRow.network_id == network_id(session, card))
        .order_by(UnitRow.layer_index, UnitRow.index, VisualizationRow.created_at, VisualizationRow.recipe_key)
    )
    return list(session.read(ids).scalars())


def results_by_id(session: Session, *, ids: Sequence[int]) -> dict[int, Visualization]:
    """Return at most some hundred results by their ids."""
    return {
        result.id: result for result in _read(session, _select_visualizations().where(VisualizationRow.id.in_(ids)))
    }


def find_visualization(
    session: Session, *, card: NetworkCard, layer: str, unit: int, recipe_key: str
) -> Visualization | None:
    """Return the result of a unit under exactly this recipe, None where there is none."""
    unit_id = unit_record(session, card=card, layer=layer, unit=unit).id
    results = _read(
        session,
        _select_visualizations().where(VisualizationRow.unit_id == unit_id, VisualizationRow.recipe_key == recipe_key),
    )
    return results[0] if results else None


def visualizations_of_unit(session: Session, *, card: NetworkCard, layer: str, unit: int) -> list[Visualization]:
    """Return all results of a unit, newest first."""
    unit_id = unit_record(session, card=card, layer=layer, unit=unit).id
    return _read(session, _select_visualizations().where(VisualizationRow.unit_id == unit_id))


def visualizations_of_units(
    session: Session, *, card: NetworkCard, units: Sequence[UnitSummary]
) -> dict[tuple[str, int], list[Visualization]]:
    """Return all results of at most some hundred units by layer and number, newest first."""
    unit_ids = _ids_of_visualized(session, card, units)
    by_unit: dict[tuple[str, int], list[Visualization]] = {}
    for result in _read(session, _select_visualizations().where(VisualizationRow.unit_id.in_(unit_ids))):
        by_unit.setdefault((result.layer, result.unit), []).append(result)
    return by_unit


def newest_of_units(
    session: Session, *, card: NetworkCard, units: Sequence[UnitSummary]
) -> dict[tuple[str, int], Visualization]:
    """Return the newest result that shows each of at most some hundred units, by layer and number.

    Those that lower their unit, and accentuated clips, are left out.
    """
    lowers = RecipeRow.body["sign"].as_string() == "minimize"
    others = select(RecipeRow.key).where(or_(lowers, func.coalesce(RecipeRow.body["start_clip"].as_string(), "") != ""))
    newest = (
        select(func.max(VisualizationRow.id))
        .where(VisualizationRow.unit_id.in_(_ids_of_visualized(session, card, units)))
        .where(VisualizationRow.recipe_key.not_in(others))
        .group_by(VisualizationRow.unit_id)
    )
    results = _read(session, _select_visualizations().where(VisualizationRow.id.in_(newest)))
    return {(result.layer, result.unit): result for result in results}


def recent_visualizations(
    session: Session, *, card: NetworkCard | None = None, layer: Layer | None = None, limit: int = 12
) -> list[Visualization]:
    """Return the newest results of all networks, of one, or of one of its layers."""
    results = _select_visualizations().limit(limit)
    if card is not None:
        # The newest results are among those of the units visualized last, as many units as results.
        units = (
            select(UnitRow.id)
            .where(UnitRow.network_id == network_id(session, card), UnitRow.visualized_at.is_not(None))
            .order_by(UnitRow.visualized_at.desc(), UnitRow.id.desc())
            .limit(limit)
        )
        if layer is not None:
            units = units.where(UnitRow.layer_index == layer.index)
        results = results.where(VisualizationRow.unit_id.in_(session.read(units).scalars().all()))
    return _read(session, results)


def save_visualization(
    session: Session,
    *,
    unit_id: int,
    recipe_key: str,
    measurements: Measurements,
    media: Iterable[RenderedMedia],
    created_at: datetime | None = None,
) -> int:
    """Insert a result with its media, update what listings show of its unit, and return the result's id.

    A result that is already there is left as it is: the same recipe gives the same result. `created_at` is the time
    that it was made, where that is not now.
    """
    same = (VisualizationRow.unit_id == unit_id, VisualizationRow.recipe_key == recipe_key)
    existing = session.scalar(select(VisualizationRow.id).where(*same))
    if existing is not None:
        return existing
    # The unit is locked, so that a survey that ends at the same time either has given the unit its role already, or
    # finds the result. It is locked before the insert, which takes a weaker lock: two workers that both held the weaker
    # lock would wait for each other here.
    unit = session.get_one(UnitRow, unit_id, with_for_update=True, populate_existing=True)
    moment = now(session)
    row = {
        "unit_id": unit_id,
        "recipe_key": recipe_key,
        "measurements": measurements.model_dump(mode="json"),
        "created_at": created_at or moment,
    }
    insert_missing(session, VisualizationRow, [row])
    visualization_id = session.scalars(select(VisualizationRow.id).where(*same)).one()
    owner = {"visualization_id": visualization_id}
    stored = put_media(session, table=VisualizationMediaRow, owner=owner, media=media)
    shows_unit = read_recipes(session, {recipe_key})[recipe_key].shows_unit
    count_result(session, unit=unit, recipe_key=recipe_key, shows_unit=shows_unit)
    unit.visualizations = session.scalars(
        select(func.count()).select_from(VisualizationRow).where(VisualizationRow.unit_id == unit_id)
    ).one()
    if shows_unit:
        unit.visualized_at = moment
        unit.activation = max(measurements.activation, unit.activation or measurements.activation)
        unit.reach = reach(unit.activation, unit.a_hat)
        if MediaRole.POSTER in stored:
            unit.poster = stored[MediaRole.POSTER]
            unit.loop = stored.get(MediaRole.LOOP)  # None rather than that of another result
    return visualization_id


def _select_visualizations() -> SelectVisualizations:
    """Return a statement for `_read`, which selects no mapped objects, because a page may show a hundred results."""
    return (
        select(
            VisualizationRow.id,
            NetworkRow.slug,
            UnitRow.layer,
            UnitRow.index,
            UnitRow.a_hat,
            UnitRow.a_low,
            VisualizationRow.recipe_key,
            VisualizationRow.measurements,
            VisualizationRow.created_at,
            ImportRow.file,
            ImportRow.source,
            ImportRow.imported_at,
        )
        .join(UnitRow, UnitRow.id == VisualizationRow.unit_id)
        .join(NetworkRow, NetworkRow.id == UnitRow.network_id)
        .outerjoin(ImportedVisualizationRow, ImportedVisualizationRow.visualization_id == VisualizationRow.id)
        .outerjoin(ImportRow, ImportRow.id == ImportedVisualizationRow.import_id)
        .order_by(VisualizationRow.id.desc())
    )


def _read(session: Session, results: SelectVisualizations) -> list[Visualization]:
    rows = session.read(results).all()
    if not rows:
        return []
    recipes = read_recipes(session, {row.recipe_key for row in rows})
    media = media_by_owner(session, VisualizationMediaRow.visualization_id, [id for id, *_ in rows])
    return [
        Visualization(
            id=id,
            network=network,
            layer=layer,
            unit=unit,
            recipe=recipes[key],
            recipe_key=key,
            measurements=_measurements(measurements, recipes[key].sign, a_hat, a_low),
            media=media[id],
            created_at=created_at,
            imported=None if file is None else ImportNote(file=file, source=source, imported_at=imported_at),
        )
        for id, network, layer, unit, a_hat, a_low, key, measurements, created_at, file, source, imported_at in rows
    ]


def _measurements(body: dict[str, Any], sign: Sign, a_hat: float | None, a_low: float | None) -> Measurements:
    """Return stored measurements with the reach by the newest survey, which may be newer than the result."""
    activation = body["activation"]
    share = reach_below(activation, a_low) if sign == "minimize" else reach(activation, a_hat)
    return Measurements.model_validate({**body, "reach": share})


def _ids_of_visualized(session: Session, card: NetworkCard, units: Sequence[UnitSummary]) -> list[int]:
    """Return the ids of those of the units that have results."""
    positions = [(card.layer(unit.layer).index, unit.index) for unit in units if unit.visualizations]
    return [record.id for record in unit_records(session, card=card, positions=positions).values()]
