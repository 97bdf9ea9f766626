"""Jobs: lists, reads, cancels, retries and moves them."""

from datetime import datetime
from typing import Annotated, Any, Self

from fastapi import APIRouter, Query
from pydantic import Field

from app.contract.job import (
    AddNetworkJob,
    ExplainJob,
    Job,
    JobError,
    JobKind,
    JobState,
    Progress,
    SurveyJob,
    VisualizeJob,
)
from app.contract.model import Model, Paginated
from app.contract.network import Sha256
from app.contract.recipe import ResolvedRecipe
from app.store.jobs import listing, queue, requests
from app.store.jobs.ordering import MAX_COUNTED_JOBS
from app.web import api_urls, urls
from app.web.api.error_bodies import errors, write_errors
from app.web.api.parameters import JobId
from app.web.deps import ReadSession, SettingsDep, WriteSession
from app.web.requests.visitor import VisitorDep, requester

router = APIRouter(prefix="/api/jobs", tags=["jobs"])


class JobOut(Model):
    """A job, with the addresses of the job itself, its preview and its result."""

    # All kinds of jobs have all fields; fields of other kinds are null or empty.
    id: int
    kind: JobKind
    state: JobState
    network: str
    layer: str | None = None
    unit: int | None = None
    label: str = ""
    recipe: ResolvedRecipe | None = None
    asked_recipe: Sha256 | None = Field(
        default=None,
        description="key of the recipe that was asked for, where a newer survey changed it while it waited",
    )
    dataset: str | None = None
    parameters: dict[str, Any] = Field(default_factory=dict)
    priority: int
    attempts: int
    deaths: int = 0
    batch_limit: int | None = None
    cancel_requested: bool
    progress: Progress | None
    error: JobError | None
    worker: str | None
    visualization: int | None
    answer: dict[str, Any] | None = Field(default=None, description="what came out, of kinds without pictures")
    preview_step: int | None
    poster: Sha256 | None = None  # of the result
    revision: int
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    href: str
    page: str = Field(description="where its result is shown: a page of the unit, or of the network")
    preview: str | None = Field(description="newest picture of the growing stimulus")
    result: str | None = Field(description="the finished visualization")

    @classmethod
    def of(cls, job: Job) -> Self:
        fields: dict[str, Any] = {"visualization": None, "preview_step": None, **vars(job)}
        del fields["owner"], fields["address"]
        if isinstance(job, ExplainJob):
            fields["parameters"] = {"name": fields.pop("clip_name"), "expected": fields.pop("expected")}
        if isinstance(job, AddNetworkJob):
            given = {fields.pop("place"): fields.pop("source")}
            given |= {name: fields.pop(name) for name in ("title", "flow_scale")}
            fields.pop("labels")  # they may be thousands
            fields["parameters"] = {name: value for name, value in given.items() if value is not None}
        if isinstance(job, SurveyJob):
            parts = fields.pop("parts")
            fields["parameters"] = {} if parts is None else {"parts": list(parts)}
        preview = result = None
        if isinstance(job, VisualizeJob):
            preview = None if job.preview_step is None else urls.job_preview(job.id, job.preview_step)
            result = None if job.visualization is None else api_urls.visualization(job.visualization)
        return cls(**fields, href=api_urls.job(job.id), page=urls.job_result(job), preview=preview, result=result)


@router.get(
    "",
    summary="Jobs: the running, then the queue, then the finished",
    description=f"`total` stops at {MAX_COUNTED_JOBS:,}; `next` is there as long as more jobs follow.",
    responses=errors(404, 422),
)
def list_jobs(
    session: ReadSession,
    state: Annotated[JobState | None, Query(description="only jobs in this state")] = None,
    network: Annotated[str | None, Query(max_length=63, description="only jobs of this network")] = None,
    page: Annotated[int, Query(ge=1, le=100_000)] = 1,
    per_page: Annotated[int, Query(ge=1, le=200)] = 50,
) -> Paginated[JobOut]:
    jobs = listing.list_jobs(session, state=state, network=network, page=page, per_page=per_page)
    return Paginated(items=tuple(JobOut.of(job) for job in jobs.items), total=jobs.total, next=jobs.next)


@router.get("/{job_id}", summary="One job, its progress or its error", responses=errors(404, 422))
def get_job(session: ReadSession, job_id: JobId) -> JobOut:
    return JobOut.of(listing.get_job(session, job_id=job_id))


@router.delete(
    "/{job_id}",
    summary="Cancel a job: a waiting one at once, a running one within a step",
    responses=write_errors(404, 409, 422),
)
def cancel_job(session: WriteSession, visitor: VisitorDep, job_id: JobId) -> JobOut:
    visitor.check_may_change(listing.get_job(session, job_id=job_id))
    return JobOut.of(requests.cancel(session, job_id=job_id))


@router.post(
    "/{job_id}/retry",
    summary="Queue a failed or cancelled job again",
    responses=write_errors(404, 409, 422),
)
def retry_job(session: WriteSession, settings: SettingsDep, visitor: VisitorDep, job_id: JobId) -> JobOut:
    """Make it the job of whoever asks for that."""
    return JobOut.of(requests.retry(session, job_id=job_id, requester=requester(visitor, settings)))


class Move(Model):
    to: queue.QueueEnd = Field(description="before all that wait, or after them")


@router.post(
    "/{job_id}/order",
    summary="Serve a waiting job first, or last",
    responses=write_errors(404, 409, 413, 415, 422),
)
def move_job(session: WriteSession, visitor: VisitorDep, job_id: JobId, move: Move) -> JobOut:
    visitor.check_may_change(listing.get_job(session, job_id=job_id))
    return JobOut.of(queue.move(session, job_id=job_id, to=move.to))
