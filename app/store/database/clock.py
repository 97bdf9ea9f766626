"""The time by which jobs and results are dated. Leases go by no clock (see app/store/jobs/deaths.py)."""

from datetime import UTC, datetime

from sqlalchemy import ColumnElement, func, literal, select

from app.store.database.base import UtcDateTime
from app.store.database.session import Session


def now(session: Session) -> datetime:
    """Return the time of the database, so that machines whose clocks differ agree on the order of changes."""
    if session.clock is None and _is_postgresql(session):
        moment: datetime = session.execute(select(func.clock_timestamp())).scalar_one()
        return moment
    return datetime.now(UTC) if session.clock is None else session.clock()


def now_column(session: Session) -> ColumnElement[datetime]:
    """Return the time as a column, for a statement that reads it with its rows: one round trip less than `now`."""
    if session.clock is None and _is_postgresql(session):
        return func.clock_timestamp()
    return literal(now(session), UtcDateTime())


def _is_postgresql(session: Session) -> bool:
    return session.get_bind().dialect.name == "postgresql"
