"""Rows of the queue, locked to be changed, and the jobs that they are, read with all that belongs to them."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping, Select, and_, select

from app.contract.errors import Missing
from app.contract.job import ExplainJob, Job, JobError, JobKind, Progress, SurveyJob, VisualizeJob
from app.contract.recipe import ResolvedRecipe
from app.contract.result import MediaRole
from app.store.database.session import Session
from app.store.database.survey_tables import DatasetRow
from app.store.database.tables import JobRow, NetworkRow, PreviewRow, UnitRow, VisualizationMediaRow
from app.store.results.recipes import read_recipes

COMMON = (  # of jobs of every kind, under their own names
    JobRow.id,
    JobRow.state,
    JobRow.priority,
    JobRow.attempts,
    JobRow.cancel_requested,
    JobRow.worker,
    JobRow.revision,
    JobRow.created_at,
    JobRow.started_at,
    JobRow.finished_at,
)
POSTER = and_(
    VisualizationMediaRow.visualization_id == JobRow.visualization_id,
    VisualizationMediaRow.role == MediaRole.POSTER.value,
)
# Columns and not the mapper's objects: a page shows fifty jobs, each with what is named in seven tables.
JOBS: Select[*tuple[Any, ...]] = (
    select(
        *COMMON,
        JobRow.kind,
        JobRow.answer,
        JobRow.parameters,
        JobRow.progress,
        JobRow.error,
        JobRow.recipe_key,
        JobRow.visualization_id.label("visualization"),
        NetworkRow.slug.label("network"),
        UnitRow.layer,
        UnitRow.index.label("unit"),
        UnitRow.label.label("label"),
        DatasetRow.slug.label("dataset"),
        PreviewRow.step.label("preview_step"),
        VisualizationMediaRow.sha256.label("poster"),
    )
    .join(NetworkRow, NetworkRow.id == JobRow.network_id)
    .outerjoin(UnitRow, UnitRow.id == JobRow.unit_id)
    .outerjoin(DatasetRow, DatasetRow.id == JobRow.dataset_id)
    .outerjoin(PreviewRow, PreviewRow.job_id == JobRow.id)
    .outerjoin(VisualizationMediaRow, POSTER)
)


def job_row(session: Session, job_id: int) -> JobRow:
    """Locked, to be changed."""
    row = session.scalar(select(JobRow).where(JobRow.id == job_id).with_for_update())
    if row is None:
        raise missing(job_id)
    return row


def read_jobs(
    session: Session, query: Select[*tuple[Any, ...]], given: Mapping[str, object] | None = None
) -> list[Job]:
    """Those that a statement on JOBS finds."""
    rows = session.read(query, given).mappings().all()
    recipes = read_recipes(session, {row["recipe_key"] for row in rows if row["recipe_key"]}) if rows else {}
    return [_job(row, recipes) for row in rows]


def changed(moment: datetime) -> dict[str, Any]:
    """What every change of a job writes, so that the event poller sees it."""
    return {"revision": JobRow.revision + 1, "updated_at": moment}


def _job(row: RowMapping, recipes: Mapping[str, ResolvedRecipe]) -> Job:
    common = {column.key: row[column.key] for column in COMMON} | {
        "network": row["network"],
        "progress": row["progress"] and Progress.model_validate(row["progress"]),
        "error": row["error"] and JobError.model_validate(row["error"]),
    }
    match JobKind(row["kind"]):
        case JobKind.VISUALIZE:
            return VisualizeJob(
                **common,
                layer=row["layer"],
                unit=row["unit"],
                label=row["label"],
                recipe=recipes[row["recipe_key"]],
                visualization=row["visualization"],
                preview_step=row["preview_step"],
                poster=row["poster"],
            )
        case JobKind.SURVEY:
            return SurveyJob(**common, dataset=row["dataset"], answer=row["answer"])
        case JobKind.EXPLAIN:
            name, expected = row["parameters"]["name"], row["parameters"]["expected"]
            return ExplainJob(**common, dataset=row["dataset"], clip_name=name, expected=expected, answer=row["answer"])


def missing(job_id: int) -> Missing:
    return Missing(f"There is no job {job_id}.")
