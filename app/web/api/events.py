"""The stream of server-sent events: `job` events with the newest state of each job that changes."""

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from functools import lru_cache
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query
from fastapi.sse import EventSourceResponse, ServerSentEvent
from starlette.concurrency import run_in_threadpool

from app.contract.job import Job, JobState
from app.store.catalog import networks
from app.store.database.clock import now
from app.store.database.engine import Store
from app.store.jobs import listing
from app.web.api.error_bodies import errors_as_json
from app.web.api.jobs import JobOut
from app.web.deps import EventsDep, StoreDep
from app.web.events import OVERLAP, Change, Subscription

router = APIRouter(prefix="/api", tags=["events"])

MAX_FIRST_JOBS = 200  # live jobs of each state that a new client is sent
MAX_ENCODED_CHANGES = 2000  # kept, because every client is sent the same

ENDS_WITH_MILLISECONDS = re.compile(r"\d+-\d+-(\d{1,14})", re.ASCII)
DESCRIPTION = f"""Each event `job` has the newest state of one job.

A new client is sent the live jobs first, at most {MAX_FIRST_JOBS} that run and {MAX_FIRST_JOBS} that wait (`/api/jobs`
lists all), then each change. A client that comes back with `Last-Event-ID`, as browsers do, is sent what has changed
since that event instead, however much it is. States in between may be left out; the last one never is. An event may
come twice."""


class Stream:
    """What one client is sent: the first jobs, then changes. It will have missed nothing dated before `since`."""

    def __init__(self, first_jobs: list[Job], since: datetime, subscription: Subscription) -> None:
        self.first_jobs = first_jobs
        self.since = since
        self.subscription = subscription


def read_first_jobs(store: Store, job: int | None, network: str | None) -> tuple[list[Job], datetime]:
    """Return the jobs that a new client is sent first, the one it asks for or the live jobs, and the time before."""
    with store.session() as session:
        moment = now(session)
        if network is not None:
            networks.get_network(session, slug=network)
        if job is not None:
            return [listing.get_job(session, job_id=job)], moment
        live = [state for state in JobState if state.is_live]
        pages = [listing.list_jobs(session, state=state, network=network, per_page=MAX_FIRST_JOBS) for state in live]
        return [job for page in pages for job in page.items], moment


async def subscribe(
    events: EventsDep,
    store: StoreDep,
    job: Annotated[int | None, Query(ge=1, lt=2**63, description="only this job")] = None,
    network: Annotated[str | None, Query(max_length=63, description="only jobs of this network")] = None,
    last_event_id: Annotated[str, Header(max_length=100, description="id of the last event received")] = "",
) -> AsyncIterator[Stream]:
    missed_since = parse_event_id(last_event_id)
    # Subscribe before reading: a change between the two is sent twice rather than never.
    with events.subscribe(job=job, network=network, missed_since=missed_since) as subscription:
        first_jobs, moment = await run_in_threadpool(read_first_jobs, store, job, network)
        events.look_back_to(moment)
        if missed_since is not None:
            yield Stream([], missed_since, subscription)
        else:
            yield Stream([job for job in first_jobs if subscription.is_new(job)], moment - OVERLAP, subscription)


@router.get(
    "/events",
    summary="Server-sent events: job progress and results",
    description=DESCRIPTION,
    response_class=EventSourceResponse,
    responses=errors_as_json(404, 422),
)
async def stream(client: Annotated[Stream, Depends(subscribe)]) -> AsyncIterator[ServerSentEvent]:
    for job in client.first_jobs:
        yield ServerSentEvent(event="job", data=JobOut.of(job))
    yield ServerSentEvent(id=f"0-0-{milliseconds(client.since)}")  # without data: only to come back to
    async for change in client.subscription.changes():
        yield encode(change)


@lru_cache(maxsize=MAX_ENCODED_CHANGES)
def encode(change: Change) -> ServerSentEvent:
    job = change.job
    event_id = f"{job.id}-{job.revision}-{milliseconds(change.since)}"
    return ServerSentEvent(event="job", id=event_id, raw_data=JobOut.of(job).model_dump_json())


def milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def parse_event_id(event_id: str) -> datetime | None:
    """Return the time before which a client has missed nothing, None where the id does not say."""
    match = ENDS_WITH_MILLISECONDS.fullmatch(event_id)
    return match and datetime.fromtimestamp(int(match[1]) / 1000, UTC)
