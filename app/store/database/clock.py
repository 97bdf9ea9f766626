"""The time by which jobs, leases and results are dated."""

from datetime import UTC, datetime

from sqlalchemy import func, select

from app.store.database.session import Session


def now(session: Session) -> datetime:
    """Return the time of the database, so that workers on machines whose clocks differ agree on leases."""
    if session.get_bind().dialect.name == "postgresql":
        moment: datetime = session.execute(select(func.clock_timestamp())).scalar_one()
        return moment
    return datetime.now(UTC)
