"""Rows of the queue with all that belongs to them, and the jobs that they are."""

from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session, joinedload

from app.contract.errors import Missing
from app.contract.job import Job, JobError, JobKind, JobState, Progress, VisualizeJob
from app.store.evidence_tables import DatasetRow
from app.store.recipes import parsed
from app.store.tables import JobRow, NetworkRow, UnitRow, VisualizationMediaRow


def job_row(session: Session, job_id: int, *, lock: bool = False) -> JobRow:
    query = whole_jobs().where(JobRow.id == job_id)
    row = session.scalar(query.with_for_update(of=JobRow) if lock else query)
    if row is None:
        raise Missing(f"There is no job {job_id}.")
    return row


@cache
def whole_jobs() -> Select[JobRow]:
    return select(JobRow).options(
        joinedload(JobRow.network, innerjoin=True).load_only(NetworkRow.slug),
        joinedload(JobRow.unit).load_only(UnitRow.layer, UnitRow.index, UnitRow.label),
        joinedload(JobRow.recipe),
        joinedload(JobRow.dataset).load_only(DatasetRow.slug),
        joinedload(JobRow.preview),
        joinedload(JobRow.poster).load_only(VisualizationMediaRow.sha256),
    )


def changed(moment: datetime) -> dict[str, Any]:
    """What every change of a job writes, so that the event poller sees it."""
    return {"revision": JobRow.revision + 1, "updated_at": moment}


def to_job(row: JobRow) -> Job:
    asked: dict[str, Any] = {}
    if row.unit is not None:
        asked |= {"layer": row.unit.layer, "unit": row.unit.index, "label": row.unit.label}
    if row.recipe is not None:
        asked |= {"recipe": parsed(row.recipe.key, row.recipe.body)}
    kind = JobKind(row.kind)
    return (VisualizeJob if kind is JobKind.VISUALIZE else Job)(
        id=row.id,
        kind=kind,
        state=JobState(row.state),
        network=row.network.slug,
        **asked,
        dataset=row.dataset.slug if row.dataset else None,
        parameters=row.parameters or {},
        priority=row.priority,
        attempts=row.attempts,
        cancel_requested=row.cancel_requested,
        progress=row.progress and Progress.model_validate(row.progress),
        error=row.error and JobError.model_validate(row.error),
        worker=row.worker,
        visualization=row.visualization_id,
        answer=row.answer,
        preview_step=row.preview.step if row.preview else None,
        poster=row.poster.sha256 if row.poster else None,
        revision=row.revision,
        created_at=row.created_at,
        started_at=row.started_at,
        finished_at=row.finished_at,
    )
