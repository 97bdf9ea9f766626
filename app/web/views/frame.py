"""What is around every page: its title, the way here, and what a link to it says."""

from fastapi import Request

from app.contract.catalog import NetworkCard, Sha256
from app.web import urls
from app.web.deps import get_base
from app.web.pages import Crumb, Frame, Share

HOME = Crumb("Networks", urls.networks())


def frame(
    request: Request,
    *,
    title: str,
    address: str,
    description: str,
    crumbs: tuple[Crumb, ...] = (),
    image: Sha256 | None = None,
    reload_seconds: int | None = None,
) -> Frame:
    base = get_base(request)
    share = Share(
        address=urls.absolute(base, address),
        title=title,
        description=description,
        image=urls.absolute(base, urls.media(image)) if image else None,
    )
    return Frame(title=title, crumbs=crumbs, share=share, reload_seconds=reload_seconds)


def network_crumbs(card: NetworkCard, *more: Crumb) -> tuple[Crumb, ...]:
    """From the list of networks to a page of this one."""
    if not more:
        return (HOME, Crumb(card.title))
    return (HOME, Crumb(card.title, urls.network(card.slug)), *more)
