"""The order of the list of jobs: running, then queued in the order of the queue, then finished, newest first.

Each of these three segments has an index in its order; the whole list has none. Functions here return ids of jobs.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, func, literal, select, tuple_

from app.contract.errors import InvalidRequest
from app.contract.job import Job, JobState
from app.store.database.session import Session
from app.store.database.tables import JobRow

MAX_COUNTED_JOBS = 2_000  # jobs at which counting stops
MAX_JOB_ID = 2**63 - 1  # that PostgreSQL can compare

QUEUE_ORDER = (JobRow.priority.desc(), JobRow.id)


@dataclass(frozen=True)
class Segment:
    """A part of the list, with the states of its jobs, its condition and its order."""

    states: frozenset[JobState]
    condition: ColumnElement[bool]
    order: tuple[Any, ...]


RUNNING = Segment(frozenset({JobState.RUNNING}), JobRow.state == JobState.RUNNING, QUEUE_ORDER)
QUEUED = Segment(frozenset({JobState.QUEUED}), JobRow.state == JobState.QUEUED, QUEUE_ORDER)
FINISHED = Segment(
    frozenset({JobState.DONE, JobState.FAILED, JobState.CANCELLED}),
    JobRow.finished_at.is_not(None),
    (JobRow.finished_at.desc(), JobRow.id.desc()),
)

JobFilters = Mapping[str, object]  # names of columns of `jobs`, and their values
StateCounts = Mapping[JobState, int]  # up to MAX_COUNTED_JOBS of each state


def list_job_ids(
    session: Session, filters: JobFilters, *, skip: int, limit: int, counts: StateCounts | None = None
) -> list[int]:
    """Return ids of jobs from the whole list; `counts`, if known, save counting jobs that are skipped."""
    ids: list[int] = []
    for segment in (RUNNING, QUEUED, FINISHED):
        if filters.get("state", next(iter(segment.states))) not in segment.states:
            continue
        matching = _matching(segment, filters)
        if skip and segment is not FINISHED:
            known = MAX_COUNTED_JOBS if counts is None else sum(counts[state] for state in segment.states)
            if known >= MAX_COUNTED_JOBS:  # there may be more
                known = session.read(select(func.count()).select_from(matching.limit(skip).subquery())).scalar_one()
            if known < skip:
                skip -= known
                continue
        page = matching.order_by(*segment.order).offset(skip).limit(limit - len(ids))
        ids += session.read(page).scalars().all()
        skip = 0
        if len(ids) == limit:
            break
    return ids


def list_finished_job_ids(
    session: Session, filters: JobFilters, after: str | None, before: str | None, *, limit: int
) -> list[int] | None:
    """Return the ids of finished jobs after a cursor, or those before it, of which the last is the cursor's own job.

    Return None where too few finished jobs come before the cursor: then the page begins with live jobs.
    """
    finished_at, id = decode_cursor(after or before or "")
    keys = tuple_(JobRow.finished_at, JobRow.id)
    here = tuple_(literal(finished_at, JobRow.finished_at.type), literal(id, JobRow.id.type))
    matching = _matching(FINISHED, filters)
    if after is not None:
        following = matching.where(keys < here).order_by(*FINISHED.order).limit(limit)
        return list(session.read(following).scalars())
    preceding = matching.where(keys > here).order_by(JobRow.finished_at, JobRow.id).limit(limit - 1)
    ids = session.read(preceding).scalars().all()
    return [*reversed(ids), id] if len(ids) == limit - 1 else None


def count_jobs(session: Session, filters: JobFilters) -> int:
    """Return how many jobs pass the filters, up to MAX_COUNTED_JOBS."""
    some = select(JobRow.id).where(*_conditions(filters)).limit(MAX_COUNTED_JOBS).subquery()
    return session.read(select(func.count()).select_from(some)).scalar_one()


def encode_cursor(job: Job) -> str | None:
    """Return the cursor of a finished job: its time and id. Live jobs have none."""
    return f"{job.finished_at.isoformat()}~{job.id}" if job.finished_at else None


def decode_cursor(cursor: str) -> tuple[datetime, int]:
    """Return the time and id of a finished job from its cursor. Raises InvalidRequest for any other text."""
    moment, _, number = cursor.partition("~")
    try:
        finished_at, id = datetime.fromisoformat(moment).astimezone(UTC), int(number)
    except (ValueError, OverflowError) as error:
        raise _invalid_cursor() from error
    if not 0 < id <= MAX_JOB_ID:
        raise _invalid_cursor()
    return finished_at, id


def _invalid_cursor() -> InvalidRequest:
    return InvalidRequest(
        "`after` and `before` take a place that an earlier page gave. Leave them out to begin at the start.",
        fields=[{"field": "after", "detail": "Not a place in this listing."}],
    )


def _matching(segment: Segment, filters: JobFilters) -> Select[int]:
    return select(JobRow.id).where(segment.condition, *_conditions(filters))


def _conditions(filters: JobFilters) -> list[ColumnElement[bool]]:
    return [getattr(JobRow, name) == value for name, value in filters.items()]
