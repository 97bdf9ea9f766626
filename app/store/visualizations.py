"""Finished results: found by what was asked, saved together with the end of their job."""

from collections.abc import Iterable

from sqlalchemy import Select, func, insert, select
from sqlalchemy.orm import Session, joinedload, selectinload

from app.contract.errors import Missing
from app.contract.recipe import Recipe
from app.contract.result import Measurements, MediaRef, RenderedMedia, Role, Visualization
from app.store.catalog import unit_row
from app.store.engine import now
from app.store.media import put_medium
from app.store.tables import NetworkRow, UnitRow, VisualizationMediaRow, VisualizationRow
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


def recent(session: Session, *, slug: str | None = None, limit: int = 12) -> list[Visualization]:
    """The newest results, of one network or of all."""
    query = _whole().order_by(VisualizationRow.id.desc()).limit(limit)
    if slug is not None:
        query = query.where(
            VisualizationRow.unit_id.in_(
                select(UnitRow.id).join(NetworkRow).where(NetworkRow.slug == slug, UnitRow.visualizations > 0)
            )
        )
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
    shown = {}
    for medium in media:
        shown[medium.role] = sha256 = put_medium(session, type=medium.type, data=medium.data)
        reference = {
            "visualization_id": saved,
            "role": medium.role.value,
            "sha256": sha256,
            "type": medium.type,
            "size": len(medium.data),
            "width": medium.width,
            "height": medium.height,
            "frames": medium.frames,
        }
        session.execute(insert(VisualizationMediaRow), [reference])
    unit = session.get_one(UnitRow, unit_id)
    unit.visualizations = session.scalars(
        select(func.count()).select_from(VisualizationRow).where(VisualizationRow.unit_id == unit_id)
    ).one()
    unit.visualized_at = moment
    unit.activation = max(measurements.activation, unit.activation or measurements.activation)
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
    return Visualization(
        id=row.id,
        network=row.unit.network.slug,
        layer=row.unit.layer,
        unit=row.unit.index,
        recipe=Recipe.model_validate(row.recipe.body),
        recipe_key=row.recipe_key,
        measurements=Measurements.model_validate(row.measurements),
        media=tuple(
            MediaRef(
                role=Role(medium.role),
                sha256=medium.sha256,
                type=medium.type,
                size=medium.size,
                width=medium.width,
                height=medium.height,
                frames=medium.frames,
            )
            for medium in row.media
        ),
        created_at=row.created_at,
    )
