"""Jobs as people see them: asked for, listed, cancelled, retried. The worker's side is in claims.py."""

from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Select, bindparam, case, delete, func, or_, select, union_all, update

from app.contract.errors import Conflict, TooMany
from app.contract.job import (
    CachedResult,
    EnqueueResult,
    Job,
    JobKind,
    JobListing,
    JobState,
    Priority,
    VisualizeJob,
    VisualizeRequest,
    jobs_of_kind,
)
from app.contract.result import MediaContent
from app.store.catalog.networks import get_card, network_row, unit_row
from app.store.database.chunks import chunks
from app.store.database.engine import now
from app.store.database.session import Session
from app.store.database.tables import JobRow, PreviewRow, RecipeRow, UnitRow, VisualizationRow
from app.store.database.upload_tables import UploadRow
from app.store.database.upsert import insert_missing
from app.store.jobs.listing import COUNTED, count, ended, place, served
from app.store.jobs.rows import JOBS, changed, job_row, missing, read_jobs

LIVE = (JobState.QUEUED, JobState.RUNNING)
CHUNK = 500  # bound parameters a statement stay far below both databases' limits

# Put together once, which takes longer than the answer.
BY_ID = JOBS.where(JobRow.id == bindparam("id"))
NUMBERED = JOBS.where(JobRow.id.in_(bindparam("ids", expanding=True)))
OF_UNIT = JOBS.where(JobRow.unit_id == bindparam("unit"), JobRow.state != JobState.DONE).order_by(JobRow.id.desc())
OF_KEYS = JOBS.where(JobRow.key.in_(bindparam("keys", expanding=True)), JobRow.state.in_(LIVE)).order_by(JobRow.id)
CHANGED = JOBS.where(JobRow.updated_at >= bindparam("since")).order_by(JobRow.updated_at, JobRow.id)
CHANGED = CHANGED.limit(bindparam("most"))


def enqueue(
    session: Session, *, request: VisualizeRequest, limit: int = 100_000, priority: int | None = None
) -> EnqueueResult:
    """What is cached, and a live job (joined or new) for each unit that is not.

    One unit is a click, many are a sweep, and a click on a unit that waits in a sweep moves it forward.
    """
    network = network_row(session, request.network)
    card = get_card(session, slug=request.network)
    indices = request.unit_indices(card)
    recipe = request.recipe.resolved(card)
    recipe_key = recipe.key()
    if priority is None:
        priority = Priority.CLICK if len(indices) == 1 else Priority.SWEEP
    rows = session.execute(
        select(UnitRow.index, UnitRow.id).where(UnitRow.network_id == network.id, UnitRow.layer == request.layer)
    )
    ids: dict[int, int] = dict(rows.all())
    units = {ids[index]: index for index in indices}

    insert_missing(session, RecipeRow, [{"key": recipe_key, "body": recipe.to_storage()}])
    cached = _cached(session, list(units), recipe_key)
    wanted = [unit for unit in units if unit not in cached]
    check_room(session, len(wanted), limit)
    moment = now(session)
    common = {
        "kind": JobKind.VISUALIZE.value,
        "state": JobState.QUEUED.value,
        "batch_key": f"{network.id}:{card.layer(request.layer).index}:{recipe.batch_key()}",
        "network_id": network.id,
        "recipe_key": recipe_key,
        "priority": priority,
        "created_at": moment,
        "updated_at": moment,
    }
    rows_ = [{**common, "key": _key(unit, recipe_key), "unit_id": unit} for unit in wanted]
    insert_missing(session, JobRow, rows_)
    # A job may have finished between the look and the insert: then its result is there now.
    for chunk in chunks(wanted, CHUNK):
        finished = _cached(session, chunk, recipe_key)
        if finished:
            session.execute(
                delete(JobRow).where(
                    JobRow.key.in_([_key(unit, recipe_key) for unit in finished]),
                    JobRow.state == JobState.QUEUED,
                )
            )
            cached |= finished
        session.execute(
            update(JobRow)
            .where(
                JobRow.key.in_([_key(unit, recipe_key) for unit in chunk]),
                JobRow.state.in_(LIVE),
                or_(JobRow.priority < priority, JobRow.cancel_requested),
            )
            .values(
                priority=case((JobRow.priority < priority, priority), else_=JobRow.priority),
                cancel_requested=False,
                **changed(moment),
            )
        )
    jobs = [job for chunk in chunks(wanted, CHUNK) for job in _live(session, chunk, recipe_key)]
    return EnqueueResult(
        jobs=tuple(jobs),
        cached=tuple(CachedResult(unit=units[unit], visualization=id) for unit, id in cached.items()),
    )


def enqueue_alone(
    session: Session,
    *,
    kind: JobKind,
    what: str,
    network_id: int,
    dataset_id: int | None,
    priority: int,
    limit: int,
    parameters: dict[str, Any] | None = None,
) -> Job:
    """A live job that shares its batch with no other, joined or new. `what` tells it from others of kind and network.

    Its row stays locked until the transaction ends: it does not end before what belongs to it is there.
    """
    key = f"{kind.value}:{network_id}:{what}"
    live = select(JobRow).where(JobRow.key == key, JobRow.state.in_(LIVE)).with_for_update()
    moment = now(session)
    if session.scalar(live) is None:
        check_room(session, 1, limit)
        row = {
            "kind": kind.value,
            "state": JobState.QUEUED.value,
            "key": key,
            "batch_key": key,
            "network_id": network_id,
            "dataset_id": dataset_id,
            "priority": priority,
            "created_at": moment,
            "updated_at": moment,
        }
        insert_missing(session, JobRow, [row if parameters is None else {**row, "parameters": parameters}])
    found = session.scalars(live).one()
    if found.cancel_requested:
        found.cancel_requested = False
        found.revision += 1
        found.updated_at = moment
        session.flush()
    return get_job(session, job_id=found.id)


def get_job(session: Session, *, job_id: int) -> Job:
    found = read_jobs(session, BY_ID, {"id": job_id})
    if not found:
        raise missing(job_id)
    return found[0]


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
    counted: Mapping[JobState, int] | None = None,
) -> JobListing:
    """Running jobs first, then the queue in the order it will be served, then the finished, newest first. Among
    these a page may continue from a place, and then costs no more for being far. `counted`: what `counts` says for
    the same owner. Counting stops at COUNTED.
    """
    filters: dict[str, object] = {} if owner is None else {"owner": owner}
    filters |= {} if state is None else {"state": state}
    known = counted if network is None else None
    filters |= {} if network is None else {"network_id": network_row(session, network).id}
    if known is None:
        total = count(session, filters)
    else:
        total = min(COUNTED, sum(known.values())) if state is None else known[state]
    ids = None if after is None and before is None else ended(session, filters, after, before, limit=per_page + 1)
    if ids is None:
        ids = served(session, filters, skip=(page - 1) * per_page, limit=per_page + 1, counted=known)
    follows, ids = len(ids) > per_page, ids[:per_page]
    found = {job.id: job for job in read_jobs(session, NUMBERED, {"ids": ids})} if ids else {}
    items = tuple(found[id] for id in ids)
    return JobListing(
        items=items,
        total=total,
        next=page + 1 if follows else None,
        after=place(items[-1]) if follows else None,
        before=place(items[0]) if items and page > 1 else None,
    )


def jobs_for_unit(session: Session, *, slug: str, layer: str, unit: int) -> list[VisualizeJob]:
    """The unit's jobs that wait, run, or ended without a result, newest first."""
    found = unit_row(session, slug=slug, layer=layer, unit=unit)
    return jobs_of_kind(VisualizeJob, read_jobs(session, OF_UNIT, {"unit": found.id}))


def counts(session: Session, *, owner: str | None = None) -> dict[JobState, int]:
    """Of each state, up to COUNTED."""
    found: dict[str, int] = dict(session.read(_counted(owner is not None), {"owner": owner}).all())
    return {state: found.get(state.value, 0) for state in JobState}


@cache
def _counted(of_owner: bool) -> Select[str, int]:
    whose = [JobRow.owner == bindparam("owner")] if of_owner else []
    some = [select(JobRow.state).where(JobRow.state == state, *whose).limit(COUNTED).subquery() for state in JobState]
    every = union_all(*(select(part.c.state) for part in some)).subquery()
    return select(every.c.state, func.count()).group_by(every.c.state)


def cancel(session: Session, *, job_id: int) -> Job:
    """A waiting job ends at once; of a running one the worker sees the flag within a step."""
    row = job_row(session, job_id)
    if not JobState(row.state).is_live:
        raise Conflict(f"Job {job_id} is already {row.state}; there is nothing to cancel.", state=row.state)
    moment = now(session)
    if row.state == JobState.QUEUED:
        row.state = JobState.CANCELLED
        row.finished_at = moment
        session.execute(delete(UploadRow).where(UploadRow.job_id == row.id))
    row.cancel_requested = True
    row.revision += 1
    row.updated_at = moment
    session.flush()
    return get_job(session, job_id=job_id)


def retry(session: Session, *, job_id: int) -> Job:
    """Queue a failed or cancelled job again, with fresh attempts."""
    row = job_row(session, job_id)
    if row.state not in (JobState.FAILED, JobState.CANCELLED):
        raise Conflict(f"Job {job_id} is {row.state}; only failed and cancelled jobs can be retried.", state=row.state)
    if not get_job(session, job_id=job_id).can_be_retried:
        raise Conflict(f"The clip of job {job_id} was not kept. Send it again.", state=row.state)
    live = session.scalar(select(JobRow.id).where(JobRow.key == row.key, JobRow.state.in_(LIVE)))
    if live is not None:
        raise Conflict(f"The same work is already under way as job {live}.", job=live)
    row.state = JobState.QUEUED
    row.attempts = 0
    row.cancel_requested = False
    row.error = row.progress = row.started_at = row.finished_at = None
    if row.kind == JobKind.VISUALIZE:
        row.priority = Priority.CLICK
    row.revision += 1
    row.updated_at = now(session)
    session.flush()
    return get_job(session, job_id=job_id)


def changed_since(session: Session, *, since: datetime, limit: int = 2000) -> list[Job]:
    """Jobs that changed at or after `since`, oldest change first."""
    return read_jobs(session, CHANGED, {"since": since, "most": limit})


def get_preview(session: Session, *, job_id: int) -> tuple[int, MediaContent] | None:
    """The newest picture of a running job and the step it shows."""
    row = session.execute(
        select(PreviewRow.step, PreviewRow.type, PreviewRow.data).where(PreviewRow.job_id == job_id)
    ).one_or_none()
    return row and (row.step, MediaContent(type=row.type, data=row.data))


def _key(unit_id: int, recipe_key: str) -> str:
    """Unique while alive. The unit stands for network checksum, layer and index."""
    return f"{JobKind.VISUALIZE.value}:{unit_id}:{recipe_key}"


def _cached(session: Session, units: list[int], recipe_key: str) -> dict[int, int]:
    """Visualization ids by unit id."""
    found: dict[int, int] = {}
    for chunk in chunks(units, CHUNK):
        rows = session.execute(
            select(VisualizationRow.unit_id, VisualizationRow.id).where(
                VisualizationRow.unit_id.in_(chunk), VisualizationRow.recipe_key == recipe_key
            )
        )
        found |= dict(rows.all())
    return found


def _live(session: Session, units: list[int], recipe_key: str) -> list[VisualizeJob]:
    keys = [_key(unit, recipe_key) for unit in units]
    return jobs_of_kind(VisualizeJob, read_jobs(session, OF_KEYS, {"keys": keys}))


def check_room(session: Session, more: int, limit: int) -> None:
    live = session.scalar(select(func.count()).select_from(JobRow).where(JobRow.state.in_(LIVE))) or 0
    if live + more > limit:
        raise TooMany(
            f"The queue holds {live:,} jobs and takes {limit:,} at most. Wait or cancel some, and ask again.",
            queued=live,
            limit=limit,
        )
