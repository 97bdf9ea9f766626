"""The classes of a network, and one class with its stimulus."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse

from app.contract.network import CLASS_LAYER, NetworkCard
from app.contract.unit_query import UnitQuery
from app.store import datasets
from app.store.catalog import networks
from app.store.catalog.search import search_units
from app.web import urls
from app.web.deps import Reading, at_once
from app.web.pages import ClassesPage, ClassPage
from app.web.parts import Crumb, Neighbour
from app.web.render import render
from app.web.search import search
from app.web.views.evidence import class_facts, is_under_way, surveying
from app.web.views.frame import frame, network_crumbs
from app.web.views.pager import pager
from app.web.views.stimulus import Chosen, find_stimulus
from app.web.views.unit import embed, is_embedded, poster, sentence

router = APIRouter()

PER_PAGE = 60
CLIPS = 6  # shown of a class


@router.get("/{network:slug}/-/classes")
def classes(
    request: Request,
    session: Reading,
    network: str,
    q: Annotated[str, Query(max_length=200)] = "",
    page: Annotated[int, Query(ge=1, le=100_000)] = 1,
) -> HTMLResponse:
    card = networks.get_card(session, slug=network)
    query = UnitQuery(layer=CLASS_LAYER, q=q or None, page=page, per_page=PER_PAGE)
    found = search_units(session, slug=network, query=query)

    def href(number: int) -> str:
        return urls.classes(network, q=q, page=number if number > 1 else None)

    shown = ClassesPage(
        frame=frame(
            request,
            title=f"Classes · {card.title}",
            address=href(page),
            description=f"The {len(card.classes):,} classes that {card.title} tells apart.",
            crumbs=network_crumbs(card, Crumb("Classes")),
            image=next((unit.poster for unit in found.items if unit.poster), None),
        ),
        card=card,
        q=q,
        search=search(card, q, found),
        classes=found,
        unseen=unseen(card, q) if any(not unit.poster for unit in found.items) else None,
        examples=datasets.examples(session, names=[unit.label for unit in found.items]),
        pager=pager(page, PER_PAGE, found.total, href),
    )
    return render(shown)


@router.get("/{network:slug}/-/classes/{name:path}")
def class_(
    request: Request,
    session: Reading,
    network: str,
    name: str,
    chosen: Annotated[Chosen, Depends(at_once(Chosen))],
    detectors: Literal["all"] | None = None,
) -> HTMLResponse:
    card = networks.get_card(session, slug=network)
    index = card.class_index(name)

    def link(**choices: str | int | float | None) -> str:
        address = urls.class_(network, name, **choices, detectors=detectors)
        return urls.embedded(address) if is_embedded(request) else address

    stimulus = find_stimulus(session, card=card, layer=CLASS_LAYER, unit=index, chosen=chosen, link=link)
    if is_embedded(request):
        return embed(request, stimulus)
    facts = class_facts(session, card=card, index=index)
    waiting = None if facts else surveying(session, card=card)
    page = ClassPage(
        frame=frame(
            request,
            title=f"{name} · {card.title}",
            address=stimulus.address,
            description=sentence(stimulus),
            crumbs=network_crumbs(card, Crumb("Classes", urls.classes(network)), Crumb(name)),
            image=poster(stimulus),
            result=stimulus.shown.visualization,
            is_live=any(cell.live for cell in stimulus.strip) or is_under_way(waiting),
        ),
        stimulus=stimulus,
        evidence=facts,
        unsurveyed=waiting,
        is_by_layer=detectors is not None,
        clips=tuple(datasets.clips_of_class(session, name=name, limit=CLIPS)),
        previous=neighbour(card, index - 1),
        next=neighbour(card, index + 1),
    )
    return render(page)


def unseen(card: NetworkCard, q: str) -> str:
    return urls.selection(card.slug, UnitQuery(layer=CLASS_LAYER, q=q or None, state="missing"))


def neighbour(card: NetworkCard, index: int) -> Neighbour | None:
    if not 0 <= index < len(card.classes):
        return None
    return Neighbour(card.classes[index], urls.class_(card.slug, card.classes[index]))
