"""What workers do with jobs: claim them under a lease, renew or release the lease, and end the jobs."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import case, delete, func, select, update
from sqlalchemy.orm import aliased

from app.contract.job import MAX_ATTEMPTS, ExplainJob, Job, JobError, JobState, Progress, SurveyJob, VisualizeJob
from app.contract.result import Measurements, RenderedMedia
from app.store.database.clock import now
from app.store.database.session import Session
from app.store.database.tables import JobRow, PreviewRow
from app.store.database.upload_tables import UploadRow
from app.store.database.upsert import insert_missing
from app.store.jobs.ordering import QUEUE_ORDER
from app.store.jobs.rows import change_values, read_jobs, select_jobs
from app.store.results.visualizations import save_visualization

ATTEMPTS_EXHAUSTED = {
    "kind": "worker_died",
    "detail": f"The worker died {MAX_ATTEMPTS} times while computing this, most likely out of memory. "
    "Try a smaller size or fewer frames, or look at the worker's log, then retry.",
}


@dataclass(frozen=True)
class LeaseStatus:
    """What a worker checks between two steps: which of its jobs to stop, and whether to make room for an urgent one."""

    cancelled: frozenset[int]
    lost: frozenset[int]  # their lease expired, and they are no longer this worker's
    urgent: bool  # a job of higher priority is queued


def has_work(session: Session, *, above: int | None = None) -> bool:
    """Return whether a job is queued, with a priority above this one if given, or a lease has expired.

    Only reads, so that idle workers write nothing.
    """
    queued = JobRow.state == JobState.QUEUED
    if above is not None:
        queued &= JobRow.priority > above
    expired = (JobRow.state == JobState.RUNNING) & (JobRow.lease_until < now(session))
    return session.scalar(select(JobRow.id).where(queued | expired).limit(1)) is not None


def peek(session: Session, *, above: int | None = None) -> Job | None:
    """Return the job that would be claimed first, None where none is queued."""
    queued = [JobRow.state == JobState.QUEUED, *([JobRow.priority > above] if above is not None else [])]
    first = read_jobs(session, select_jobs().where(*queued).order_by(*QUEUE_ORDER).limit(1))
    return first[0] if first else None


def release_expired(session: Session) -> int:
    """Requeue jobs whose lease has expired, or fail them after the last attempt, and return their number."""
    moment = now(session)
    expired = session.scalars(
        select(JobRow.id)
        .where(JobRow.state == JobState.RUNNING, JobRow.lease_until < moment)
        .with_for_update(skip_locked=True)
    ).all()
    if not expired:
        return 0
    # A job that is to be cancelled ends here, too, as the worker that should have ended it is gone.
    is_last_attempt = JobRow.attempts >= MAX_ATTEMPTS
    ends = JobRow.cancel_requested | is_last_attempt
    session.execute(
        update(JobRow)
        .where(JobRow.id.in_(expired))
        .values(
            state=case(
                (JobRow.cancel_requested, JobState.CANCELLED.value),
                (is_last_attempt, JobState.FAILED.value),
                else_=JobState.QUEUED.value,
            ),
            finished_at=case((ends, moment), else_=None),
            worker=None,
            lease_until=None,
            **change_values(moment),
        )
    )
    session.execute(
        update(JobRow).where(JobRow.id.in_(expired), JobRow.state == JobState.FAILED).values(error=ATTEMPTS_EXHAUSTED)
    )
    session.execute(delete(PreviewRow).where(PreviewRow.job_id.in_(expired)))
    ended = select(JobRow.id).where(JobRow.id.in_(expired), JobRow.state != JobState.QUEUED)
    session.execute(delete(UploadRow).where(UploadRow.job_id.in_(ended)))
    return len(expired)


def claim(session: Session, *, worker: str, limit: int, lease: timedelta, above: int | None = None) -> list[Job]:
    """Claim the first queued job and up to `limit - 1` of the same priority that can share its batch.

    With `above`, claim only jobs of higher priority. One statement does it; rows that another worker is claiming are
    skipped.
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
    sibling = aliased(JobRow)
    batch = (
        select(sibling.id)
        .join(head, (sibling.batch_key == head.c.batch_key) & (sibling.priority == head.c.priority))
        .where(sibling.state == JobState.QUEUED)
        .order_by(sibling.id)
        .limit(limit)
        .with_for_update(of=sibling, skip_locked=True)
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
            **change_values(moment),
        )
        .returning(JobRow.id)
        .execution_options(synchronize_session=False)
    ).all()
    return read_jobs(session, select_jobs().where(JobRow.id.in_(claimed)).order_by(JobRow.id))


def check_leases(session: Session, *, worker: str, jobs: Mapping[int, int], priority: int) -> LeaseStatus:
    """Return which jobs of a worker are to be cancelled or are lost, and whether a more urgent one is queued.

    `jobs` has the attempt of each job id: together they identify a claim. Only reads.
    """
    rows = session.execute(
        select(JobRow.id, JobRow.attempts, JobRow.cancel_requested).where(
            JobRow.id.in_(jobs), JobRow.state == JobState.RUNNING, JobRow.worker == worker
        )
    ).all()
    mine = {id: cancelled for id, attempts, cancelled in rows if attempts == jobs[id]}
    urgent = session.scalar(
        select(JobRow.id).where(JobRow.state == JobState.QUEUED, JobRow.priority > priority).limit(1)
    )
    return LeaseStatus(
        cancelled=frozenset(id for id, cancelled in mine.items() if cancelled),
        lost=frozenset(jobs.keys() - mine.keys()),
        urgent=urgent is not None,
    )


def renew_lease(
    session: Session,
    *,
    worker: str,
    jobs: Iterable[int],
    lease: timedelta,
    progress: Mapping[int, Progress] | None = None,
    previews: Mapping[int, tuple[int, RenderedMedia]] | None = None,
) -> None:
    """Renew the lease of a worker's jobs, and store their progress and their previews (step, picture) by job id."""
    moment = now(session)
    mine = (JobRow.state == JobState.RUNNING, JobRow.worker == worker)
    session.execute(update(JobRow).where(JobRow.id.in_(list(jobs)), *mine).values(lease_until=moment + lease))
    for job, job_progress in (progress or {}).items():
        values = change_values(moment) | {"progress": job_progress.model_dump(mode="json")}
        session.execute(update(JobRow).where(JobRow.id == job, *mine).values(**values))
    for job, (step, picture) in (previews or {}).items():
        row = {"step": step, "type": picture.type, "data": picture.data}
        insert_missing(session, PreviewRow, [{"job_id": job, **row}])
        session.execute(update(PreviewRow).where(PreviewRow.job_id == job).values(**row))


def finish_visualization(
    session: Session, *, worker: str, job: VisualizeJob, measurements: Measurements, media: Iterable[RenderedMedia]
) -> int | None:
    """Save the result of a job, end the job, and return the id of the visualization.

    Save nothing and return None where the job is no longer claimed by this worker.
    """
    row = _claimed_row(session, worker, job)
    if row is None:
        return None
    assert row.unit_id is not None
    assert row.recipe_key is not None
    visualization = save_visualization(
        session, unit_id=row.unit_id, recipe_key=row.recipe_key, measurements=measurements, media=media
    )
    row.visualization_id = visualization
    _end(session, row, JobState.DONE)
    return visualization


def finish_with_answer(
    session: Session, *, worker: str, job: SurveyJob | ExplainJob, save: Callable[[Session], dict[str, Any]]
) -> bool:
    """End a survey or explanation: `save` stores its result and returns its answer, in the same transaction.

    Return False without calling `save` where the job is no longer claimed by this worker.
    """
    row = _claimed_row(session, worker, job)
    if row is not None:
        row.answer = save(session)
        _end(session, row, JobState.DONE)
    return row is not None


def fail(session: Session, *, worker: str, job: Job, error: JobError) -> bool:
    """End a job with an error, which its page shows; return False where it is no longer claimed by this worker."""
    row = _claimed_row(session, worker, job)
    if row is not None:
        row.error = error.model_dump()
        _end(session, row, JobState.FAILED)
    return row is not None


def end_cancelled(session: Session, *, worker: str, job: Job) -> bool:
    """End a job whose cancel flag its worker has seen; return False where it is no longer claimed by this worker."""
    row = _claimed_row(session, worker, job)
    if row is not None:
        _end(session, row, JobState.CANCELLED)
    return row is not None


def release(session: Session, *, worker: str, jobs: Iterable[int]) -> None:
    """Return running jobs of a worker to the queue without counting the attempt."""
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
            **change_values(moment),
        )
    )
    session.execute(delete(PreviewRow).where(PreviewRow.job_id.in_(ids)))


def _claimed_row(session: Session, worker: str, job: Job) -> JobRow | None:
    """Return the row of a job, locked, if this worker's claim of it still holds."""
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
