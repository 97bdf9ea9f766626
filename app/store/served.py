"""The queue in the order it is served, and after it what has ended."""

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from app.contract.job import JobState
from app.store.tables import JobRow

COUNTED = 2_000  # counting jobs stops here


def served(session: Session, filters: list[ColumnElement[bool]], *, skip: int, limit: int) -> list[int]:
    """Numbers of jobs: each of the three parts has an index in its order, the whole has none."""
    queue = (JobRow.priority.desc(), JobRow.id)
    parts = (
        (JobRow.state == JobState.RUNNING, queue),
        (JobRow.state == JobState.QUEUED, queue),
        (JobRow.finished_at.is_not(None), (JobRow.finished_at.desc(), JobRow.id.desc())),
    )
    found: list[int] = []
    for part, order in parts:
        query = select(JobRow.id).where(part, *filters)
        ids = session.scalars(query.order_by(*order).offset(skip).limit(limit - len(found))).all()
        if skip and not ids:
            skip -= session.scalar(select(func.count()).select_from(query.subquery())) or 0
        elif ids:
            skip = 0
        found += ids
        if len(found) == limit:
            break
    return found
