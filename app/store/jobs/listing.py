"""Reads jobs for pages: the list page by page, the jobs of a unit, counts by state, changes and previews."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import and_, func, or_, select, union_all

from app.contract.job import AddNetworkJob, Job, JobKind, JobListing, JobState, VisualizeJob, jobs_of_kind
from app.contract.network import NetworkCard
from app.contract.result import MediaContent
from app.store.catalog.networks import network_row
from app.store.catalog.units import unit_record
from app.store.database.session import Session
from app.store.database.tables import JobRow, PreviewRow
from app.store.jobs.ordering import (
    MAX_COUNTED_JOBS,
    StateCounts,
    count_jobs,
    encode_cursor,
    list_finished_job_ids,
    list_job_ids,
)
from app.store.jobs.rows import LIVE_STATES, job_not_found, read_jobs, select_jobs

CHANGES_PER_PAGE = 500


def get_job(session: Session, *, job_id: int) -> Job:
    """Return a job by its id. Raises Missing."""
    jobs = read_jobs(session, select_jobs().where(JobRow.id == job_id))
    if not jobs:
        raise job_not_found(job_id)
    return jobs[0]


def list_jobs(
    session: Session,
    *,
    state: JobState | None = None,
    network: str | None = None,
    owner: str | None = None,
    page: int = 1,
    per_page: int = 50,
    after: str | None = None,
    before: str | None = None,
    counts: StateCounts | None = None,
) -> JobListing:
    """Return a page of jobs: running jobs first, then queued jobs in their order, then finished jobs, newest first.

    Among finished jobs a page may continue from a cursor (`after`, `before`), at the same cost however far it is.
    `counts` is what `count_by_state` returned for the same owner. The total stops at MAX_COUNTED_JOBS.
    """
    filters: dict[str, object] = {} if owner is None else {"owner": owner}
    filters |= {} if state is None else {"state": state}
    known_counts = counts if network is None else None
    filters |= {} if network is None else {"network_id": network_row(session, network).id}
    if known_counts is None:
        total = count_jobs(session, filters)
    else:
        total = min(MAX_COUNTED_JOBS, sum(known_counts.values())) if state is None else known_counts[state]
    ids = None
    if after is not None or before is not None:
        ids = list_finished_job_ids(session, filters, after, before, limit=per_page + 1)
    if ids is None:
        skip = (page - 1) * per_page
        ids = list_job_ids(session, filters, skip=skip, limit=per_page + 1, counts=known_counts)
    has_next, ids = len(ids) > per_page, ids[:per_page]
    items = tuple(jobs_by_id(session, ids=ids))
    return JobListing(
        items=items,
        total=total,
        next=page + 1 if has_next else None,
        after=encode_cursor(items[-1]) if has_next else None,
        before=encode_cursor(items[0]) if items and page > 1 else None,
    )


def jobs_of_unit(session: Session, *, card: NetworkCard, layer: str, unit: int) -> list[VisualizeJob]:
    """Return the jobs of a unit that are queued, running, or ended without a result, newest first."""
    record = unit_record(session, card=card, layer=layer, unit=unit)
    jobs = select_jobs().where(JobRow.unit_id == record.id, JobRow.state != JobState.DONE).order_by(JobRow.id.desc())
    return jobs_of_kind(VisualizeJob, read_jobs(session, jobs))


def list_live_additions(session: Session) -> list[AddNetworkJob]:
    """Return the queued and running jobs that add networks, the oldest first."""
    live = select_jobs().where(JobRow.state.in_(LIVE_STATES), JobRow.kind == JobKind.ADD_NETWORK).order_by(JobRow.id)
    return jobs_of_kind(AddNetworkJob, read_jobs(session, live))


def count_by_state(session: Session, *, owner: str | None = None) -> dict[JobState, int]:
    """Return the number of jobs in each state, of all owners or of one, each up to MAX_COUNTED_JOBS."""
    of_owner = [JobRow.owner == owner] if owner is not None else []
    parts = [
        select(JobRow.state).where(JobRow.state == state, *of_owner).limit(MAX_COUNTED_JOBS).subquery()
        for state in JobState
    ]
    all_parts = union_all(*(select(part.c.state) for part in parts)).subquery()
    rows = session.read(select(all_parts.c.state, func.count()).group_by(all_parts.c.state))
    counts: dict[str, int] = dict(rows.all())
    return {state: counts.get(state.value, 0) for state in JobState}


def changed_revisions(session: Session, *, since: datetime) -> dict[int, int]:
    """Return the revision of each job that changed at or after a time, by its id, the oldest change first."""
    changed = select(JobRow.id, JobRow.revision).where(JobRow.updated_at >= since)
    rows = session.read(changed.order_by(JobRow.updated_at, JobRow.id))
    return dict(rows.all())


def jobs_by_id(session: Session, *, ids: Sequence[int]) -> list[Job]:
    """Return jobs in the order of their ids as given, without those that are gone."""
    jobs = {job.id: job for job in read_jobs(session, select_jobs().where(JobRow.id.in_(ids)))} if ids else {}
    return [jobs[id] for id in ids if id in jobs]


def list_changed_jobs(
    session: Session,
    *,
    since: datetime,
    after_id: int = 0,
    job: int | None = None,
    network: str | None = None,
    limit: int = CHANGES_PER_PAGE,
) -> tuple[list[Job], tuple[datetime, int] | None]:
    """Return a page of jobs that changed at or after a time, the oldest change first, and where the next page begins.

    A page begins at `since`, behind the job `after_id` where that changed at this very time. The last page has no next.
    """
    begin = or_(JobRow.updated_at > since, and_(JobRow.updated_at == since, JobRow.id > after_id))
    changed = select(JobRow.updated_at, JobRow.id).where(JobRow.updated_at >= since, begin)
    if job is not None:
        changed = changed.where(JobRow.id == job)
    if network is not None:
        changed = changed.where(JobRow.network_id == network_row(session, network).id)
    rows = session.read(changed.order_by(JobRow.updated_at, JobRow.id).limit(limit)).all()
    last = (rows[-1].updated_at, rows[-1].id) if len(rows) == limit else None
    return jobs_by_id(session, ids=[row.id for row in rows]), last


def get_preview(session: Session, *, job_id: int) -> tuple[int, MediaContent] | None:
    """Return the newest picture of a running job and the step that it shows, None where there is none."""
    row = session.read(
        select(PreviewRow.step, PreviewRow.type, PreviewRow.data).where(PreviewRow.job_id == job_id)
    ).one_or_none()
    return row and (row.step, MediaContent(type=row.type, data=row.data))
