"""The queue: all jobs, by state and by who asked for them."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from app.contract.job import Job, JobState
from app.contract.model import Paginated as Listing
from app.store.jobs import listing, workers
from app.store.jobs.ordering import MAX_COUNTED_JOBS
from app.web import urls
from app.web.deps import ReadSession
from app.web.render import render
from app.web.requests.visitor import VisitorDep
from app.web.views.parts.layout import Page, home_crumb, page_layout
from app.web.views.parts.navigation import Choice, Crumb
from app.web.views.parts.pagination import Pagination, numbered_pagination

router = APIRouter(prefix="/-/jobs")

JOBS_PER_PAGE = 50
NOBODY = "nobody"  # stands for a browser that never asked for work: an owner without jobs
Cursor = Annotated[str | None, Query(max_length=100)]


@dataclass(frozen=True)
class JobStateChoice:
    """A state that the list can be filtered by, with the number of its jobs."""

    text: str
    count: str
    href: str
    is_chosen: bool


@dataclass(frozen=True, kw_only=True)
class JobsPage(Page):
    template: ClassVar[str] = "jobs.html"
    address: str
    state: JobState | None
    state_choices: tuple[JobStateChoice, ...]
    is_mine: bool  # whether only the jobs of this browser are listed
    owner_choices: tuple[Choice, ...]
    jobs: Listing[Job]
    pagination: Pagination
    workers_alive: bool
    workers_pause: str | None  # kind of the error that all workers wait to pass


@router.get("")
def jobs_page(
    request: Request,
    session: ReadSession,
    visitor: VisitorDep,
    state: JobState | None = None,
    network: Annotated[str | None, Query(max_length=63)] = None,
    mine: bool = False,
    page: Annotated[int, Query(ge=1, le=100_000)] = 1,
    after: Cursor = None,
    before: Cursor = None,
) -> HTMLResponse:
    only_owner = (visitor.cookie_owner or NOBODY) if mine else None
    counts = listing.count_by_state(session, owner=only_owner)
    jobs = listing.list_jobs(
        session,
        state=state,
        network=network,
        owner=only_owner,
        page=page,
        per_page=JOBS_PER_PAGE,
        after=after,
        before=before,
        counts=counts,
    )
    cursors = {page: {"after": after, "before": before}, page + 1: {"after": jobs.after}}
    cursors |= {page - 1: {"before": jobs.before}} if page > 2 else {}

    def href(number: int) -> str:
        """Return the address of a page; the pages next to this one start at a cursor, at the same cost anywhere."""
        query = cursors.get(number, {})
        return urls.jobs(state=state, network=network, mine=mine, page=number if number > 1 else None, **query)

    known_workers = workers.list_workers(session)
    choices: list[tuple[JobState | None, str]] = [
        (None, count_text(sum(counts.values()), is_capped=max(counts.values()) >= MAX_COUNTED_JOBS)),
        *((each, count_text(count, is_capped=count >= MAX_COUNTED_JOBS)) for each, count in counts.items()),
    ]
    # Counting stops at MAX_COUNTED_JOBS; a page beyond that has a next page as long as the listing says so.
    known_total = max(jobs.total, page * JOBS_PER_PAGE + 1 if jobs.next else 0)
    return render(
        JobsPage(
            layout=page_layout(
                request,
                title="Queue",
                address=href(page),
                description="Work that waits, runs and is done.",
                crumbs=(home_crumb(), Crumb("Queue")),
                is_live=bool(counts[JobState.QUEUED] or counts[JobState.RUNNING]),
            ),
            address=href(page),
            state=state,
            state_choices=tuple(
                JobStateChoice(
                    text=each.value if each else "all",
                    count=count,
                    href=urls.jobs(state=each, network=network, mine=mine),
                    is_chosen=each is state,
                )
                for each, count in choices
            ),
            is_mine=mine,
            owner_choices=(
                Choice("everyone's", urls.jobs(state=state, network=network), not mine),
                Choice("mine", urls.jobs(state=state, network=network, mine=True), mine),
            ),
            jobs=jobs,
            pagination=numbered_pagination(page, JOBS_PER_PAGE, known_total, href),
            workers_alive=any(worker.alive for worker in known_workers),
            workers_pause=workers.common_pause(known_workers),
        )
    )


def count_text(count: int, *, is_capped: bool) -> str:
    """Write a count: `1,234`, or `10,000+` where counting stopped."""
    return f"{count:,}{'+' if is_capped else ''}"
