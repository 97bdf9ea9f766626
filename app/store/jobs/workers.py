"""Who computes: each worker writes its own row now and then."""

from datetime import timedelta

from sqlalchemy import delete, func, null, select

from app.contract.job import WorkerInfo
from app.store.database.engine import now
from app.store.database.session import Session
from app.store.database.tables import WorkerRow

ALIVE = timedelta(seconds=30)
FORGOTTEN = timedelta(days=1)
SEEN = func.max(WorkerRow.seen_at)
LAST_SEEN = {"sqlite": select(SEEN, null()), "postgresql": select(SEEN, func.clock_timestamp())}  # with the time


def worker_seen(session: Session, *, worker: str, host: str, pid: int, device: str) -> None:
    """Say that a worker is here; forgets those silent for a day."""
    moment = now(session)
    row = session.get(WorkerRow, worker)
    if row is None:
        session.add(WorkerRow(id=worker, host=host, pid=pid, device=device, started_at=moment, seen_at=moment))
    else:
        row.seen_at = moment
    session.execute(delete(WorkerRow).where(WorkerRow.seen_at < moment - FORGOTTEN))


def worker_gone(session: Session, *, worker: str) -> None:
    session.execute(delete(WorkerRow).where(WorkerRow.id == worker))


def any_alive(session: Session) -> bool:
    """Whether anybody computes."""
    seen, moment = session.read(LAST_SEEN[session.get_bind().dialect.name]).one()
    return seen is not None and (moment or now(session)) - seen < ALIVE


def list_workers(session: Session) -> list[WorkerInfo]:
    """Workers seen within the last day, those alive first."""
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
            alive=moment - row.seen_at < ALIVE,
        )
        for row in rows
    ]
