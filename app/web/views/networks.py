"""The list of networks, and one network: its architecture as towers, and what is new in it."""

from math import log2

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from app.contract.network import LayerSummary, NetworkCard
from app.contract.result import Role, Visualization
from app.contract.unit import Pictured
from app.contract.unit_query import UnitQuery, UnitSort
from app.store import Session
from app.store.catalog import networks, thumbnails
from app.store.results import visualizations
from app.web import urls
from app.web.deps import Reading
from app.web.pages import NetworkPage, NetworksPage
from app.web.parts import NetworkEntry, Storey, Tower
from app.web.render import render
from app.web.views.frame import frame, network_crumbs

router = APIRouter()

POSTERS, RECENT, PICTURED = 6, 6, 4
FACE = (8, 34)  # side of a slab in the drawing, from a map of one position to the widest
DEPTH = 1.8  # of a slab, times log2 of its units


@router.get("/")
def networks_page(request: Request, session: Reading) -> HTMLResponse:
    listed = networks.list_networks(session)
    newest = thumbnails.newest(session, slugs=[each.card.slug for each in listed[1:]], each=POSTERS)
    entries = tuple(
        NetworkEntry(
            summary,
            tuple(newest.get(summary.card.slug, ())),
            () if place else _playing(session, summary.card),
        )
        for place, summary in enumerate(listed)
    )
    around = frame(
        request,
        title="Kinetoscope",
        address=urls.networks(),
        description="See what a video network has learned.",
    )
    return render(NetworksPage(frame=around, networks=entries))


def _playing(session: Session, card: NetworkCard) -> tuple[Visualization, ...]:
    """Its newest stimuli of classes: a stranger can name what they show. Without any, its newest."""
    classes = next((layer for layer in card.layers if layer.is_class), None)
    named = classes and visualizations.recent(session, slug=card.slug, layer=classes, limit=POSTERS)
    return tuple(named or visualizations.recent(session, slug=card.slug, limit=POSTERS))


@router.get("/{network:slug}")
def network(request: Request, session: Reading, network: str) -> HTMLResponse:
    summary = networks.get_network(session, slug=network)
    card = summary.card
    recent = tuple(visualizations.recent(session, slug=network, limit=RECENT))
    posters = (each.medium(Role.POSTER) for each in recent)
    layers = networks.layer_summaries(session, slug=network)
    head, *legs = towers(card, layers, thumbnails.pictured(session, slug=network, each=PICTURED))
    page = NetworkPage(
        frame=frame(
            request,
            title=card.title,
            address=urls.network(network),
            description=card.summary or f"{card.units:,} units in {len(card.layers)} layers, made visible.",
            crumbs=network_crumbs(card),
            image=next((poster.sha256 for poster in posters if poster), None),
        ),
        summary=summary,
        head=head,
        legs=tuple(legs),
        recent=recent,
        units=urls.units(network, UnitQuery(sort=UnitSort.RECENT)),
        map=urls.units(network, UnitQuery(view="map")),
        class_layer=any(layer.is_class for layer in card.layers),
    )
    return render(page)


def towers(card: NetworkCard, layers: list[LayerSummary], pictured: dict[str, list[Pictured]]) -> list[Tower]:
    """One tower per stream, each highest layer first. First comes the stream of the last layer: the fusion
    where several meet; then the others in their order.
    """
    top = layers[-1].layer.stream
    streams = dict.fromkeys([top, *(summary.layer.stream for summary in layers)])
    widest = max(each.layer.map.width for each in layers)

    def storey(summary: LayerSummary) -> Storey:
        layer = summary.layer
        return Storey(
            summary=summary,
            units=tuple(pictured.get(layer.name, ())),
            face=round(FACE[0] + (FACE[1] - FACE[0]) * layer.map.width / widest, 1),
            depth=round(DEPTH * log2(layer.units + 1), 1),
        )

    return [
        Tower(
            stream=stream,
            storeys=tuple(storey(each) for each in reversed(layers) if each.layer.stream == stream),
            foot=tuple(each for each in card.streams if each.name == stream),
        )
        for stream in streams
    ]
