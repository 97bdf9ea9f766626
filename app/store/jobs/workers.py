"""Records which workers are alive: each writes its own row with every heartbeat."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy import delete, or_, select

from app.contract.job import WorkerInfo
from app.store.database.clock import now, now_column
from app.store.database.session import Session
from app.store.database.tables import WorkerRow

ALIVE_FOR = timedelta(seconds=30)  # after a worker's last heartbeat
LISTED_FOR = timedelta(days=1)  # after a worker's last heartbeat


def record_heartbeat(
    session: Session, *, worker: str, host: str, pid: int, device: str, paused: str | None = None
) -> None:
    """Record a heartbeat of a worker, and delete the workers that were silent for a day.

    `paused` is the kind of the error that the worker waits to pass, None while it works.
    """
    moment = now(session)
    row = session.get(WorkerRow, worker)
    if row is None:
        row = WorkerRow(id=worker, host=host, pid=pid, device=device, started_at=moment, heartbeats=0)
        session.add(row)
    row.heartbeats += 1
    row.seen_at, row.paused = moment, paused
    session.flush()
    long_ago, far_ahead = moment - LISTED_FOR, moment + LISTED_FOR
    session.execute(delete(WorkerRow).where(or_(WorkerRow.seen_at < long_ago, WorkerRow.seen_at > far_ahead)))


def remove_worker(session: Session, *, worker: str) -> None:
    """Delete the row of a worker that stops."""
    session.execute(delete(WorkerRow).where(WorkerRow.id == worker))


def any_alive(session: Session) -> bool:
    """Return whether any worker is alive."""
    return any(_is_alive(*row) for row in session.read(select(WorkerRow.seen_at, now_column(session))))


def list_workers(session: Session) -> list[WorkerInfo]:
    """Return the workers seen within the last day, the last seen first."""
    moment = now(session)
    rows = session.scalars(select(WorkerRow).order_by(WorkerRow.seen_at.desc()))
    return [
        WorkerInfo(
            id=row.id,
            host=row.host,
            pid=row.pid,
            device=row.device,
            started_at=row.started_at,
            seen_at=row.seen_at,
            alive=_is_alive(row.seen_at, moment),
            paused=row.paused,
        )
        for row in rows
    ]


def common_pause(known: Iterable[WorkerInfo]) -> str | None:
    """Return the kind of error that all live workers wait to pass, None where one works or none is alive."""
    pauses = [worker.paused for worker in known if worker.alive]
    return pauses[0] if pauses and all(pauses) else None


def _is_alive(seen_at: datetime, moment: datetime) -> bool:
    """Return whether a worker's last heartbeat is near. One far in the future is not: a clock was put back since."""
    return abs(moment - seen_at) < ALIVE_FOR
