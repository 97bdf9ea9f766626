"""Short links to views. A link's description and picture come from the page, never from the client."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field

from app.contract.link import Link, LinkRequest
from app.contract.model import Paginated
from app.store.results import links
from app.web import url_path, urls
from app.web.api.error_bodies import errors, write_errors
from app.web.deps import BaseAddress, ReadSession, WriteSession
from app.web.views.parts.link_preview import create_short_link

router = APIRouter(prefix="/api/links", tags=["links"])


class LinkOut(Link):
    href: str = Field(description="path of the short link")
    address: str = Field(description="the short link with its host, to be copied")

    @classmethod
    def at(cls, base: str, link: Link) -> "LinkOut":
        href = urls.link(link.slug)
        return cls(**{**vars(link), "url": url_path.rooted(link.url)}, href=href, address=urls.absolute(base, href))


@router.get("", summary="The saved views, newest first", responses=errors(422))
def list_saved(
    session: ReadSession, base: BaseAddress, page: Annotated[int, Query(ge=1, le=100_000)] = 1
) -> Paginated[LinkOut]:
    saved = links.list_saved_links(session, page=page)
    return Paginated(items=tuple(LinkOut.at(base, link) for link in saved.items), total=saved.total, next=saved.next)


@router.post("", summary="A short link to a view; with a note it is saved", responses=write_errors(404, 413, 415, 422))
def create_link(session: WriteSession, base: BaseAddress, request: LinkRequest) -> LinkOut:
    return LinkOut.at(base, create_short_link(session, request, base))
