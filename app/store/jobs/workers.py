"""Records which workers are alive: each writes its own row every few seconds."""

from datetime import timedelta

from sqlalchemy import delete, func, null, select

from app.contract.job import WorkerInfo
from app.store.database.clock import now
from app.store.database.session import Session
from app.store.database.tables import WorkerRow

ALIVE_FOR = timedelta(seconds=30)  # after a worker's last sign of life
LISTED_FOR = timedelta(days=1)  # after a worker's last sign of life


def record_worker(session: Session, *, worker: str, host: str, pid: int, device: str) -> None:
    """Record that a worker is alive, and delete those that were silent for a day."""
    moment = now(session)
    row = session.get(WorkerRow, worker)
    if row is None:
        session.add(WorkerRow(id=worker, host=host, pid=pid, device=device, started_at=moment, seen_at=moment))
    else:
        row.seen_at = moment
    session.execute(delete(WorkerRow).where(WorkerRow.seen_at < moment - LISTED_FOR))


def remove_worker(session: Session, *, worker: str) -> None:
    """Delete the row of a worker that stops."""
    session.execute(delete(WorkerRow).where(WorkerRow.id == worker))


def any_alive(session: Session) -> bool:
    """Return whether any worker is alive."""
    is_postgres = session.get_bind().dialect.name == "postgresql"
    # On PostgreSQL the time comes with the answer, which saves a second statement.
    clock = func.clock_timestamp() if is_postgres else null()
    seen_at, moment = session.read(select(func.max(WorkerRow.seen_at), clock)).one()
    return seen_at is not None and (moment or now(session)) - seen_at < ALIVE_FOR


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
            alive=moment - row.seen_at < ALIVE_FOR,
        )
        for row in rows
    ]
