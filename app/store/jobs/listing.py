"""The queue in the order it is served, and after it what has ended. Statements are put together once, which takes
longer than to run them.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache

from sqlalchemy import Select, bindparam, func, select, tuple_

from app.contract.errors import InvalidRequest
from app.contract.job import Job, JobState
from app.store.database.session import Session
from app.store.database.tables import JobRow

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


def served(
    session: Session, filters: Filters, *, skip: int, limit: int, counted: Mapping[JobState, int] | None = None
) -> list[int]:
    """Numbers of jobs. `counted`: how many there are of each state, up to COUNTED."""
    found: list[int] = []
    for part, (states, *_) in enumerate(PARTS):
        if filters.get("state", next(iter(states))) not in states:
            continue
        asked = {**filters, "skip": skip, "most": limit - len(found)}
        if skip and states is not ENDED:
            there = COUNTED if counted is None else sum(counted[state] for state in states)
            if there >= COUNTED:
                there = session.read(_skipped(part, tuple(filters)), {**asked, "most": skip}).scalar() or 0
            there = min(there, skip)
            skip -= there
            if skip:
                continue
            asked["skip"] = there
        found += session.read(_page(part, tuple(filters)), asked).scalars().all()
        skip = 0
        if len(found) == limit:
            break
    return found


def ended(session: Session, filters: Filters, after: str | None, before: str | None, *, limit: int) -> list[int] | None:
    """Numbers of the jobs that ended and follow a place, or, all but the last of `limit`, precede one. None where too
    few do: then others come before them.
    """
    at, id = _read(after or before or "")
    asked = {**filters, "at": at, "id": id, "most": limit}
    if after is not None:
        return list(session.read(_beyond(tuple(filters), backwards=False), asked).scalars())
    found = session.read(_beyond(tuple(filters), backwards=True), {**asked, "most": limit - 1}).scalars().all()
    return [*reversed(found), id] if len(found) == limit - 1 else None


def place(job: Job) -> str | None:
    """Where a job stands among those that ended."""
    return f"{job.finished_at.isoformat()}~{job.id}" if job.finished_at else None


def count(session: Session, filters: Filters) -> int:
    """Up to COUNTED."""
    return session.read(_counted(tuple(filters)), filters).scalar() or 0


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
def _beyond(names: tuple[str, ...], *, backwards: bool) -> Select[int]:
    keys = tuple_(JobRow.finished_at, JobRow.id)
    here = tuple_(bindparam("at", type_=JobRow.finished_at.type), bindparam("id", type_=JobRow.id.type))
    order = (JobRow.finished_at, JobRow.id) if backwards else PARTS[2][2]
    beyond = _matching(2, names).where(keys > here if backwards else keys < here)
    return beyond.order_by(*order).limit(bindparam("most"))


def _read(place: str) -> tuple[datetime, int]:
    moment, _, number = place.partition("~")
    try:
        at, id = datetime.fromisoformat(moment).astimezone(UTC), int(number)
    except (ValueError, OverflowError) as error:
        raise _no_place() from error
    if not 0 < id < 2**63:
        raise _no_place()
    return at, id


def _no_place() -> InvalidRequest:
    return InvalidRequest(
        "`after` and `before` take a place that an earlier page gave. Leave them out to begin at the start.",
        fields=[{"field": "after", "detail": "Not a place in this listing."}],
    )


@cache
def _matching(part: int, names: tuple[str, ...]) -> Select[int]:
    named = (getattr(JobRow, name) == bindparam(name) for name in names)
    return select(JobRow.id).where(PARTS[part][1], *named)
