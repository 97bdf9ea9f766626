"""The layout of every page: title, breadcrumbs, theme, and the preview of links to it."""

from dataclasses import dataclass
from typing import ClassVar

from fastapi import Request

from app.contract.network import NetworkCard, Sha256
from app.contract.result import Visualization
from app.web import urls
from app.web.deps import base_address
from app.web.requests.theme import Theme, chosen_theme
from app.web.views.parts.navigation import Crumb
from app.web.views.parts.share import Share

RELOAD_SECONDS = 4  # between reloads of a page with live work, for browsers without JavaScript


@dataclass(frozen=True)
class PageLayout:
    """What base.html shows around the content of a page."""

    title: str
    crumbs: tuple[Crumb, ...] = ()
    share: Share | None = None
    reload_seconds: int | None = None
    theme: Theme = "auto"


@dataclass(frozen=True, kw_only=True)
class Page:
    """The base of the dataclasses that templates render. Each page adds the fields of its own template."""

    template: ClassVar[str]
    layout: PageLayout


def page_layout(
    request: Request,
    *,
    title: str,
    address: str,
    description: str,
    crumbs: tuple[Crumb, ...] = (),
    image: Sha256 | None = None,
    result: Visualization | None = None,
    is_live: bool = False,
) -> PageLayout:
    """Return the layout of a page at `address`.

    A link to the page shows the social card of `result`, the visualization that the page shows; without one it shows
    `image`. `is_live` says whether the page shows work in progress: browsers without JavaScript then reload it.
    """
    base = base_address(request)
    picture = urls.link_preview(result.id) if result else urls.media(image) if image else None
    share = Share(
        address=urls.absolute(base, address),
        title=title,
        description=description,
        image=urls.absolute(base, picture) if picture else None,
        is_social_card=result is not None,
        embed_address=urls.absolute(base, urls.embedded(address)) if result else None,
    )
    seconds = RELOAD_SECONDS if is_live else None
    return PageLayout(title=title, crumbs=crumbs, share=share, reload_seconds=seconds, theme=chosen_theme(request))


def home_crumb() -> Crumb:
    return Crumb("Networks", urls.networks())


def network_crumbs(card: NetworkCard, *more: Crumb) -> tuple[Crumb, ...]:
    """Return the breadcrumbs of a network's page, or with `more` those of a page below it."""
    if not more:
        return (home_crumb(), Crumb(card.title))
    return (home_crumb(), Crumb(card.title, urls.network(card.slug)), *more)
