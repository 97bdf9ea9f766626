"""The queue, one job, and the forms that cancel, retry and move."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse

from app.contract.job import JobState, VisualizeJob
from app.store.catalog import networks
from app.store.jobs import queue, requests, workers
from app.store.jobs.listing import COUNTED
from app.store.results import visualizations
from app.web import urls
from app.web.charts.line_chart import chart
from app.web.deps import Base, Reading, Writing
from app.web.formatting import work_title
from app.web.owner import Owner
from app.web.pages import JobPage, JobsPage
from app.web.parts import Choice, Crumb, StateFilter
from app.web.render import render
from app.web.views.form import Form, back
from app.web.views.frame import HOME, frame
from app.web.views.pager import pager
from app.web.views.recipe_form import fields
from app.web.views.stimulus import recipe_choices

router = APIRouter(prefix="/-/jobs")

PER_PAGE = 50
NOBODY = "nobody"  # owns no job
JobId = Annotated[int, Path(ge=1, lt=2**63)]
Place = Annotated[str | None, Query(max_length=100)]


@router.get("")
def queue_page(
    request: Request,
    session: Reading,
    owner: Owner,
    state: JobState | None = None,
    network: Annotated[str | None, Query(max_length=63)] = None,
    mine: bool = False,
    page: Annotated[int, Query(ge=1, le=100_000)] = 1,
    after: Place = None,
    before: Place = None,
) -> HTMLResponse:
    whose = (owner or NOBODY) if mine else None
    counts = requests.counts(session, owner=whose)
    found = requests.list_jobs(
        session,
        state=state,
        network=network,
        owner=whose,
        page=page,
        per_page=PER_PAGE,
        after=after,
        before=before,
        counted=counts,
    )
    places = {page: {"after": after, "before": before}, page + 1: {"after": found.after}}
    places |= {page - 1: {"before": found.before}} if page > 2 else {}

    def href(number: int) -> str:
        """The pages next to this one go on from it, at the same cost anywhere."""
        place = places.get(number, {})
        return urls.jobs(state=state, network=network, mine=mine, page=number if number > 1 else None, **place)

    choices: list[tuple[JobState | None, str]] = [
        (None, told(sum(counts.values()), capped=max(counts.values()) >= COUNTED)),
        *((each, told(count, capped=count >= COUNTED)) for each, count in counts.items()),
    ]
    reached = page * PER_PAGE + 1 if found.next else 0  # beyond where counting stops
    shown = JobsPage(
        frame=frame(
            request,
            title="Queue",
            address=href(page),
            description="Work that waits, runs and is done.",
            crumbs=(HOME, Crumb("Queue")),
            is_live=bool(counts[JobState.QUEUED] or counts[JobState.RUNNING]),
        ),
        address=href(page),
        state=state,
        filters=tuple(
            StateFilter(
                words=each.value if each else "all",
                count=count,
                href=urls.jobs(state=each, network=network, mine=mine),
                is_chosen=each is state,
            )
            for each, count in choices
        ),
        mine=mine,
        whose=(
            Choice("everyone's", urls.jobs(state=state, network=network), not mine),
            Choice("mine", urls.jobs(state=state, network=network, mine=True), mine),
        ),
        jobs=found,
        pager=pager(page, PER_PAGE, max(found.total, reached), href),
        workers_alive=workers.any_alive(session),
    )
    return render(shown)


def told(count: int, *, capped: bool) -> str:
    return f"{count:,}{'+' if capped else ''}"


@router.get("/{job_id}")
def job(request: Request, session: Reading, job_id: JobId) -> HTMLResponse:
    found = requests.get_job(session, job_id=job_id)
    result, recipe, others = None, None, 0
    if isinstance(found, VisualizeJob):
        recipe = found.recipe
        if found.visualization is not None:
            result = visualizations.get_visualization(session, visualization_id=found.visualization)
        if found.state.is_live:
            others = queue.waits_with(session, job_id=job_id)
    trace = result.measurements.trace if result else found.progress.trace if found.progress else ()
    card = networks.get_card(session, slug=found.network)
    if isinstance(found, VisualizeJob):
        address = urls.unit(found.network, found.layer, found.unit, **recipe_choices(found.recipe, card))
        speed = f", {found.recipe.speed},"
    else:
        address, speed = urls.work(found), ""
    page = JobPage(
        frame=frame(
            request,
            title=f"Job {found.id}: {work_title(found)}",
            address=urls.job(found.id),
            description=f"{work_title(found)} of {card.title}{speed} is {found.state}.",
            crumbs=(HOME, Crumb("Queue", urls.jobs()), Crumb(f"Job {found.id}")),
            is_live=found.state.is_live,
        ),
        job=found,
        others=others,
        address=address,
        chart=chart(trace),
        recipe=fields(recipe) if recipe else (),
        result=result,
        workers_alive=workers.any_alive(session),
    )
    return render(page)


@router.post("/{job_id}/cancel")
def cancel(session: Writing, base: Base, job_id: JobId, form: Form) -> RedirectResponse:
    if form.get("sweep"):
        queue.cancel_sweep(session, job_id=job_id)
    else:
        requests.cancel(session, job_id=job_id)
    return RedirectResponse(back(form, base, otherwise=urls.job(job_id)), status_code=303)


@router.post("/{job_id}/retry")
def retry(session: Writing, base: Base, job_id: JobId, form: Form) -> RedirectResponse:
    requests.retry(session, job_id=job_id)
    return RedirectResponse(back(form, base, otherwise=urls.job(job_id)), status_code=303)


@router.post("/{job_id}/order")
def move(session: Writing, base: Base, job_id: JobId, form: Form) -> RedirectResponse:
    queue.move(session, job_id=job_id, to="first" if form.get("to") == "first" else "last")
    return RedirectResponse(back(form, base, otherwise=urls.jobs()), status_code=303)
