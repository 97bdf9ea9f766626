"""Moves queued jobs, and cancels whole sweeps."""

from collections.abc import Collection
from typing import Literal

from sqlalchemy import ColumnElement, func, select, update

from app.contract.errors import Conflict
from app.contract.job import Job, JobKind, JobState
from app.store.database.clock import now
from app.store.database.session import Session
from app.store.database.tables import JobRow
from app.store.jobs.listing import get_job
from app.store.jobs.ordering import MAX_COUNTED_JOBS
from app.store.jobs.requests import cancel
from app.store.jobs.rows import change_values, lock_job

QueueEnd = Literal["first", "last"]


def move(session: Session, *, job_id: int, to: QueueEnd) -> Job:
    """Move a queued job before all other queued jobs, or after them. Raises Conflict where it is not queued."""
    row = lock_job(session, job_id)
    if row.state != JobState.QUEUED:
        raise Conflict(f"Job {job_id} is {row.state}; only jobs that wait have a place in the queue.", state=row.state)
    end = func.max(JobRow.priority) if to == "first" else func.min(JobRow.priority)
    end_priority = session.scalar(select(end).where(JobRow.state == JobState.QUEUED, JobRow.id != job_id))
    if end_priority is not None:
        is_first = to == "first"
        row.priority = max(row.priority, end_priority + 1) if is_first else min(row.priority, end_priority - 1)
        row.revision += 1
        row.updated_at = now(session)
        session.flush()
    return get_job(session, job_id=job_id)


def count_queued_siblings(session: Session, *, job_id: int, owners: Collection[str | None] | None = None) -> int:
    """Return how many other queued jobs are for the same layer under the same recipe, up to MAX_COUNTED_JOBS.

    With `owners`, count only their jobs; None among them stands for jobs of commands, which have no address.
    """
    batch_key = select(JobRow.batch_key).where(JobRow.id == job_id).scalar_subquery()
    siblings = (JobRow.batch_key == batch_key, JobRow.state == JobState.QUEUED, JobRow.id != job_id)
    some = select(JobRow.id).where(*siblings, *_of_owners(owners)).limit(MAX_COUNTED_JOBS).subquery()
    return session.scalar(select(func.count()).select_from(some)) or 0


def cancel_sweep(session: Session, *, job_id: int, owners: Collection[str | None] | None = None) -> None:
    """Cancel a job and all queued jobs for the same layer under the same recipe; with `owners`, only theirs."""
    row = lock_job(session, job_id)
    if row.kind == JobKind.VISUALIZE:  # no other kind has sweeps, and the file of an explained clip goes with `cancel`
        moment = now(session)
        session.execute(
            update(JobRow)
            .where(JobRow.batch_key == row.batch_key, JobRow.state == JobState.QUEUED, *_of_owners(owners))
            .values(state=JobState.CANCELLED.value, finished_at=moment, cancel_requested=True, **change_values(moment))
        )
        session.expire_all()
    if get_job(session, job_id=job_id).state.is_live:
        cancel(session, job_id=job_id)


def _of_owners(owners: Collection[str | None] | None) -> list[ColumnElement[bool]]:
    if owners is None:
        return []
    is_named = JobRow.owner.in_([owner for owner in owners if owner is not None])
    return [is_named | JobRow.address.is_(None) if None in owners else is_named]
