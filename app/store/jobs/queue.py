"""The queue's order, and who asked for what: a person may move what waits, stop a whole sweep, and
find their own again.
"""

from collections.abc import Iterable
from typing import Literal

from sqlalchemy import func, select, update

from app.contract.errors import Conflict
from app.contract.job import Job, JobState
from app.store.database.chunks import chunks
from app.store.database.engine import now
from app.store.database.session import Session
from app.store.database.tables import JobRow
from app.store.jobs.listing import COUNTED
from app.store.jobs.requests import CHUNK, cancel, get_job
from app.store.jobs.rows import changed, job_row

To = Literal["first", "last"]


def move(session: Session, *, job_id: int, to: To) -> Job:
    """Serve a waiting job before all others that wait, or after them."""
    row = job_row(session, job_id)
    if row.state != JobState.QUEUED:
        raise Conflict(f"Job {job_id} is {row.state}; only jobs that wait have a place in the queue.", state=row.state)
    waiting = select(JobRow.priority).where(JobRow.state == JobState.QUEUED, JobRow.id != job_id)
    end = func.max(JobRow.priority) if to == "first" else func.min(JobRow.priority)
    found = session.scalar(waiting.with_only_columns(end))
    if found is not None:
        row.priority = max(row.priority, found + 1) if to == "first" else min(row.priority, found - 1)
        row.revision += 1
        row.updated_at = now(session)
        session.flush()
    return get_job(session, job_id=job_id)


def waits_with(session: Session, *, job_id: int) -> int:
    """How many others wait for the same layer under the same recipe, up to COUNTED."""
    sweep = select(JobRow.batch_key).where(JobRow.id == job_id).scalar_subquery()
    others = (JobRow.batch_key == sweep, JobRow.state == JobState.QUEUED, JobRow.id != job_id)
    some = select(JobRow.id).where(*others).limit(COUNTED).subquery()
    return session.scalar(select(func.count()).select_from(some)) or 0


def cancel_sweep(session: Session, *, job_id: int) -> None:
    """This job and all that wait for the same layer under the same recipe."""
    row = job_row(session, job_id)
    moment = now(session)
    session.execute(
        update(JobRow)
        .where(JobRow.batch_key == row.batch_key, JobRow.state == JobState.QUEUED)
        .values(state=JobState.CANCELLED.value, finished_at=moment, cancel_requested=True, **changed(moment))
    )
    session.expire_all()
    if get_job(session, job_id=job_id).state.is_live:
        cancel(session, job_id=job_id)


def own(session: Session, *, jobs: Iterable[Job], owner: str) -> None:
    """Mark jobs as asked for by a browser; those of somebody else stay theirs."""
    for some in chunks((job.id for job in jobs), CHUNK):
        session.execute(update(JobRow).where(JobRow.id.in_(some), JobRow.owner.is_(None)).values(owner=owner))
