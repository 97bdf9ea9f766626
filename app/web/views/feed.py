"""New results as an Atom feed."""

from datetime import UTC, datetime
from html import escape
from typing import Annotated
from xml.etree import ElementTree

from fastapi import APIRouter, Query
from fastapi.responses import Response

from app.contract.network import NetworkCard
from app.contract.result import Role, Visualization
from app.store.catalog import networks
from app.store.results import visualizations
from app.web import urls
from app.web.deps import Base, Reading

router = APIRouter()

ATOM = "http://www.w3.org/2005/Atom"
NEWEST = 50
BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)  # of a feed without entries, which must have a date too


@router.get("/-/feed.atom")
def feed(session: Reading, base: Base, network: Annotated[str | None, Query(max_length=63)] = None) -> Response:
    cards = {network: networks.get_card(session, slug=network)} if network else {}
    results = visualizations.recent(session, slug=network, limit=NEWEST)
    for slug in {result.network for result in results} - cards.keys():
        cards[slug] = networks.get_card(session, slug=slug)
    address = urls.absolute(base, urls.feed(network))
    root = ElementTree.Element("feed", xmlns=ATOM)
    title = f"New results of {cards[network].title}" if network else "New results"
    _add(root, "title", f"{title} · Kinetoscope")
    _add(root, "id", address)
    _add(root, "link", rel="self", href=address)
    _add(root, "link", href=urls.absolute(base, urls.network(network) if network else urls.networks()))
    _add(root, "updated", max((result.created_at for result in results), default=BEGINNING).isoformat())
    for result in results:
        _entry(root, base, cards[result.network], result)
    body = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return Response(body, media_type="application/atom+xml", headers={"Cache-Control": "no-cache"})


def _entry(root: ElementTree.Element, base: str, card: NetworkCard, result: Visualization) -> None:
    place = f"{result.layer}/{result.unit}"
    name = card.classes[result.unit] if card.layer(result.layer).is_class else place
    page = urls.absolute(base, urls.unit(result.network, result.layer, result.unit, visualization=result.id))
    entry = ElementTree.SubElement(root, "entry")
    _add(entry, "title", f"{name}, {result.recipe.speed}")
    _add(entry, "id", page)
    _add(entry, "link", href=page)
    _add(entry, "updated", result.created_at.isoformat())
    _add(ElementTree.SubElement(entry, "author"), "name", "Kinetoscope")
    words = f"{place} of {card.title}: activation {result.measurements.activation:.3g}."
    _add(entry, "summary", words)
    pictures = [medium for role in (Role.LOOP, Role.POSTER) if (medium := result.medium(role))]
    addresses = [urls.absolute(base, urls.medium(medium)) for medium in pictures]
    for medium, address in zip(pictures, addresses, strict=True):
        _add(entry, "link", rel="enclosure", type=medium.type, length=str(medium.size), href=address)
    if addresses:  # readers show no enclosures in the text
        _add(entry, "content", f'<img src="{addresses[0]}" alt=""><p>{escape(words)}</p>', type="html")


def _add(parent: ElementTree.Element, name: str, text: str = "", **attributes: str) -> None:
    ElementTree.SubElement(parent, name, attributes).text = text or None
