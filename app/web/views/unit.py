"""One unit: its stimulus at every speed, what was measured, and how it was made."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse

from app.contract.errors import Missing
from app.contract.network import Layer, NetworkCard
from app.contract.result import Role
from app.contract.unit import UnitSummary
from app.contract.unit_query import UnitQuery
from app.store.catalog import networks
from app.web import urls
from app.web.deps import Reading, at_once, get_base, get_settings
from app.web.middleware.security import embeddable
from app.web.pages import EmbedPage, UnitPage
from app.web.parts import Crumb, Neighbour, Stimulus
from app.web.render import render
from app.web.views.evidence import is_under_way, surveying, unit_facts
from app.web.views.frame import frame, network_crumbs
from app.web.views.stimulus import Chosen, find_stimulus

router = APIRouter()

NEAR = 0.05  # of the map: what lies so far around a unit is near it


@router.get("/{network:slug}/{layer}/{unit}")
def unit(
    request: Request,
    session: Reading,
    network: str,
    layer: str,
    unit: str,
    chosen: Annotated[Chosen, Depends(at_once(Chosen))],
) -> HTMLResponse:
    card = networks.get_card(session, slug=network)
    index = unit_index(card, layer, unit)

    def link(**choices: str | int | float | None) -> str:
        address = urls.unit(network, layer, index, **choices)
        return urls.embedded(address) if is_embedded(request) else address

    stimulus = find_stimulus(session, card=card, layer=layer, unit=index, chosen=chosen, link=link)
    if is_embedded(request):
        return embed(request, stimulus)
    name = f"{stimulus.unit.label} ({layer}/{index})" if stimulus.unit.label else f"{layer}/{index}"
    previous, following = neighbours(card, layer, index)
    found = unit_facts(session, card=card, layer=layer, unit=index)
    waiting = None if found else surveying(session, card=card)
    page = UnitPage(
        frame=frame(
            request,
            title=f"{name} · {card.title}",
            address=stimulus.address,
            description=sentence(stimulus),
            crumbs=network_crumbs(
                card, Crumb(layer, urls.layer(network, layer)), Crumb(stimulus.unit.label or f"unit {index}")
            ),
            image=poster(stimulus),
            result=stimulus.shown.visualization,
            is_live=any(cell.live for cell in stimulus.strip) or is_under_way(waiting),
        ),
        stimulus=stimulus,
        around=around(stimulus.unit),
        evidence=found,
        unsurveyed=waiting,
        previous=previous,
        next=following,
    )
    return render(page)


def around(unit: UnitSummary) -> str | None:
    if unit.map_x is None or unit.map_y is None:
        return None
    edges = (max(0.0, unit.map_x - NEAR), max(0.0, unit.map_y - NEAR), unit.map_x + NEAR, unit.map_y + NEAR)
    region = ",".join(f"{min(1.0, edge):.3g}" for edge in edges)
    return urls.units(unit.network, UnitQuery(view="map", region=region))


def is_embedded(request: Request) -> bool:
    return urls.EMBEDDED in request.url.query.split("&")


def embed(request: Request, stimulus: Stimulus) -> HTMLResponse:
    """The bare stimulus, which the sites of the settings may frame."""
    around = frame(request, title=stimulus.name, address=stimulus.address, description=sentence(stimulus))
    address = urls.absolute(get_base(request), urls.whole(stimulus.address))
    page = EmbedPage(frame=around, stimulus=stimulus, address=address)
    return render(page, headers=embeddable(get_settings(request)))


def unit_index(card: NetworkCard, layer: str, unit: str) -> int:
    """The checked index of a unit in an address."""
    found = card.layer(layer)
    if not (unit.isascii() and unit.isdecimal() and len(unit) < 10):
        raise Missing(
            f"Units have numbers: those of {layer} are 0 to {found.units - 1}, and {unit!r} is none of them.",
            units=found.units,
        )
    return card.unit(layer, int(unit))[1]


def neighbours(card: NetworkCard, layer: str, unit: int) -> tuple[Neighbour | None, Neighbour | None]:
    """The units before and after, across the borders of layers."""
    here = card.layer(layer)
    at = card.layers.index(here)
    before = after = None
    if unit > 0:
        before = neighbour(card, here, unit - 1)
    elif at > 0:
        before = neighbour(card, card.layers[at - 1], card.layers[at - 1].units - 1)
    if unit + 1 < here.units:
        after = neighbour(card, here, unit + 1)
    elif at + 1 < len(card.layers):
        after = neighbour(card, card.layers[at + 1], 0)
    return before, after


def neighbour(card: NetworkCard, layer: Layer, unit: int) -> Neighbour:
    return Neighbour(f"{layer.name}/{unit}", urls.unit(card.slug, layer.name, unit))


def sentence(stimulus: Stimulus) -> str:
    what = f"the class {stimulus.unit.label}" if stimulus.unit.label else f"unit {stimulus.unit.index}"
    return f"What {what} of {stimulus.card.title} looks for: layer {stimulus.layer.name}, {stimulus.shown.speed}."


def poster(stimulus: Stimulus) -> str | None:
    shown = stimulus.shown.visualization
    medium = shown.medium(Role.POSTER) if shown else None
    return medium.sha256 if medium else stimulus.unit.poster
