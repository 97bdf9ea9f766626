"""What is around every page: its title, the way here, and what a link to it says."""

from fastapi import Request

from app.contract.network import NetworkCard, Sha256
from app.contract.result import Visualization
from app.web import urls
from app.web.deps import get_base
from app.web.parts import Crumb, Frame, Share
from app.web.theme import chosen_theme

HOME = Crumb("Networks", urls.networks())
RELOAD = 4  # seconds between reloads of a page with live work, for browsers without JavaScript


def frame(
    request: Request,
    *,
    title: str,
    address: str,
    description: str,
    crumbs: tuple[Crumb, ...] = (),
    image: Sha256 | None = None,
    result: Visualization | None = None,
    is_live: bool = False,
) -> Frame:
    """`result`: the one that the page shows, whose composed picture stands for the page; else `image` does. `is_live`:
    what it shows is being worked on.
    """
    base = get_base(request)
    picture = urls.link_preview(result.id) if result else urls.media(image) if image else None
    share = Share(
        address=urls.absolute(base, address),
        title=title,
        description=description,
        image=urls.absolute(base, picture) if picture else None,
        is_wide=result is not None,
        embed=urls.absolute(base, urls.embedded(address)) if result else None,
    )
    seconds = RELOAD if is_live else None
    return Frame(title=title, crumbs=crumbs, share=share, reload_seconds=seconds, theme=chosen_theme(request))


def network_crumbs(card: NetworkCard, *more: Crumb) -> tuple[Crumb, ...]:
    """From the list of networks to a page of this one."""
    if not more:
        return (HOME, Crumb(card.title))
    return (HOME, Crumb(card.title, urls.network(card.slug)), *more)
