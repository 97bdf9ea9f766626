"""INSERT ... ON CONFLICT DO NOTHING, for which SQLAlchemy has one construct in each dialect."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.dialects import postgresql, sqlite

from app.store.database.base import Base
from app.store.database.session import Session


def insert_missing(session: Session, table: type[Base], rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert the rows whose unique keys are not in the table yet, and leave the others unchanged."""
    if not rows:
        return
    build = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    session.execute(build(table).on_conflict_do_nothing(), list(rows))
