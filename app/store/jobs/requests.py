"""What people ask for: queues work, cancels it and retries it. What workers do is in leases.py."""

import hashlib
from pathlib import PurePath
from typing import Any

from sqlalchemy import case, delete, func, or_, select, update

from app.contract.errors import Conflict, InvalidRecipe, InvalidRequest, TooMany
from app.contract.job import (
    AddNetworkJob,
    AddNetworkRequest,
    CachedResult,
    EnqueueResult,
    Job,
    JobKind,
    JobState,
    Priority,
    VisualizeJob,
    VisualizeRequest,
    jobs_of_kind,
)
from app.contract.network import NetworkCard, make_slug
from app.contract.network_source import find_source
from app.contract.recipe import ResolvedRecipe
from app.contract.recipe_fit import require_newest_maxima
from app.store import datasets
from app.store.catalog.networks import get_card, network_id, refuse_slug
from app.store.database.chunks import chunks
from app.store.database.clock import now
from app.store.database.session import Session
from app.store.database.tables import JobRow, UnitRow, VisualizationRow
from app.store.database.upload_tables import UploadRow
from app.store.database.upsert import insert_missing
from app.store.jobs.listing import get_job
from app.store.jobs.requesters import COMMAND, RETRY_AFTER_SECONDS, Requester
from app.store.jobs.rows import LIVE_STATES, change_values, date_at_commit, lock_job, read_jobs, select_jobs
from app.store.results.recipes import store_recipe

JOBS_PER_STATEMENT = 500
MAX_QUEUED_JOBS = 100_000  # where a caller sets no other limit


def enqueue(
    session: Session,
    *,
    request: VisualizeRequest,
    limit: int = MAX_QUEUED_JOBS,
    priority: int | None = None,
    requester: Requester = COMMAND,
) -> EnqueueResult:
    """Queue units to be visualized; return results that are cached already, and the live jobs of the other units.

    A recipe for several stimuli that must differ gives a job for each of them.

    A live job for the same unit and recipe is joined. One unit has the priority of a click, many that of a sweep, and
    a click on a unit of a queued sweep moves the unit forward. Raises InvalidRecipe for a recipe that the layer cannot
    take or whose clip no data set has, TooMany where more than `limit` jobs would live, or more than the requester may
    have.
    """
    card = get_card(session, slug=request.network)
    answers = [
        _enqueue(session, card, request, recipe, limit=limit, priority=priority, requester=requester)
        for recipe in request.recipe.resolved(card).members()
    ]
    return EnqueueResult(
        jobs=tuple(job for answer in answers for job in answer.jobs),
        cached=tuple(result for answer in answers for result in answer.cached),
    )


def _enqueue(
    session: Session,
    card: NetworkCard,
    request: VisualizeRequest,
    recipe: ResolvedRecipe,
    *,
    limit: int,
    priority: int | None,
    requester: Requester,
) -> EnqueueResult:
    network = network_id(session, card)
    indices = request.unit_indices(card)
    if priority is None:
        priority = Priority.CLICK if len(indices) == 1 else Priority.SWEEP
    rows = session.read(
        select(UnitRow.index, UnitRow.id).where(UnitRow.network_id == network, UnitRow.layer == request.layer)
    )
    ids: dict[int, int] = dict(rows.all())
    units = {ids[index]: index for index in indices}

    recipe_key = store_recipe(session, recipe)
    cached = _cached_results(session, list(units), recipe_key)
    wanted = [unit for unit in units if unit not in cached]
    if wanted:
        recipe.require_fit(card, request.layer, [units[unit] for unit in wanted])
        recipe.require_statistics(card)
        require_newest_maxima(recipe, card)
        if recipe.start_clip and datasets.clip_of_video(session, sha256=recipe.start_clip) is None:
            raise InvalidRecipe(
                f"No clip of a data set has a video of the sha256 {recipe.start_clip[:12]}, which `start_clip` names: "
                "its data set has been removed, or it was never here. Choose a clip from the page of a data set."
            )
    check_queue_limit(session, len(wanted), limit)
    moment = now(session)
    date_at_commit(session, moment)
    common = {
        "kind": JobKind.VISUALIZE.value,
        "state": JobState.QUEUED.value,
        "network_id": network,
        "recipe_key": recipe_key,
        "priority": priority,
        "owner": requester.owner,
        "address": requester.address,
        "created_at": moment,
        "updated_at": moment,
    }
    batch_key = f"{network}:{card.layer(request.layer).index}:{recipe.batch_key()}"
    rows_by_unit = [
        {
            **common,
            "key": _job_key(unit, recipe_key),
            "unit_id": unit,
            "batch_key": batch_key if recipe.count == 1 else f"{batch_key}:{units[unit]}",
        }
        for unit in wanted
    ]
    insert_missing(session, JobRow, rows_by_unit)
    if wanted:
        requester.check_jobs(session)
    # A job may have finished since the cached results were read; then its result is there now.
    for chunk in chunks(wanted, JOBS_PER_STATEMENT):
        finished = _cached_results(session, chunk, recipe_key)
        if finished:
            session.execute(
                delete(JobRow).where(
                    JobRow.key.in_([_job_key(unit, recipe_key) for unit in finished]),
                    JobRow.state == JobState.QUEUED,
                )
            )
            cached |= finished
        session.execute(
            update(JobRow)
            .where(
                JobRow.key.in_([_job_key(unit, recipe_key) for unit in chunk]),
                JobRow.state.in_(LIVE_STATES),
                or_(JobRow.priority < priority, JobRow.cancel_requested),
            )
            .values(
                priority=case((JobRow.priority < priority, priority), else_=JobRow.priority),
                cancel_requested=False,
                **change_values(moment),
            )
        )
    jobs = [job for chunk in chunks(wanted, JOBS_PER_STATEMENT) for job in _live_jobs(session, chunk, recipe_key)]
    return EnqueueResult(
        jobs=tuple(jobs),
        cached=tuple(CachedResult(unit=units[unit], visualization=id) for unit, id in cached.items()),
    )


def enqueue_single(
    session: Session,
    *,
    kind: JobKind,
    key: str,
    network_id: int | None,
    dataset_id: int | None,
    priority: int,
    limit: int,
    requester: Requester = COMMAND,
    parameters: dict[str, Any] | None = None,
) -> Job:
    """Queue a job that shares its batch with no other, or join the live one, and return it.

    `key` is unique among live jobs of the same kind and network. The row stays locked until the transaction ends, so
    that the job cannot end before everything that belongs to it is stored.
    """
    job_key = f"{kind.value}:{network_id or ''}:{key}"
    live = select(JobRow).where(JobRow.key == job_key, JobRow.state.in_(LIVE_STATES)).with_for_update()
    moment = now(session)
    if session.scalar(live) is None:
        check_queue_limit(session, 1, limit)
        row = {
            "kind": kind.value,
            "state": JobState.QUEUED.value,
            "key": job_key,
            "batch_key": job_key,
            "network_id": network_id,
            "dataset_id": dataset_id,
            "priority": priority,
            "owner": requester.owner,
            "address": requester.address,
            "created_at": moment,
            "updated_at": moment,
        }
        insert_missing(session, JobRow, [row if parameters is None else {**row, "parameters": parameters}])
        requester.check_jobs(session)
    live_row = session.scalars(live).one()
    if live_row.cancel_requested:
        live_row.cancel_requested = False
        live_row.revision += 1
        live_row.updated_at = moment
        session.flush()
    return get_job(session, job_id=live_row.id)


def enqueue_network(
    session: Session, *, request: AddNetworkRequest, limit: int = MAX_QUEUED_JOBS, requester: Requester = COMMAND
) -> AddNetworkJob:
    """Queue a network to be fetched and registered, or join the live job.

    Raises UnknownSource, and NetworkExists where a network of its name is registered.
    """
    if request.source is not None:
        find_source(request.source)
    name = PurePath(request.name).stem if request.place == "path" else request.name.rpartition("/")[2]
    slug = request.slug or make_slug(name)
    if not slug:
        raise InvalidRequest(f"{request.name!r} gives no name for addresses: give one as `slug`.")
    refuse_slug(session, slug=slug)
    own = request.model_dump(include={"title", "labels", "flow_scale"}, exclude_none=True)
    key = slug
    if request.place != "source" or request.name != slug:
        key = f"{slug}:{request.place}:{hashlib.sha256(request.name.encode()).hexdigest()[:16]}"
    job = enqueue_single(
        session,
        kind=JobKind.ADD_NETWORK,
        key=key,
        network_id=None,
        dataset_id=None,
        priority=Priority.CLICK,
        limit=limit,
        requester=requester,
        parameters={"source": request.name, "place": request.place, "network": slug, **own},
    )
    assert isinstance(job, AddNetworkJob)
    return job


def cancel(session: Session, *, job_id: int) -> Job:
    """Cancel a job: a queued one ends at once, and the worker of a running one sees the flag within a step.

    Raises Conflict where the job has ended.
    """
    row = lock_job(session, job_id)
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


def retry(session: Session, *, job_id: int, requester: Requester = COMMAND) -> Job:
    """Queue a failed or cancelled job again as if it were new. It is then the job of whoever asked for that.

    Raises Conflict where that is not possible, and TooMany where the requester has too many jobs.
    """
    row = lock_job(session, job_id)
    if row.state not in (JobState.FAILED, JobState.CANCELLED):
        raise Conflict(f"Job {job_id} is {row.state}; only failed and cancelled jobs can be retried.", state=row.state)
    if not get_job(session, job_id=job_id).can_be_retried:
        raise Conflict(f"The clip of job {job_id} was not kept. Send it again.", state=row.state)
    live = session.scalar(select(JobRow.id).where(JobRow.key == row.key, JobRow.state.in_(LIVE_STATES)))
    if live is not None:
        raise Conflict(f"The same work is already under way as job {live}.", job=live)
    row.state = JobState.QUEUED
    row.attempts = row.deaths = 0
    row.batch_limit = None
    row.cancel_requested = False
    row.error = row.progress = row.started_at = row.finished_at = None
    if requester is not COMMAND:
        row.owner, row.address = requester.owner, requester.address
    if row.kind == JobKind.VISUALIZE:
        row.priority = Priority.CLICK
    row.revision += 1
    row.updated_at = now(session)
    session.flush()
    requester.check_jobs(session)
    return get_job(session, job_id=job_id)


def check_queue_limit(session: Session, more: int, limit: int) -> None:
    """Raise TooMany where `more` jobs, added to the live ones, would exceed `limit`."""
    live = session.scalar(select(func.count()).select_from(JobRow).where(JobRow.state.in_(LIVE_STATES))) or 0
    if live + more > limit:
        raise TooMany(
            f"The queue holds {live:,} jobs and takes {limit:,} at most. Wait or cancel some, and ask again.",
            queued=live,
            limit=limit,
            retry_after=RETRY_AFTER_SECONDS,
        )


def _job_key(unit_id: int, recipe_key: str) -> str:
    """Return a key that is unique among live jobs."""
    return f"{JobKind.VISUALIZE.value}:{unit_id}:{recipe_key}"


def _cached_results(session: Session, units: list[int], recipe_key: str) -> dict[int, int]:
    """Return the ids of visualizations under the recipe by unit id."""
    results: dict[int, int] = {}
    for chunk in chunks(units, JOBS_PER_STATEMENT):
        rows = session.read(
            select(VisualizationRow.unit_id, VisualizationRow.id).where(
                VisualizationRow.unit_id.in_(chunk), VisualizationRow.recipe_key == recipe_key
            )
        )
        results |= dict(rows.all())
    return results


def _live_jobs(session: Session, units: list[int], recipe_key: str) -> list[VisualizeJob]:
    keys = [_job_key(unit, recipe_key) for unit in units]
    jobs = select_jobs().where(JobRow.key.in_(keys), JobRow.state.in_(LIVE_STATES)).order_by(JobRow.id)
    return jobs_of_kind(VisualizeJob, read_jobs(session, jobs))
