"""Statements that read columns, without the mapper: it has nothing to do there, and takes as long as the statement."""

from collections.abc import Mapping
from typing import TypeVarTuple

from sqlalchemy import CursorResult
from sqlalchemy.orm import Session
from sqlalchemy.sql.selectable import TypedReturnsRows

Columns = TypeVarTuple("Columns")


def fetch(
    session: Session, statement: TypedReturnsRows[*Columns], given: Mapping[str, object] | None = None
) -> CursorResult[*Columns]:
    """What `Session.execute` finds for such a statement."""
    session.flush()  # as it does, too
    return session.connection().execute(statement, given)
