"""The list of networks with those that can be added, and one network: its architecture and newest visualizations."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import ClassVar

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from app.contract.job import AddNetworkJob
from app.contract.network import NetworkCard, NetworkSummary
from app.contract.network_source import PACKAGES, NetworkSource
from app.contract.result import MediaRole, Visualization
from app.contract.unit import Thumbnail
from app.contract.unit_query import UnitQuery, UnitSort
from app.store import Session
from app.store.catalog import networks, thumbnails
from app.store.jobs import listing, workers
from app.store.results import visualizations
from app.web import urls
from app.web.charts.architecture import StreamColumn, stream_columns
from app.web.deps import ReadSession
from app.web.render import render
from app.web.views.parts.layout import Page, network_crumbs, page_layout

router = APIRouter()

THUMBNAILS_PER_NETWORK = 6
THUMBNAILS_PER_LAYER = 4
MAX_RECENT_VISUALIZATIONS = 6


@dataclass(frozen=True)
class NetworkEntry:
    """A network in the list. The first one has moving visualizations, the others have stills."""

    summary: NetworkSummary
    thumbnails: tuple[Thumbnail, ...]
    playing: tuple[Visualization, ...]


@dataclass(frozen=True)
class NetworkOffer:
    """A published network that is not registered, and the live job that adds it, if there is one."""

    source: NetworkSource
    job: AddNetworkJob | None


@dataclass(frozen=True, kw_only=True)
class NetworksPage(Page):
    template: ClassVar[str] = "networks.html"
    networks: tuple[NetworkEntry, ...]
    offers: tuple[NetworkOffer, ...]
    workers_alive: bool

    @property
    def is_adding(self) -> bool:
        """Whether a job is live that adds a network."""
        return any(offer.job for offer in self.offers)


@dataclass(frozen=True, kw_only=True)
class NetworkPage(Page):
    """`main_column` ends in the last layer; `stream_columns` are the streams that meet in it, where there are some."""

    template: ClassVar[str] = "network.html"
    summary: NetworkSummary
    main_column: StreamColumn
    stream_columns: tuple[StreamColumn, ...]
    recent: tuple[Visualization, ...]
    has_class_layer: bool
    units_href: str  # all units, those with the newest visualizations first
    map_href: str


@router.get("/")
def networks_page(request: Request, session: ReadSession) -> HTMLResponse:
    summaries = networks.list_networks(session)
    cards = [summary.card for summary in summaries[1:]]
    newest = thumbnails.newest_thumbnails(session, cards=cards, limit=THUMBNAILS_PER_NETWORK)
    offers = network_offers(session, {summary.card.slug for summary in summaries})
    page = NetworksPage(
        layout=page_layout(
            request,
            title="Kinetoscope",
            address=urls.networks(),
            description="See what a video network has learned.",
            is_live=any(offer.job for offer in offers),
        ),
        offers=offers,
        workers_alive=any(worker.alive for worker in workers.list_workers(session)),
        networks=tuple(
            NetworkEntry(
                summary,
                tuple(newest.get(summary.card.slug, ())),
                () if position else playing_visualizations(session, summary.card),
            )
            for position, summary in enumerate(summaries)
        ),
    )
    return render(page)


def network_offers(session: Session, registered: Collection[str]) -> tuple[NetworkOffer, ...]:
    """Return the published networks in packages that are not registered; the page to add networks has those of hubs."""
    missing = [source for source in PACKAGES if source.name not in registered]
    additions = listing.list_live_additions(session) if missing else ()
    live = {job.source: job for job in additions if job.place == "source"}
    return tuple(NetworkOffer(source, live.get(source.name)) for source in missing)


def playing_visualizations(session: Session, card: NetworkCard) -> tuple[Visualization, ...]:
    """Return the newest visualizations of classes, which a stranger can name, or else the newest of all."""
    class_layer = next((layer for layer in card.layers if layer.is_class), None)
    of_classes = class_layer and visualizations.recent_visualizations(
        session, card=card, layer=class_layer, limit=THUMBNAILS_PER_NETWORK
    )
    return tuple(of_classes or visualizations.recent_visualizations(session, card=card, limit=THUMBNAILS_PER_NETWORK))


@router.get("/{network:slug}")
def network_page(request: Request, session: ReadSession, network: str) -> HTMLResponse:
    summary = networks.get_network(session, slug=network)
    card = summary.card
    recent = tuple(visualizations.recent_visualizations(session, card=card, limit=MAX_RECENT_VISUALIZATIONS))
    posters = (each.medium(MediaRole.POSTER) for each in recent)
    main_column, *other_columns = stream_columns(
        card,
        networks.layer_summaries(session, card=card),
        thumbnails.layer_thumbnails(session, card=card, limit=THUMBNAILS_PER_LAYER),
    )
    page = NetworkPage(
        layout=page_layout(
            request,
            title=card.title,
            address=urls.network(network),
            description=card.summary or f"{card.units:,} units in {len(card.layers)} layers, made visible.",
            crumbs=network_crumbs(card),
            image=next((poster.sha256 for poster in posters if poster), None),
        ),
        summary=summary,
        main_column=main_column,
        stream_columns=tuple(other_columns),
        recent=recent,
        has_class_layer=any(layer.is_class for layer in card.layers),
        units_href=urls.units(network, UnitQuery(sort=UnitSort.RECENT)),
        map_href=urls.units(network, UnitQuery(view="map")),
    )
    return render(page)
