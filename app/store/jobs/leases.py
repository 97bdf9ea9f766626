"""Jobs as a worker sees them: claimed under a lease, kept alive, and ended."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import case, delete, func, select, update
from sqlalchemy.orm import aliased

from app.contract.job import MAX_ATTEMPTS, ExplainJob, Job, JobError, JobState, Progress, SurveyJob, VisualizeJob
from app.contract.result import Measurements, RenderedMedia
from app.store.database.engine import now
from app.store.database.session import Session
from app.store.database.tables import JobRow, PreviewRow
from app.store.database.upload_tables import UploadRow
from app.store.database.upsert import insert_missing
from app.store.jobs.rows import JOBS, changed, read_jobs
from app.store.results.visualizations import save

RUN_OUT = {
    "kind": "worker_died",
    "detail": f"The worker died {MAX_ATTEMPTS} times while computing this, most likely out of memory. "
    "Try a smaller size or fewer frames, or look at the worker's log, then retry.",
}


@dataclass(frozen=True)
class Watch:
    """What a worker must know between two steps."""

    cancelled: frozenset[int]
    lost: frozenset[int]  # its lease ran out and the job is somebody else's
    urgent: bool  # a job of higher priority waits


def something_to_do(session: Session, *, above: int | None = None) -> bool:
    """Whether a job waits or a lease has run out. Reads only, so that idle workers write nothing."""
    waits = JobRow.state == JobState.QUEUED
    if above is not None:
        waits &= JobRow.priority > above
    expired = (JobRow.state == JobState.RUNNING) & (JobRow.lease_until < now(session))
    return session.scalar(select(JobRow.id).where(waits | expired).limit(1)) is not None


def head(session: Session, *, above: int | None = None) -> Job | None:
    """The job that would be claimed first."""
    waits = [JobRow.state == JobState.QUEUED, *([JobRow.priority > above] if above is not None else [])]
    found = read_jobs(session, JOBS.where(*waits).order_by(JobRow.priority.desc(), JobRow.id).limit(1))
    return found[0] if found else None


def release_expired(session: Session) -> int:
    """Jobs whose worker fell silent go back to the queue, or fail after the last attempt. Gives how many."""
    moment = now(session)
    expired = session.scalars(
        select(JobRow.id)
        .where(JobRow.state == JobState.RUNNING, JobRow.lease_until < moment)
        .with_for_update(skip_locked=True)
    ).all()
    if not expired:
        return 0
    # A cancelled job whose worker died has nobody else to end it.
    last = JobRow.attempts >= MAX_ATTEMPTS
    ends = JobRow.cancel_requested | last
    session.execute(
        update(JobRow)
        .where(JobRow.id.in_(expired))
        .values(
            state=case(
                (JobRow.cancel_requested, JobState.CANCELLED.value),
                (last, JobState.FAILED.value),
                else_=JobState.QUEUED.value,
            ),
            finished_at=case((ends, moment), else_=None),
            worker=None,
            lease_until=None,
            **changed(moment),
        )
    )
    session.execute(update(JobRow).where(JobRow.id.in_(expired), JobRow.state == JobState.FAILED).values(error=RUN_OUT))
    session.execute(delete(PreviewRow).where(PreviewRow.job_id.in_(expired)))
    ended = select(JobRow.id).where(JobRow.id.in_(expired), JobRow.state != JobState.QUEUED)
    session.execute(delete(UploadRow).where(UploadRow.job_id.in_(ended)))
    return len(expired)


def claim(session: Session, *, worker: str, limit: int, lease: timedelta, above: int | None = None) -> list[Job]:
    """Take the first job of the queue and up to `limit - 1` of the same priority that can share its batch.

    With `above`, only jobs of higher priority. One statement; rows that another worker is taking are skipped.
    """
    moment = now(session)
    queued = aliased(JobRow)
    head = (
        select(queued.batch_key, queued.priority)
        .where(queued.state == JobState.QUEUED, *([queued.priority > above] if above is not None else []))
        .order_by(queued.priority.desc(), queued.id)
        .limit(1)
        .with_for_update(skip_locked=True)
        .cte("head")
    )
    mate = aliased(JobRow)
    batch = (
        select(mate.id)
        .join(head, (mate.batch_key == head.c.batch_key) & (mate.priority == head.c.priority))
        .where(mate.state == JobState.QUEUED)
        .order_by(mate.id)
        .limit(limit)
        .with_for_update(of=mate, skip_locked=True)
    )
    claimed = session.scalars(
        update(JobRow)
        .where(JobRow.id.in_(batch))
        .values(
            state=JobState.RUNNING,
            worker=worker,
            lease_until=moment + lease,
            attempts=JobRow.attempts + 1,
            started_at=moment,
            progress=None,
            **changed(moment),
        )
        .returning(JobRow.id)
        .execution_options(synchronize_session=False)
    ).all()
    return read_jobs(session, JOBS.where(JobRow.id.in_(claimed)).order_by(JobRow.id))


def watch(session: Session, *, worker: str, jobs: Mapping[int, int], priority: int) -> Watch:
    """Look at the flags of `jobs` (id -> attempt, the token of a claim). Reads only."""
    rows = session.execute(
        select(JobRow.id, JobRow.attempts, JobRow.cancel_requested).where(
            JobRow.id.in_(jobs), JobRow.state == JobState.RUNNING, JobRow.worker == worker
        )
    ).all()
    mine = {id: cancelled for id, attempts, cancelled in rows if attempts == jobs[id]}
    urgent = session.scalar(
        select(JobRow.id).where(JobRow.state == JobState.QUEUED, JobRow.priority > priority).limit(1)
    )
    return Watch(
        cancelled=frozenset(id for id, cancelled in mine.items() if cancelled),
        lost=frozenset(jobs.keys() - mine.keys()),
        urgent=urgent is not None,
    )


def beat(
    session: Session,
    *,
    worker: str,
    jobs: Iterable[int],
    lease: timedelta,
    progress: Mapping[int, Progress] | None = None,
    previews: Mapping[int, tuple[int, RenderedMedia]] | None = None,
) -> None:
    """Renew the lease of the worker's jobs and tell how far they are. `previews`: id -> (step, picture)."""
    moment = now(session)
    mine = (JobRow.state == JobState.RUNNING, JobRow.worker == worker)
    session.execute(update(JobRow).where(JobRow.id.in_(list(jobs)), *mine).values(lease_until=moment + lease))
    for job, place in (progress or {}).items():
        values = changed(moment) | {"progress": place.model_dump(mode="json")}
        session.execute(update(JobRow).where(JobRow.id == job, *mine).values(**values))
    for job, (step, picture) in (previews or {}).items():
        row = {"step": step, "type": picture.type, "data": picture.data}
        insert_missing(session, PreviewRow, [{"job_id": job, **row}])
        session.execute(update(PreviewRow).where(PreviewRow.job_id == job).values(**row))


def finish(
    session: Session, *, worker: str, job: VisualizeJob, measurements: Measurements, media: Iterable[RenderedMedia]
) -> int | None:
    """Save the result and end its job, together. None, and nothing saved, if this claim no longer holds."""
    row = _owned(session, worker, job)
    if row is None:
        return None
    assert row.unit_id is not None
    assert row.recipe_key is not None
    visualization = save(
        session, unit_id=row.unit_id, recipe_key=row.recipe_key, measurements=measurements, media=media
    )
    row.visualization_id = visualization
    _end(session, row, JobState.DONE)
    return visualization


def complete(
    session: Session, *, worker: str, job: SurveyJob | ExplainJob, save: Callable[[Session], dict[str, Any]]
) -> bool:
    """End a job without pictures: `save` keeps what came out and gives the job's answer, in the same transaction.
    False, and `save` not called, if this claim no longer holds.
    """
    row = _owned(session, worker, job)
    if row is not None:
        row.answer = save(session)
        _end(session, row, JobState.DONE)
    return row is not None


def fail(session: Session, *, worker: str, job: Job, error: JobError) -> bool:
    """End a job without a result; its page shows the error. False where it is no longer this worker's."""
    row = _owned(session, worker, job)
    if row is not None:
        row.error = error.model_dump()
        _end(session, row, JobState.FAILED)
    return row is not None


def stop_cancelled(session: Session, *, worker: str, job: Job) -> bool:
    """End a job whose cancel flag the worker has seen."""
    row = _owned(session, worker, job)
    if row is not None:
        _end(session, row, JobState.CANCELLED)
    return row is not None


def hand_back(session: Session, *, worker: str, jobs: Iterable[int]) -> None:
    """Return running jobs to the queue unharmed; the attempt does not count."""
    ids = list(jobs)
    moment = now(session)
    session.execute(
        update(JobRow)
        .where(JobRow.id.in_(ids), JobRow.state == JobState.RUNNING, JobRow.worker == worker)
        .values(
            state=JobState.QUEUED,
            attempts=func.coalesce(JobRow.attempts, 1) - 1,
            worker=None,
            lease_until=None,
            progress=None,
            **changed(moment),
        )
    )
    session.execute(delete(PreviewRow).where(PreviewRow.job_id.in_(ids)))


def _owned(session: Session, worker: str, job: Job) -> JobRow | None:
    """The job's row, locked, if this very claim of it still holds."""
    return session.scalar(
        select(JobRow)
        .where(
            JobRow.id == job.id,
            JobRow.state == JobState.RUNNING,
            JobRow.worker == worker,
            JobRow.attempts == job.attempts,
        )
        .with_for_update()
    )


def _end(session: Session, row: JobRow, state: JobState) -> None:
    moment = now(session)
    row.state = state
    row.lease_until = None
    row.progress = None
    row.revision += 1
    row.finished_at = row.updated_at = moment
    session.flush()
    session.execute(delete(PreviewRow).where(PreviewRow.job_id == row.id))
    session.execute(delete(UploadRow).where(UploadRow.job_id == row.id))
