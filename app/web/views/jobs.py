"""The queue, one job, and the forms that cancel and retry."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse

from app.contract.job import Job, JobState
from app.store import catalog, jobs, visualizations, workers
from app.web import urls
from app.web.chart import chart
from app.web.deps import Base, Reading, Writing
from app.web.pages import Crumb, JobPage, JobsPage, StateFilter
from app.web.render import render
from app.web.views.form import Form, back
from app.web.views.frame import HOME, frame
from app.web.views.pager import pager
from app.web.views.recipe_form import fields
from app.web.views.stimulus import recipe_choices
from app.web.views.unit import RELOAD

router = APIRouter(prefix="/-/jobs")

PER_PAGE = 50
JobId = Annotated[int, Path(ge=1, lt=2**63)]


@router.get("")
def queue(
    request: Request,
    session: Reading,
    state: JobState | None = None,
    network: Annotated[str | None, Query(max_length=63)] = None,
    page: Annotated[int, Query(ge=1, le=100_000)] = 1,
) -> HTMLResponse:
    found = jobs.list_jobs(session, state=state, network=network, page=page, per_page=PER_PAGE)
    counts = jobs.counts(session)

    def href(number: int) -> str:
        return urls.jobs(state=state, network=network, page=number if number > 1 else None)

    choices: list[tuple[JobState | None, int]] = [(None, sum(counts.values())), *counts.items()]
    shown = JobsPage(
        frame=frame(
            request,
            title="Queue",
            address=href(page),
            description="Work that waits, runs and is done.",
            crumbs=(HOME, Crumb("Queue")),
            reload_seconds=RELOAD if counts[JobState.QUEUED] or counts[JobState.RUNNING] else None,
        ),
        address=href(page),
        state=state,
        filters=tuple(
            StateFilter(
                words=each.value if each else "all",
                count=count,
                href=urls.jobs(state=each, network=network),
                is_chosen=each is state,
            )
            for each, count in choices
        ),
        jobs=found,
        pager=pager(page, PER_PAGE, found.total, href),
        workers_alive=any(worker.alive for worker in workers.list_workers(session)),
    )
    return render(shown)


@router.get("/{job_id}")
def job(request: Request, session: Reading, job_id: JobId) -> HTMLResponse:
    found = jobs.get_job(session, job_id=job_id)
    result = None
    if found.visualization is not None:
        result = visualizations.get_visualization(session, visualization_id=found.visualization)
    trace = result.measurements.trace if result else found.progress.trace if found.progress else ()
    card = catalog.get_network(session, slug=found.network).card
    page = JobPage(
        frame=frame(
            request,
            title=f"Job {found.id}: {name(found)}",
            address=urls.job(found.id),
            description=f"{name(found)} of {card.title}, {found.recipe.speed}, is {found.state}.",
            crumbs=(HOME, Crumb("Queue", urls.jobs()), Crumb(f"Job {found.id}")),
            reload_seconds=RELOAD if found.state.is_live else None,
        ),
        job=found,
        address=urls.unit(found.network, found.layer, found.unit, **recipe_choices(found.recipe, card)),
        chart=chart(trace),
        recipe=fields(found.recipe),
        result=result,
        workers_alive=any(worker.alive for worker in workers.list_workers(session)),
    )
    return render(page)


@router.post("/{job_id}/cancel")
def cancel(session: Writing, base: Base, job_id: JobId, form: Form) -> RedirectResponse:
    jobs.cancel(session, job_id=job_id)
    return RedirectResponse(back(form, base, otherwise=urls.job(job_id)), status_code=303)


@router.post("/{job_id}/retry")
def retry(session: Writing, base: Base, job_id: JobId, form: Form) -> RedirectResponse:
    jobs.retry(session, job_id=job_id)
    return RedirectResponse(back(form, base, otherwise=urls.job(job_id)), status_code=303)


def name(job: Job) -> str:
    return job.label or f"{job.layer}/{job.unit}"
