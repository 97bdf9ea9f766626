"""New results as an Atom feed."""

from datetime import UTC, datetime
from html import escape
from typing import Annotated
from xml.etree import ElementTree

from fastapi import APIRouter, Query
from fastapi.responses import Response

from app.contract.network import NetworkCard
from app.contract.result import MediaRole, Visualization
from app.store.catalog import networks
from app.store.results import visualizations
from app.web import urls
from app.web.deps import BaseAddress, ReadSession

router = APIRouter()

ATOM_NAMESPACE = "http://www.w3.org/2005/Atom"
MAX_ENTRIES = 50
EMPTY_FEED_UPDATED = datetime(2000, 1, 1, tzinfo=UTC)  # Atom requires a date also of an empty feed


@router.get("/-/feed.atom")
def results_feed(
    session: ReadSession, base: BaseAddress, network: Annotated[str | None, Query(max_length=63)] = None
) -> Response:
    card = networks.get_card(session, slug=network) if network else None
    cards = {card.slug: card} if card else {}
    results = visualizations.recent_visualizations(session, card=card, limit=MAX_ENTRIES)
    for slug in {result.network for result in results} - cards.keys():
        cards[slug] = networks.get_card(session, slug=slug)
    address = urls.absolute(base, urls.feed(network))
    root = ElementTree.Element("feed", xmlns=ATOM_NAMESPACE)
    title = f"New results of {cards[network].title}" if network else "New results"
    _add_element(root, "title", f"{title} · Kinetoscope")
    _add_element(root, "id", address)
    _add_element(root, "link", rel="self", href=address)
    _add_element(root, "link", href=urls.absolute(base, urls.network(network) if network else urls.networks()))
    _add_element(
        root, "updated", max((result.created_at for result in results), default=EMPTY_FEED_UPDATED).isoformat()
    )
    for result in results:
        _add_entry(root, base, cards[result.network], result)
    body = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return Response(body, media_type="application/atom+xml", headers={"Cache-Control": "no-cache"})


def _add_entry(root: ElementTree.Element, base: str, card: NetworkCard, result: Visualization) -> None:
    unit_name = f"{result.layer}/{result.unit}"
    title = card.classes[result.unit] if card.layer(result.layer).is_class else unit_name
    page = urls.absolute(base, urls.unit(result.network, result.layer, result.unit, visualization=result.id))
    entry = ElementTree.SubElement(root, "entry")
    _add_element(entry, "title", f"{title}, {result.recipe.speed}")
    _add_element(entry, "id", page)
    _add_element(entry, "link", href=page)
    _add_element(entry, "updated", result.created_at.isoformat())
    _add_element(ElementTree.SubElement(entry, "author"), "name", "Kinetoscope")
    summary = f"{unit_name} of {card.title}: activation {result.measurements.activation:.3g}."
    _add_element(entry, "summary", summary)
    media = [medium for role in (MediaRole.LOOP, MediaRole.POSTER) if (medium := result.medium(role))]
    addresses = [urls.absolute(base, urls.medium(medium)) for medium in media]
    for medium, address in zip(media, addresses, strict=True):
        _add_element(entry, "link", rel="enclosure", type=medium.type, length=str(medium.size), href=address)
    if addresses:  # feed readers do not show enclosures in the text
        _add_element(entry, "content", f'<img src="{addresses[0]}" alt=""><p>{escape(summary)}</p>', type="html")


def _add_element(parent: ElementTree.Element, name: str, text: str = "", **attributes: str) -> None:
    ElementTree.SubElement(parent, name, attributes).text = text or None
