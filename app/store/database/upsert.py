"""INSERT ... ON CONFLICT DO NOTHING, which SQLAlchemy spells by dialect."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.dialects import postgresql, sqlite

from app.store.database.base import Base
from app.store.database.session import Session


def insert_missing(session: Session, table: type[Base], rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert the rows whose unique keys are not there yet; leave the others as they are."""
    if not rows:
        return
    build = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    session.execute(build(table).on_conflict_do_nothing(), list(rows))
