"""Finished results: found by what was asked, saved together with the end of their job."""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Select, bindparam, func, select

from app.contract.errors import Missing
from app.contract.network import Layer
from app.contract.result import Measurements, MediaRole, RenderedMedia, Visualization, reach
from app.contract.unit import UnitSummary
from app.store.catalog.counts import count_result
from app.store.catalog.networks import card_of, network_row, unit_row, units_at
from app.store.database.engine import now
from app.store.database.session import Session
from app.store.database.tables import NetworkRow, UnitRow, VisualizationMediaRow, VisualizationRow
from app.store.database.upsert import insert_missing
from app.store.media import media_of, put_media
from app.store.results.recipes import read_recipes

# Columns and not the mapper's objects: a page may show a hundred results. Newest first.
RESULTS: Select[*tuple[Any, ...]] = (
    select(
        VisualizationRow.id,
        NetworkRow.slug,
        UnitRow.layer,
        UnitRow.index,
        UnitRow.a_hat,
        VisualizationRow.recipe_key,
        VisualizationRow.measurements,
        VisualizationRow.created_at,
    )
    .join(UnitRow, UnitRow.id == VisualizationRow.unit_id)
    .join(NetworkRow, NetworkRow.id == UnitRow.network_id)
    .order_by(VisualizationRow.id.desc())
)
OF_UNITS = RESULTS.where(VisualizationRow.unit_id.in_(bindparam("units", expanding=True)))
BY_ID = RESULTS.where(VisualizationRow.id.in_(bindparam("ids", expanding=True)))
BY_RECIPE = RESULTS.where(
    VisualizationRow.unit_id == bindparam("unit"), VisualizationRow.recipe_key == bindparam("key")
)
NEWEST = RESULTS.where(
    VisualizationRow.id.in_(
        select(func.max(VisualizationRow.id))
        .where(VisualizationRow.unit_id.in_(bindparam("units", expanding=True)))
        .group_by(VisualizationRow.unit_id)
    )
)


def get_visualization(session: Session, *, visualization_id: int) -> Visualization:
    found = _read(session, BY_ID, ids=[visualization_id])
    if not found:
        raise Missing(f"There is no visualization {visualization_id}.")
    return found[0]


def find(session: Session, *, slug: str, layer: str, unit: int, recipe_key: str) -> Visualization | None:
    """The cached result of exactly this recipe."""
    id = unit_row(session, slug=slug, layer=layer, unit=unit).id
    found = _read(session, BY_RECIPE, unit=id, key=recipe_key)
    return found[0] if found else None


def for_unit(session: Session, *, slug: str, layer: str, unit: int) -> list[Visualization]:
    """All results of a unit, newest first."""
    id = unit_row(session, slug=slug, layer=layer, unit=unit).id
    return _read(session, OF_UNITS, units=[id])


def for_units(
    session: Session, *, slug: str, units: Sequence[UnitSummary]
) -> dict[tuple[str, int], list[Visualization]]:
    """All results of at most some hundred units, newest first, by layer and number."""
    found: dict[tuple[str, int], list[Visualization]] = {}
    for each in _read(session, OF_UNITS, units=_ids(session, slug, units)):
        found.setdefault((each.layer, each.unit), []).append(each)
    return found


def newest_for_units(
    session: Session, *, slug: str, units: Sequence[UnitSummary]
) -> dict[tuple[str, int], Visualization]:
    """The newest result of each of at most some hundred units that has any, by layer and number."""
    found = _read(session, NEWEST, units=_ids(session, slug, units))
    return {(each.layer, each.unit): each for each in found}


def recent(
    session: Session, *, slug: str | None = None, layer: Layer | None = None, limit: int = 12
) -> list[Visualization]:
    """The newest results, of one network (or of one of its layers) or of all."""
    query = RESULTS.limit(limit)
    if slug is not None:  # of as many units at most, those that were visualized last
        units = (
            select(UnitRow.id)
            .where(UnitRow.network_id == network_row(session, slug).id, UnitRow.visualized_at.is_not(None))
            .order_by(UnitRow.visualized_at.desc(), UnitRow.id.desc())
            .limit(limit)
        )
        if layer is not None:
            units = units.where(UnitRow.layer_index == layer.index)
        query = query.where(VisualizationRow.unit_id.in_(session.read(units).scalars().all()))
    return _read(session, query)


def save(
    session: Session,
    *,
    unit_id: int,
    recipe_key: str,
    measurements: Measurements,
    media: Iterable[RenderedMedia],
) -> int:
    """Insert a result with its media and refresh what listings show of its unit; gives its id.

    A result that is already there is left as it is: the same recipe gives the same result.
    """
    same = (VisualizationRow.unit_id == unit_id, VisualizationRow.recipe_key == recipe_key)
    known = session.scalar(select(VisualizationRow.id).where(*same))
    if known is not None:
        return known
    moment = now(session)
    row = {
        "unit_id": unit_id,
        "recipe_key": recipe_key,
        "measurements": measurements.model_dump(mode="json"),
        "created_at": moment,
    }
    insert_missing(session, VisualizationRow, [row])
    saved = session.scalars(select(VisualizationRow.id).where(*same)).one()
    shown = put_media(session, table=VisualizationMediaRow, owner={"visualization_id": saved}, media=media)
    # Locked, so that a survey that ends meanwhile has given the unit its role, or will find the result.
    unit = session.get_one(UnitRow, unit_id, with_for_update=True, populate_existing=True)
    count_result(session, unit=unit, recipe_key=recipe_key)
    unit.visualizations = session.scalars(
        select(func.count()).select_from(VisualizationRow).where(VisualizationRow.unit_id == unit_id)
    ).one()
    unit.visualized_at = moment
    unit.activation = max(measurements.activation, unit.activation or measurements.activation)
    unit.reach = reach(unit.activation, unit.a_hat)
    unit.poster = shown.get(MediaRole.POSTER, unit.poster)
    unit.loop = shown.get(MediaRole.LOOP, unit.loop)
    return saved


def _ids(session: Session, slug: str, units: Sequence[UnitSummary]) -> Sequence[int]:
    """Of those that have results."""
    network = network_row(session, slug)
    card = card_of(network)
    places = [(card.layer(unit.layer).index, unit.index) for unit in units if unit.visualizations]
    return [row.id for row in units_at(session, network.id, places).values()]


def _read(session: Session, query: Select[*tuple[Any, ...]], **given: object) -> list[Visualization]:
    rows = session.read(query, given).all()
    if not rows:
        return []
    recipes = read_recipes(session, {key for *_, key, _, _ in rows})
    media = media_of(session, VisualizationMediaRow.visualization_id, [id for id, *_ in rows])
    return [
        Visualization(
            id=id,
            network=network,
            layer=layer,
            unit=unit,
            recipe=recipes[key],
            recipe_key=key,
            measurements=_measured(measurements, a_hat),
            media=media[id],
            created_at=created_at,
        )
        for id, network, layer, unit, a_hat, key, measurements, created_at in rows
    ]


def _measured(body: dict[str, Any], a_hat: float | None) -> Measurements:
    """A survey may have come after the result."""
    return Measurements.model_validate({**body, "reach": reach(body["activation"], a_hat)})
