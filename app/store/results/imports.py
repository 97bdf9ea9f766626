"""Saves results that were computed elsewhere, and notes who brought them from where."""

from collections.abc import Collection, Iterable

from sqlalchemy import delete, exists, func, insert, select

from app.contract.bundle import BundledResult, Import
from app.contract.network import NetworkCard
from app.contract.recipe import ResolvedRecipe
from app.contract.result import ImportNote, MediaRole, RenderedMedia
from app.store.catalog.units import unit_record
from app.store.database.clock import now
from app.store.database.import_tables import ImportedSurveyRow, ImportedVisualizationRow, ImportRow
from app.store.database.session import Session
from app.store.database.tables import UnitRow, VisualizationMediaRow, VisualizationRow
from app.store.media import media_by_owner, put_media
from app.store.results.recipes import store_recipe
from app.store.results.visualizations import save_visualization


def add_import(session: Session, *, file: str, sha256: str, source: str, imported_by: str) -> int:
    """Note that a bundle is imported, and return the id by which its results name it."""
    row = ImportRow(file=file, sha256=sha256, source=source, imported_by=imported_by, imported_at=now(session))
    session.add(row)
    session.flush()
    return row.id


def list_imports(session: Session) -> list[Import]:
    """Return the bundles of which something is here, newest first, with how much that is."""
    counts = [
        select(func.count()).where(table.import_id == ImportRow.id).correlate(ImportRow).scalar_subquery()
        for table in (ImportedVisualizationRow, ImportedSurveyRow)
    ]
    rows = session.execute(select(ImportRow, *counts).order_by(ImportRow.id.desc()))
    return [
        Import(
            id=row.id,
            file=row.file,
            sha256=row.sha256,
            source=row.source,
            imported_by=row.imported_by,
            imported_at=row.imported_at,
            results=results,
            surveys=surveys,
        )
        for row, results, surveys in rows
        if results or surveys
    ]


def notes_of_surveys(session: Session, *, survey_ids: Collection[int]) -> dict[int, ImportNote]:
    """Return from where those of the surveys came that were imported, by survey id."""
    rows = session.read(
        select(ImportedSurveyRow.survey_id, ImportRow.file, ImportRow.source, ImportRow.imported_at)
        .join(ImportRow, ImportRow.id == ImportedSurveyRow.import_id)
        .where(ImportedSurveyRow.survey_id.in_(survey_ids))
    )
    return {id: ImportNote(file=file, source=source, imported_at=moment) for id, file, source, moment in rows}


def remove_empty_import(session: Session, *, import_id: int) -> None:
    """Remove the note of a bundle that brought nothing new."""
    for table in (ImportedVisualizationRow, ImportedSurveyRow):
        if session.scalar(select(table.import_id).where(table.import_id == import_id).limit(1)) is not None:
            return
    session.execute(delete(ImportRow).where(ImportRow.id == import_id))


def has_result(session: Session, *, card: NetworkCard, layer: str, unit: int, recipe_key: str) -> bool:
    """Return whether a unit has a result under exactly this recipe."""
    unit_id = unit_record(session, card=card, layer=layer, unit=unit).id
    return _find(session, unit_id, recipe_key) is not None


def save_imported_result(
    session: Session,
    *,
    card: NetworkCard,
    result: BundledResult,
    recipe: ResolvedRecipe,
    media: Iterable[RenderedMedia],
    import_id: int,
) -> bool:
    """Save a result and who brought it; return False, and change nothing, where it is here already."""
    unit_id = unit_record(session, card=card, layer=result.layer, unit=result.unit).id
    # Locked before anybody else's result of the unit is looked for, as `save_visualization` does it
    session.get_one(UnitRow, unit_id, with_for_update=True, populate_existing=True)
    if _find(session, unit_id, result.recipe_key) is not None:
        return False
    store_recipe(session, recipe)
    visualization_id = save_visualization(
        session,
        unit_id=unit_id,
        recipe_key=result.recipe_key,
        measurements=result.measurements,
        media=media,
        created_at=result.created_at,
    )
    row = {"visualization_id": visualization_id, "import_id": import_id}
    session.execute(insert(ImportedVisualizationRow), [row])
    return True


def list_without(session: Session, *, role: MediaRole, after: int, limit: int) -> list[int]:
    """Return the ids of imported results that have no medium in a role, in rising order from one id on."""
    table = ImportedVisualizationRow
    has_medium = exists().where(
        VisualizationMediaRow.visualization_id == table.visualization_id, VisualizationMediaRow.role == role.value
    )
    ids = select(table.visualization_id).where(table.visualization_id > after, ~has_medium)
    return list(session.scalars(ids.order_by(table.visualization_id).limit(limit)))


def add_result_media(session: Session, *, visualization_id: int, media: Iterable[RenderedMedia]) -> None:
    """Add media in roles that a result has none in; listings that show its still show its animation from now on."""
    row = session.get(VisualizationRow, visualization_id)
    if row is None:
        return
    unit = session.get_one(UnitRow, row.unit_id, with_for_update=True, populate_existing=True)
    shown = media_by_owner(session, VisualizationMediaRow.visualization_id, [visualization_id])[visualization_id]
    stored = put_media(
        session,
        table=VisualizationMediaRow,
        owner={"visualization_id": visualization_id},
        media=[medium for medium in media if medium.role not in {ref.role for ref in shown}],
    )
    posters = {ref.sha256 for ref in shown if ref.role is MediaRole.POSTER}
    if unit.loop is None and unit.poster in posters:
        unit.loop = stored.get(MediaRole.LOOP)


def _find(session: Session, unit_id: int, recipe_key: str) -> int | None:
    return session.scalar(
        select(VisualizationRow.id).where(
            VisualizationRow.unit_id == unit_id, VisualizationRow.recipe_key == recipe_key
        )
    )
