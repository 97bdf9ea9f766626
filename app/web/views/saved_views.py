"""Short links, with a preview for other sites and a redirect for people; and the list of saved views."""

from dataclasses import dataclass
from typing import Annotated, ClassVar
from urllib.parse import quote, urlsplit

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse
from pydantic import ValidationError

from app.contract.errors import KinetoscopeError
from app.contract.link import Link, LinkRequest
from app.contract.model import Paginated as Listing
from app.contract.result import Visualization
from app.store import Session
from app.store.results import links
from app.web import url_path, urls
from app.web.deps import BaseAddress, ReadSession, WriteSession
from app.web.render import render
from app.web.requests.form import Form
from app.web.requests.validation import invalid_request
from app.web.views.parts.layout import Page, home_crumb, page_layout
from app.web.views.parts.link_preview import create_short_link, link_preview
from app.web.views.parts.navigation import Crumb
from app.web.views.parts.pagination import Pagination, numbered_pagination

router = APIRouter(prefix="/-")

HEADER_SAFE = "%/?&=:@!$'()*+,;~"  # characters of an address that need no quoting; a header is ASCII only
VIEWS_PER_PAGE = 30


@dataclass(frozen=True, kw_only=True)
class LinkPage(Page):
    template: ClassVar[str] = "link.html"
    link: Link


@dataclass(frozen=True, kw_only=True)
class SavedViewsPage(Page):
    template: ClassVar[str] = "saved.html"
    links: Listing[Link]
    pagination: Pagination


@router.get("/s/{slug}")
def link_page(request: Request, session: ReadSession, slug: str) -> HTMLResponse:
    link = links.get_link(session, slug=slug)
    layout = page_layout(
        request,
        title=link.title,
        address=urls.link(slug),
        description=link.note or link.description,
        image=link.preview,
        result=shown_result(session, link.url),
    )
    # A refresh and not a redirect by status: a site that previews links would follow a redirect, and show the title of
    # the page it leads to instead of the title that the link was given.
    address = quote(url_path.rooted(link.url), safe=HEADER_SAFE)
    return render(LinkPage(layout=layout, link=link), headers={"Refresh": f"0; url={address}"})


def shown_result(session: Session, url: str) -> Visualization | None:
    """Return the result that the linked page shows today, or None where the page is gone."""
    try:
        return link_preview(session, urlsplit(url)).visualization
    except KinetoscopeError:
        return None


@router.get("/saved")
def saved_views_page(
    request: Request, session: ReadSession, page: Annotated[int, Query(ge=1, le=100_000)] = 1
) -> HTMLResponse:
    saved = links.list_saved_links(session, page=page, per_page=VIEWS_PER_PAGE)

    def href(number: int) -> str:
        return urls.saved(page=number if number > 1 else None)

    return render(
        SavedViewsPage(
            layout=page_layout(
                request,
                title="Saved views",
                address=href(page),
                description="Views that somebody found worth keeping.",
                crumbs=(home_crumb(), Crumb("Saved views")),
            ),
            links=saved,
            pagination=numbered_pagination(page, VIEWS_PER_PAGE, saved.total, href),
        )
    )


@router.post("/saved")
def save_view(session: WriteSession, base: BaseAddress, form: Form) -> RedirectResponse:
    try:
        request = LinkRequest(url=form.get("url", ""), title=form.get("title", ""), note=form.get("note", ""))
    except ValidationError as error:
        raise invalid_request(error.errors(), within=("body",)) from error
    create_short_link(session, request, base)
    return RedirectResponse(urls.saved(), status_code=303)


@router.post("/saved/{slug}/forget")
def forget_view(session: WriteSession, slug: str) -> RedirectResponse:
    links.unsave_link(session, slug=slug)
    return RedirectResponse(urls.saved(), status_code=303)
