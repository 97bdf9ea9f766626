"""Reads rows of the table `jobs` into the jobs of the contract, and locks rows that are to be changed."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import RowMapping, Select, and_, event, select, update

from app.contract.errors import Missing
from app.contract.job import (
    AddNetworkJob,
    ExplainJob,
    Job,
    JobError,
    JobKind,
    JobState,
    Progress,
    SurveyJob,
    VisualizeJob,
)
from app.contract.recipe import ResolvedRecipe
from app.contract.result import MediaRole
from app.store.database.clock import now
from app.store.database.session import Session
from app.store.database.survey_tables import DatasetRow
from app.store.database.tables import JobRow, NetworkRow, PreviewRow, UnitRow, VisualizationMediaRow
from app.store.results.recipes import read_recipes

MAX_DATING_DELAY = timedelta(seconds=0.5)  # between the date of a change and its commit
LIVE_STATES = (JobState.QUEUED, JobState.RUNNING)
COMMON_COLUMNS = (  # whose names are fields of jobs of every kind
    JobRow.id,
    JobRow.state,
    JobRow.priority,
    JobRow.attempts,
    JobRow.deaths,
    JobRow.batch_limit,
    JobRow.cancel_requested,
    JobRow.worker,
    JobRow.revision,
    JobRow.created_at,
    JobRow.started_at,
    JobRow.finished_at,
    JobRow.owner,
    JobRow.address,
)

SelectJobs = Select[*tuple[Any, ...]]


def lock_job(session: Session, job_id: int) -> JobRow:
    """Return the row of a job, locked until the transaction ends. Raises Missing."""
    row = session.scalar(select(JobRow).where(JobRow.id == job_id).with_for_update())
    if row is None:
        raise job_not_found(job_id)
    return row


def select_jobs() -> SelectJobs:
    """Return a statement for `read_jobs`, which callers narrow and order.

    It selects columns and no mapped objects: a page shows fifty jobs, each with columns from seven tables.
    """
    poster = and_(
        VisualizationMediaRow.visualization_id == JobRow.visualization_id,
        VisualizationMediaRow.role == MediaRole.POSTER.value,
    )
    return (
        select(
            *COMMON_COLUMNS,
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
        .outerjoin(NetworkRow, NetworkRow.id == JobRow.network_id)
        .outerjoin(UnitRow, UnitRow.id == JobRow.unit_id)
        .outerjoin(DatasetRow, DatasetRow.id == JobRow.dataset_id)
        .outerjoin(PreviewRow, PreviewRow.job_id == JobRow.id)
        .outerjoin(VisualizationMediaRow, poster)
    )


def read_jobs(session: Session, jobs: SelectJobs) -> list[Job]:
    """Return the jobs that a statement of `select_jobs` finds."""
    rows = session.read(jobs).mappings().all()
    recipes = read_recipes(session, {row["recipe_key"] for row in rows if row["recipe_key"]}) if rows else {}
    return [_job(row, recipes) for row in rows]


def change_values(moment: datetime) -> dict[str, Any]:
    """Return the values that every update of a job sets, so that the event poller sees the change."""
    return {"revision": JobRow.revision + 1, "updated_at": moment}


def date_at_commit(session: Session, moment: datetime) -> None:
    """Date the jobs that this transaction changes at `moment` again just before its commit, if that is much later.

    The event poller looks back no further than some seconds: a change that is dated long before others see it would
    never reach it.
    """

    @event.listens_for(session, "before_commit", once=True)
    def date_again(session: Session) -> None:
        if (later := now(session)) - moment > MAX_DATING_DELAY:
            again = update(JobRow).where(JobRow.updated_at == moment).values(updated_at=later)
            session.execute(again.execution_options(synchronize_session=False))


def job_not_found(job_id: int) -> Missing:
    """Return the error for a job that is not there."""
    return Missing(f"There is no job {job_id}.")


def _job(row: RowMapping, recipes: Mapping[str, ResolvedRecipe]) -> Job:
    common = {column.key: row[column.key] for column in COMMON_COLUMNS} | {
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
                asked_recipe=(row["parameters"] or {}).get("asked_recipe"),
                visualization=row["visualization"],
                preview_step=row["preview_step"],
                poster=row["poster"],
            )
        case JobKind.SURVEY:
            parts = (row["parameters"] or {}).get("parts")
            return SurveyJob(**common, dataset=row["dataset"], parts=parts, answer=row["answer"])
        case JobKind.EXPLAIN:
            name, expected = row["parameters"]["name"], row["parameters"]["expected"]
            return ExplainJob(**common, dataset=row["dataset"], clip_name=name, expected=expected, answer=row["answer"])
        case JobKind.ADD_NETWORK:
            parameters = {"network": row["parameters"]["source"], **row["parameters"]}
            return AddNetworkJob(**{**common, **parameters}, answer=row["answer"])
