"""What workers do with jobs: claim them, report their progress, release them, and end them.

A worker holds its jobs for as long as it records heartbeats; deaths.py says what happens when they cease.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, case, delete, func, select, update
from sqlalchemy.orm import aliased
from sqlalchemy.orm.util import AliasedClass

from app.contract.job import AddNetworkJob, ExplainJob, Job, JobError, JobState, Progress, SurveyJob, VisualizeJob
from app.contract.result import Measurements, RenderedMedia
from app.store.catalog.networks import network_row
from app.store.database.clock import now
from app.store.database.session import Session
from app.store.database.tables import JobRow, PreviewRow
from app.store.database.upload_tables import UploadRow
from app.store.database.upsert import insert_missing
from app.store.jobs.ordering import QUEUE_ORDER
from app.store.jobs.rows import change_values, read_jobs, select_jobs
from app.store.results.visualizations import save_visualization

JobWithAnswer = SurveyJob | ExplainJob | AddNetworkJob


@dataclass(frozen=True)
class LeaseStatus:
    """What a worker checks between two steps: which of its jobs to stop, and whether to make room for an urgent one."""

    cancelled: frozenset[int]
    lost: frozenset[int]  # they are no longer this worker's: it was taken for dead
    urgent: bool  # a job of higher priority is queued


def has_work(session: Session, *, above: int | None = None) -> bool:
    """Return whether a job is queued, with a priority above this one if given."""
    return session.scalar(select(JobRow.id).where(*_is_queued(JobRow, above)).limit(1)) is not None


def peek(session: Session, *, above: int | None = None) -> Job | None:
    """Return the job that would be claimed first, None where none is queued."""
    first = read_jobs(session, select_jobs().where(*_is_queued(JobRow, above)).order_by(*QUEUE_ORDER).limit(1))
    return first[0] if first else None


def claim(session: Session, *, worker: str, limit: int, above: int | None = None) -> list[Job]:
    """Claim the first queued job and up to `limit - 1` of the same priority that can share its batch.

    Jobs of one batch have the same `batch_limit`, and are no more than that. With `above`, claim only jobs of higher
    priority. One statement does it; rows that another worker is claiming are skipped.
    """
    moment = now(session)
    queued = aliased(JobRow)
    head = (
        select(queued.batch_key, queued.priority, queued.batch_limit)
        .where(*_is_queued(queued, above))
        .order_by(queued.priority.desc(), queued.id)
        .limit(1)
        .with_for_update(skip_locked=True)
        .cte("head")
    )
    size = select(case((head.c.batch_limit < limit, head.c.batch_limit), else_=limit)).scalar_subquery()
    sibling = aliased(JobRow)
    batch = (
        select(sibling.id)
        .join(
            head,
            (sibling.batch_key == head.c.batch_key)
            & (sibling.priority == head.c.priority)
            & sibling.batch_limit.is_not_distinct_from(head.c.batch_limit),
        )
        .where(sibling.state == JobState.QUEUED)
        .order_by(sibling.id)
        .limit(func.coalesce(size, 0))
        .with_for_update(of=sibling, skip_locked=True)
    )
    claimed = session.scalars(
        update(JobRow)
        .where(JobRow.id.in_(batch))
        .values(
            state=JobState.RUNNING,
            worker=worker,
            attempts=JobRow.attempts + 1,
            started_at=moment,
            progress=None,
            **change_values(moment),
        )
        .returning(JobRow.id)
        .execution_options(synchronize_session=False)
    ).all()
    return read_jobs(session, select_jobs().where(JobRow.id.in_(claimed)).order_by(JobRow.id))


def list_claimed(session: Session, *, worker: str) -> dict[int, int]:
    """Return the jobs that a worker has claimed, and the attempt of each, by job id."""
    mine = (JobRow.state == JobState.RUNNING, JobRow.worker == worker)
    return dict(session.read(select(JobRow.id, JobRow.attempts).where(*mine)).all())


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
    return LeaseStatus(
        cancelled=frozenset(id for id, cancelled in mine.items() if cancelled),
        lost=frozenset(jobs.keys() - mine.keys()),
        urgent=has_work(session, above=priority),
    )


def save_progress(
    session: Session,
    *,
    worker: str,
    progress: Mapping[int, Progress],
    previews: Mapping[int, tuple[int, RenderedMedia]] | None = None,
) -> None:
    """Store the progress of a worker's jobs and their previews (step, picture), by job id."""
    moment = now(session)
    mine = (JobRow.state == JobState.RUNNING, JobRow.worker == worker)
    for job, job_progress in progress.items():
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
    session: Session, *, worker: str, job: JobWithAnswer, save: Callable[[Session], dict[str, Any]]
) -> bool:
    """End a job that is not a visualization: `save` stores its result and returns its answer, in the same transaction.

    Return False without calling `save` where the job is no longer claimed by this worker.
    """
    row = _claimed_row(session, worker, job)
    if row is not None:
        row.answer = save(session)
        if isinstance(job, AddNetworkJob):
            row.network_id = network_row(session, job.network).id  # with which the job is removed, too
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
            progress=None,
            **change_values(moment),
        )
    )
    session.execute(delete(PreviewRow).where(PreviewRow.job_id.in_(ids)))


def _is_queued(job: type[JobRow] | AliasedClass[JobRow], above: int | None) -> list[ColumnElement[bool]]:
    """Return conditions for jobs that are queued, with a priority above this one if given."""
    return [job.state == JobState.QUEUED, *([job.priority > above] if above is not None else [])]


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
    row.progress = None
    row.revision += 1
    row.finished_at = row.updated_at = moment
    session.flush()
    session.execute(delete(PreviewRow).where(PreviewRow.job_id == row.id))
    session.execute(delete(UploadRow).where(UploadRow.job_id == row.id))
