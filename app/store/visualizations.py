"""Finished results: found by what was asked, saved together with the end of their job."""

from collections.abc import Iterable, Sequence

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session, joinedload, selectinload

from app.contract.catalog import Layer, UnitSummary
from app.contract.errors import Missing
from app.contract.recipe import Recipe
from app.contract.result import Measurements, RenderedMedia, Role, Visualization, reach
from app.store.catalog import at_places, card_of, network_row, unit_row
from app.store.engine import now
from app.store.media import media_refs, put_media
from app.store.tables import NetworkRow, UnitRow, VisualizationMediaRow, VisualizationRow
from app.store.unit_counts import count_result
from app.store.upsert import insert_missing


def get_visualization(session: Session, *, visualization_id: int) -> Visualization:
    row = session.scalar(_whole().where(VisualizationRow.id == visualization_id))
    if row is None:
        raise Missing(f"There is no visualization {visualization_id}.")
    return _visualization(row)


def find(session: Session, *, slug: str, layer: str, unit: int, recipe_key: str) -> Visualization | None:
    """The cached result of exactly this recipe."""
    row = session.scalar(
        _whole().where(
            VisualizationRow.unit_id == unit_row(session, slug=slug, layer=layer, unit=unit).id,
            VisualizationRow.recipe_key == recipe_key,
        )
    )
    return None if row is None else _visualization(row)


def for_unit(session: Session, *, slug: str, layer: str, unit: int) -> list[Visualization]:
    """All results of a unit, newest first."""
    found = unit_row(session, slug=slug, layer=layer, unit=unit)
    rows = session.scalars(_whole().where(VisualizationRow.unit_id == found.id).order_by(VisualizationRow.id.desc()))
    return [_visualization(row) for row in rows]


def for_units(
    session: Session, *, slug: str, units: Sequence[UnitSummary]
) -> dict[tuple[str, int], list[Visualization]]:
    """All results of at most some hundred units, newest first, by layer and number."""
    network = network_row(session, slug)
    card = card_of(network)
    places = [(card.layer(unit.layer).index, unit.index) for unit in units if unit.visualizations]
    ids = session.scalars(select(UnitRow.id).where(UnitRow.network_id == network.id, at_places(places))).all()
    rows = session.scalars(_whole().where(VisualizationRow.unit_id.in_(ids)).order_by(VisualizationRow.id.desc()))
    found: dict[tuple[str, int], list[Visualization]] = {}
    for each in map(_visualization, rows):
        found.setdefault((each.layer, each.unit), []).append(each)
    return found


def recent(
    session: Session, *, slug: str | None = None, layer: Layer | None = None, limit: int = 12
) -> list[Visualization]:
    """The newest results, of one network (or of one of its layers) or of all."""
    query = _whole().order_by(VisualizationRow.id.desc()).limit(limit)
    if slug is not None:  # of as many units at most, those that were visualized last
        units = (
            select(UnitRow.id)
            .where(UnitRow.network_id == network_row(session, slug).id, UnitRow.visualized_at.is_not(None))
            .order_by(UnitRow.visualized_at.desc(), UnitRow.id.desc())
            .limit(limit)
        )
        if layer is not None:
            units = units.where(UnitRow.layer_index == layer.index)
        query = query.where(VisualizationRow.unit_id.in_(session.scalars(units).all()))
    return [_visualization(row) for row in session.scalars(query)]


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
    unit.poster = shown.get(Role.POSTER, unit.poster)
    unit.loop = shown.get(Role.LOOP, unit.loop)
    return saved


def _whole() -> Select[VisualizationRow]:
    return select(VisualizationRow).options(
        joinedload(VisualizationRow.unit).joinedload(UnitRow.network).load_only(NetworkRow.slug),
        joinedload(VisualizationRow.recipe),
        selectinload(VisualizationRow.media),
    )


def _visualization(row: VisualizationRow) -> Visualization:
    measured = Measurements.model_validate(row.measurements)
    return Visualization(
        id=row.id,
        network=row.unit.network.slug,
        layer=row.unit.layer,
        unit=row.unit.index,
        recipe=Recipe.model_validate(row.recipe.body),
        recipe_key=row.recipe_key,
        # a survey may have come after the result
        measurements=measured.model_copy(update={"reach": reach(measured.activation, row.unit.a_hat)}),
        media=media_refs(row.media),
        created_at=row.created_at,
    )
