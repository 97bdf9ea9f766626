"""What the death of a worker costs its jobs: all go back to the queue, and one that was computed alone is blamed.

Which worker has died is judged without a clock: one that recorded no heartbeat while another recorded many.
"""

from collections.abc import Iterable

from sqlalchemy import case, delete, select, update

from app.contract.job import MAX_DEATHS, JobState
from app.store.database.clock import now
from app.store.database.session import Session
from app.store.database.tables import JobRow, PreviewRow, WorkerRow
from app.store.database.upload_tables import UploadRow
from app.store.jobs.rows import change_values

TOO_MANY_DEATHS = {
    "kind": "worker_died",
    "detail": f"The worker died {MAX_DEATHS} times while computing this and nothing else, most likely out of memory. "
    "Try a smaller size or fewer frames, or look at the worker's log, then retry.",
}


def read_heartbeats(session: Session) -> dict[str, int | None]:
    """Return the number of the newest heartbeat of each worker that has jobs; None for one that has signed off."""
    rows = session.read(
        select(JobRow.worker, WorkerRow.heartbeats)
        .outerjoin(WorkerRow, WorkerRow.id == JobRow.worker)
        .where(JobRow.state == JobState.RUNNING)
        .distinct()
    )
    return {worker: heartbeats for worker, heartbeats in rows if worker is not None}


def release_dead(session: Session, *, worker: str) -> int:
    """Return the jobs of a dead worker to the queue, and their number.

    It died while it computed the batch that it claimed last; of the jobs that an urgent batch interrupted, none is to
    blame. Jobs that died together are tried again in batches half as large. A job that was alone has its deaths
    counted, and fails with the last of MAX_DEATHS.
    """
    running = session.execute(
        select(JobRow.id, JobRow.started_at)
        .where(JobRow.state == JobState.RUNNING, JobRow.worker == worker)
        .with_for_update(skip_locked=True)
    ).all()
    if not running:
        return 0
    newest = max((claimed for _, claimed in running if claimed is not None), default=None)
    suspects = [id for id, claimed in running if claimed == newest]
    half = max(1, len(suspects) // 2)
    session.execute(
        update(JobRow)
        .where(JobRow.id.in_(suspects))
        .values(
            batch_limit=case((JobRow.batch_limit < half, JobRow.batch_limit), else_=half),
            deaths=JobRow.deaths + int(len(suspects) == 1),
        )
    )
    _end_or_queue(session, [id for id, _ in running])
    return len(running)


def _end_or_queue(session: Session, ids: Iterable[int]) -> None:
    """Return running jobs without a worker to the queue, but end those that are cancelled or have died too often."""
    ids, moment = list(ids), now(session)
    is_last = JobRow.deaths >= MAX_DEATHS
    ends = JobRow.cancel_requested | is_last
    session.execute(
        update(JobRow)
        .where(JobRow.id.in_(ids))
        .values(
            state=case(
                (JobRow.cancel_requested, JobState.CANCELLED.value),
                (is_last, JobState.FAILED.value),
                else_=JobState.QUEUED.value,
            ),
            finished_at=case((ends, moment), else_=None),
            worker=None,
            **change_values(moment),
        )
    )
    failed = (JobRow.id.in_(ids), JobRow.state == JobState.FAILED)
    session.execute(update(JobRow).where(*failed).values(error=TOO_MANY_DEATHS))
    session.execute(delete(PreviewRow).where(PreviewRow.job_id.in_(ids)))
    ended = select(JobRow.id).where(JobRow.id.in_(ids), JobRow.state != JobState.QUEUED)
    session.execute(delete(UploadRow).where(UploadRow.job_id.in_(ended)))
