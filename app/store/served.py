"""The queue in the order it is served, and after it what has ended. Statements are put together once, which takes
longer than to run them."""

from collections.abc import Mapping
from functools import cache

from sqlalchemy import Select, bindparam, func, select
from sqlalchemy.orm import Session

from app.contract.job import JobState
from app.store.tables import JobRow

COUNTED = 2_000  # counting jobs stops here
ENDED = frozenset({JobState.DONE, JobState.FAILED, JobState.CANCELLED})
QUEUE = (JobRow.priority.desc(), JobRow.id)
# Each of the three parts has an index in its order, the whole has none.
PARTS = (
    (frozenset({JobState.RUNNING}), JobRow.state == JobState.RUNNING, QUEUE),
    (frozenset({JobState.QUEUED}), JobRow.state == JobState.QUEUED, QUEUE),
    (ENDED, JobRow.finished_at.is_not(None), (JobRow.finished_at.desc(), JobRow.id.desc())),
)

Filters = Mapping[str, object]  # columns of jobs and their values


def served(session: Session, filters: Filters, *, skip: int, limit: int) -> list[int]:
    """Numbers of jobs."""
    found: list[int] = []
    for part, (states, *_) in enumerate(PARTS):
        if filters.get("state", next(iter(states))) not in states:
            continue
        asked = {**filters, "skip": skip, "most": limit - len(found)}
        if skip and states is not ENDED:
            there = session.scalar(_skipped(part, tuple(filters)), {**asked, "most": skip}) or 0
            skip -= there
            if skip:
                continue
            asked["skip"] = there
        found += session.scalars(_page(part, tuple(filters)), asked).all()
        skip = 0
        if len(found) == limit:
            break
    return found


def count(session: Session, filters: Filters) -> int:
    """Up to COUNTED."""
    return session.scalar(_counted(tuple(filters)), filters) or 0


@cache
def _counted(names: tuple[str, ...]) -> Select[int]:
    some = select(JobRow.id).where(*(getattr(JobRow, name) == bindparam(name) for name in names)).limit(COUNTED)
    return select(func.count()).select_from(some.subquery())


@cache
def _skipped(part: int, names: tuple[str, ...]) -> Select[int]:
    """How many of those to be skipped the part has."""
    return select(func.count()).select_from(_matching(part, names).limit(bindparam("most")).subquery())


@cache
def _page(part: int, names: tuple[str, ...]) -> Select[int]:
    return _matching(part, names).order_by(*PARTS[part][2]).offset(bindparam("skip")).limit(bindparam("most"))


@cache
def _matching(part: int, names: tuple[str, ...]) -> Select[int]:
    named = (getattr(JobRow, name) == bindparam(name) for name in names)
    return select(JobRow.id).where(PARTS[part][1], *named)
