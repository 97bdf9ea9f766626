"""The page of a unit or class with `?embed=1`: its stimulus alone, for other sites to put into a frame."""

from dataclasses import dataclass
from typing import ClassVar

from fastapi import Request
from fastapi.responses import HTMLResponse

from app.web import urls
from app.web.deps import base_address
from app.web.middleware.security import embed_headers
from app.web.render import render
from app.web.views.parts.layout import Page, page_layout
from app.web.views.parts.stimulus import UnitStimulus


@dataclass(frozen=True, kw_only=True)
class EmbedPage(Page):
    template: ClassVar[str] = "embed.html"
    stimulus: UnitStimulus
    page_address: str  # of the whole page, absolute


def is_embedded(request: Request) -> bool:
    return urls.EMBEDDED in request.url.query.split("&")


def embed_page(request: Request, stimulus: UnitStimulus) -> HTMLResponse:
    """Return the stimulus alone, with headers that let the sites named in the settings frame it."""
    page = EmbedPage(
        layout=page_layout(request, title=stimulus.name, address=stimulus.address, description=stimulus.description),
        stimulus=stimulus,
        page_address=urls.absolute(base_address(request), urls.whole(stimulus.address)),
    )
    return render(page, headers=embed_headers(request.app.state.settings))
