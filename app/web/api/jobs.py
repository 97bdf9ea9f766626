"""Jobs: looked at, cancelled, retried."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field

from app.contract.job import JobState
from app.contract.model import Model, Paginated
from app.store.jobs import listing, queue, requests
from app.web.api.shapes import JobId, JobOut, errors
from app.web.deps import Reading, Writing

router = APIRouter(prefix="/api/jobs", tags=["jobs"])


@router.get("", summary="Jobs: the running, then the queue, then the finished", responses=errors(404, 422))
def list_jobs(
    session: Reading,
    state: Annotated[JobState | None, Query(description="only jobs in this state")] = None,
    network: Annotated[str | None, Query(max_length=63, description="only jobs of this network")] = None,
    page: Annotated[int, Query(ge=1, le=100_000)] = 1,
    per_page: Annotated[int, Query(ge=1, le=200)] = 50,
) -> Paginated[JobOut]:
    found = listing.list_jobs(session, state=state, network=network, page=page, per_page=per_page)
    return Paginated(items=tuple(JobOut.of(job) for job in found.items), total=found.total, next=found.next)


@router.get("/{job_id}", summary="One job, its progress or its error", responses=errors(404, 422))
def get_job(session: Reading, job_id: JobId) -> JobOut:
    return JobOut.of(listing.get_job(session, job_id=job_id))


@router.delete(
    "/{job_id}",
    summary="Cancel a job: a waiting one at once, a running one within a step",
    responses=errors(404, 409, 422),
)
def cancel_job(session: Writing, job_id: JobId) -> JobOut:
    return JobOut.of(requests.cancel(session, job_id=job_id))


@router.post(
    "/{job_id}/retry",
    summary="Queue a failed or cancelled job again",
    responses=errors(404, 409, 422),
)
def retry_job(session: Writing, job_id: JobId) -> JobOut:
    return JobOut.of(requests.retry(session, job_id=job_id))


class Move(Model):
    to: queue.QueueEnd = Field(description="before all that wait, or after them")


@router.post(
    "/{job_id}/order",
    summary="Serve a waiting job first, or last",
    responses=errors(404, 409, 413, 415, 422),
)
def move_job(session: Writing, job_id: JobId, move: Move) -> JobOut:
    return JobOut.of(queue.move(session, job_id=job_id, to=move.to))
