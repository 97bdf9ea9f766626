"""The stream of server-sent events: `job` events with the newest state of each job that changes."""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from fastapi.sse import EventSourceResponse, ServerSentEvent
from starlette.concurrency import run_in_threadpool

from app.contract.job import Job, JobState
from app.store.catalog import networks
from app.store.database.engine import Store
from app.store.jobs import listing
from app.web.api.error_bodies import errors_as_json
from app.web.api.jobs import JobOut
from app.web.deps import EventsDep, StoreDep
from app.web.events import Subscription

router = APIRouter(prefix="/api", tags=["events"])

MAX_FIRST_JOBS = 200  # live jobs of each state that a new client is sent


def first_jobs(store: Store, job: int | None, network: str | None) -> list[Job]:
    """Return the jobs that a new client is sent first: the one it asks for, or the live jobs."""
    with store.session() as session:
        if network is not None:
            networks.get_network(session, slug=network)
        if job is not None:
            return [listing.get_job(session, job_id=job)]
        live = [state for state in JobState if state.is_live]
        pages = [listing.list_jobs(session, state=state, network=network, per_page=MAX_FIRST_JOBS) for state in live]
        return [job for page in pages for job in page.items]


async def subscribe(
    events: EventsDep,
    store: StoreDep,
    job: Annotated[int | None, Query(ge=1, lt=2**63, description="only this job")] = None,
    network: Annotated[str | None, Query(max_length=63, description="only jobs of this network")] = None,
) -> AsyncIterator[Subscription]:
    # Subscribe before reading: a change between the two is sent twice rather than never.
    with events.subscribe(job=job, network=network) as subscription:
        for first_job in await run_in_threadpool(first_jobs, store, job, network):
            subscription.offer(first_job)
        yield subscription


@router.get(
    "/events",
    summary="Server-sent events: job progress and results",
    response_class=EventSourceResponse,
    responses=errors_as_json(404, 422),
)
async def stream(
    subscription: Annotated[Subscription, Depends(subscribe)],
) -> AsyncIterator[ServerSentEvent]:
    async for job in subscription.jobs():
        yield ServerSentEvent(event="job", id=f"{job.id}-{job.revision}", data=JobOut.of(job))
