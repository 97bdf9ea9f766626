"""Short links, which tell other sites what a view is and take people there; and the views that people saved."""

from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse
from pydantic import ValidationError

from app.contract.errors import KinetoscopeError
from app.contract.link import LinkRequest
from app.contract.result import Visualization
from app.store import Session
from app.store.results import links
from app.web import urls
from app.web.deps import Base, Reading, Writing
from app.web.pages import LinkPage, SavedPage
from app.web.parts import Crumb
from app.web.render import render
from app.web.same_site import local
from app.web.validation import explain
from app.web.views.form import Form
from app.web.views.frame import HOME, frame
from app.web.views.link_preview import make_link, unfold
from app.web.views.pager import pager

router = APIRouter(prefix="/-")

KEPT = "%/?&=:@!$'()*+,;~"  # what an address may hold as it is; a header takes no other letters than ASCII
PER_PAGE = 30


@router.get("/s/{slug}")
def link(request: Request, session: Reading, base: Base, slug: str) -> HTMLResponse:
    found = links.get_link(session, slug=slug)
    around = frame(
        request,
        title=found.title,
        address=urls.link(slug),
        description=found.note or found.description,
        image=found.preview,
        result=shown(session, found.url, base),
    )
    # Not a redirect by status: sites that unfold links would read the view's own title instead of this one.
    address = quote(found.url, safe=KEPT)
    return render(LinkPage(frame=around, link=found), headers={"Refresh": f"0; url={address}"})


def shown(session: Session, url: str, base: str) -> Visualization | None:
    """The result that the view shows today; what a link once led to may be gone."""
    try:
        return unfold(session, local(url, base)).visualization
    except KinetoscopeError:
        return None


@router.get("/saved")
def saved(request: Request, session: Reading, page: Annotated[int, Query(ge=1, le=100_000)] = 1) -> HTMLResponse:
    found = links.saved(session, page=page, per_page=PER_PAGE)

    def href(number: int) -> str:
        return urls.saved(page=number if number > 1 else None)

    return render(
        SavedPage(
            frame=frame(
                request,
                title="Saved views",
                address=href(page),
                description="Views that somebody found worth keeping.",
                crumbs=(HOME, Crumb("Saved views")),
            ),
            address=href(page),
            links=found,
            pager=pager(page, PER_PAGE, found.total, href),
        )
    )


@router.post("/saved")
def save(session: Writing, base: Base, form: Form) -> RedirectResponse:
    try:
        request = LinkRequest(url=form.get("url", ""), title=form.get("title", ""), note=form.get("note", ""))
    except ValidationError as error:
        raise explain([{**each, "loc": ("body", *each["loc"])} for each in error.errors()]) from error
    make_link(session, request, base)
    return RedirectResponse(urls.saved(), status_code=303)


@router.post("/saved/{slug}/forget")
def forget(session: Writing, slug: str) -> RedirectResponse:
    links.forget(session, slug=slug)
    return RedirectResponse(urls.saved(), status_code=303)
