"""What surrounds every page: its title, the way to it, its theme, and what a link to it says."""

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

HOME = Crumb("Networks", urls.networks())
RELOAD_SECONDS = 4  # between reloads of a page with live work, for browsers without JavaScript


@dataclass(frozen=True)
class PageLayout:
    """What base.html shows around a page."""

    title: str
    crumbs: tuple[Crumb, ...] = ()
    share: Share | None = None
    reload_seconds: int | None = None
    theme: Theme = "auto"


@dataclass(frozen=True, kw_only=True)
class Page:
    """All that a template is given. Each page adds the fields that its own template shows."""

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
    `image`. `is_live` says that work is going on which the page shows: browsers without JavaScript then reload it.
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


def network_crumbs(card: NetworkCard, *more: Crumb) -> tuple[Crumb, ...]:
    """Return the way from the list of networks to the page of this network, or on to a page below it."""
    if not more:
        return (HOME, Crumb(card.title))
    return (HOME, Crumb(card.title, urls.network(card.slug)), *more)
