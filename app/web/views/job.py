"""One job: its state, its progress or its result, and the forms that cancel, retry or move it."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from fastapi import APIRouter, Path, Request
from fastapi.responses import HTMLResponse, RedirectResponse

from app.contract.job import MAX_DEATHS, AddNetworkJob, Job, JobState, VisualizeJob
from app.contract.result import Visualization
from app.store.catalog import networks
from app.store.jobs import listing, queue, requests, workers
from app.store.results import visualizations
from app.web import urls
from app.web.charts.line_chart import LineChart, line_chart
from app.web.deps import BaseAddress, ReadSession, SettingsDep, WriteSession
from app.web.formatting import job_title
from app.web.render import render
from app.web.requests.form import Form, back_address
from app.web.requests.visitor import VisitorDep, new_owner, remember_owner, requester
from app.web.views.parts.layout import Page, home_crumb, page_layout
from app.web.views.parts.navigation import Crumb
from app.web.views.parts.recipe_form import RecipeField, recipe_fields
from app.web.views.parts.recipes import recipe_query_params
from app.web.views.parts.stream_sentence import stream_sentences

router = APIRouter(prefix="/-/jobs")

JobId = Annotated[int, Path(ge=1, lt=2**63)]


@dataclass(frozen=True, kw_only=True)
class JobPage(Page):
    template: ClassVar[str] = "job.html"
    job: Job
    has_network: bool  # whether the network that it is about is there
    queued_siblings: int  # queued jobs for the same layer and recipe, while this one is live
    result_href: str  # the page that shows its result
    objective_chart: LineChart | None
    recipe_fields: tuple[RecipeField, ...]
    visualization: Visualization | None
    shows_pair: bool  # whether its pictures are appearance and motion side by side
    stream_sentences: tuple[str, ...]  # what each stream does for J
    workers_alive: bool
    workers_pause: str | None  # kind of the error that all workers wait to pass
    deaths_text: str  # what the deaths of its workers mean, empty where none died


@router.get("/{job_id}")
def job_page(request: Request, session: ReadSession, visitor: VisitorDep, job_id: JobId) -> HTMLResponse:
    job = listing.get_job(session, job_id=job_id)
    visualization, queued_siblings, shows_pair = None, 0, False
    sentences: tuple[str, ...] = ()
    if isinstance(job, VisualizeJob):
        if job.visualization is not None:
            visualization = visualizations.get_visualization(session, visualization_id=job.visualization)
        if job.state.is_live:
            queued_siblings = queue.count_queued_siblings(session, job_id=job_id, owners=visitor.changeable_owners)
    known_workers = workers.list_workers(session)
    trace = visualization.measurements.trace if visualization else job.progress.trace if job.progress else ()
    result_href, description = urls.job_result(job), f"{job_title(job)} is {job.state}."
    has_network = not isinstance(job, AddNetworkJob) or job.state is JobState.DONE
    if not isinstance(job, AddNetworkJob):
        card, speed = networks.get_card(session, slug=job.network), ""
        if isinstance(job, VisualizeJob):
            result_href = urls.unit(job.network, job.layer, job.unit, **recipe_query_params(job.recipe, card))
            speed, layer = f", {job.recipe.speed},", card.layer(job.layer)
            shows_pair = layer.stream == "fusion"
            sentences = stream_sentences(visualization, layer) if visualization else ()
        description = f"{job_title(job)} of {card.title}{speed} is {job.state}."
    page = JobPage(
        layout=page_layout(
            request,
            title=f"Job {job.id}: {job_title(job)}",
            address=urls.job(job.id),
            description=description,
            crumbs=(home_crumb(), Crumb("Queue", urls.jobs()), Crumb(f"Job {job.id}")),
            is_live=job.state.is_live,
        ),
        job=job,
        has_network=has_network,
        queued_siblings=queued_siblings,
        result_href=result_href,
        objective_chart=line_chart(trace),
        recipe_fields=recipe_fields(job.recipe) if isinstance(job, VisualizeJob) else (),
        visualization=visualization,
        shows_pair=shows_pair,
        stream_sentences=sentences,
        workers_alive=any(worker.alive for worker in known_workers),
        workers_pause=workers.common_pause(known_workers),
        deaths_text=_deaths_text(job),
    )
    return render(page)


def _deaths_text(job: Job) -> str:
    """Return in words what the deaths of its workers mean for a job, empty where none died."""
    if job.deaths:
        times = "once" if job.deaths == 1 else f"{job.deaths} times"
        return (
            f"The worker died {times} while it computed this job alone. "
            f"The job fails when that has happened {MAX_DEATHS} times."
        )
    if job.batch_limit:
        return (
            "A worker died while it computed this job among others. "
            f"It is tried again in batches of {job.batch_limit} at most."
        )
    return ""


@router.post("/{job_id}/cancel")
def cancel_job(
    session: WriteSession, base: BaseAddress, visitor: VisitorDep, job_id: JobId, form: Form
) -> RedirectResponse:
    """Cancel a job; with the field `sweep` also the visitor's queued jobs for the same layer and recipe."""
    visitor.check_may_change(listing.get_job(session, job_id=job_id))
    if form.get("sweep"):
        queue.cancel_sweep(session, job_id=job_id, owners=visitor.changeable_owners)
    else:
        requests.cancel(session, job_id=job_id)
    return RedirectResponse(back_address(form, base, default=urls.job(job_id)), status_code=303)


@router.post("/{job_id}/retry")
def retry_job(
    session: WriteSession,
    settings: SettingsDep,
    base: BaseAddress,
    visitor: VisitorDep,
    job_id: JobId,
    form: Form,
) -> RedirectResponse:
    owner = visitor.cookie_owner or new_owner()
    requests.retry(session, job_id=job_id, requester=requester(visitor, settings, owner))
    response = RedirectResponse(back_address(form, base, default=urls.job(job_id)), status_code=303)
    remember_owner(response, owner)
    return response


@router.post("/{job_id}/order")
def move_job(
    session: WriteSession, base: BaseAddress, visitor: VisitorDep, job_id: JobId, form: Form
) -> RedirectResponse:
    visitor.check_may_change(listing.get_job(session, job_id=job_id))
    queue.move(session, job_id=job_id, to="first" if form.get("to") == "first" else "last")
    return RedirectResponse(back_address(form, base, default=urls.jobs()), status_code=303)
