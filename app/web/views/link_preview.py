"""What a view of this dashboard shows, found from its address as the page itself finds it."""

from dataclasses import dataclass
from urllib.parse import SplitResult, parse_qsl, unquote

from pydantic import TypeAdapter, ValidationError

from app.contract.link import Link, LinkRequest
from app.contract.network import CLASS_LAYER, Layer, NetworkCard
from app.contract.result import Role, Visualization
from app.store import Session
from app.store.catalog import networks
from app.store.results import links, visualizations
from app.web.parts import Stimulus
from app.web.same_site import local
from app.web.validation import QUERY, explain
from app.web.views.selection import place
from app.web.views.stimulus import Chosen, find_stimulus

CHOSEN = TypeAdapter(Chosen)


@dataclass(frozen=True)
class Unfolded:
    """A sentence on a view, the result that it shows first, and the poster of that."""

    description: str
    visualization: Visualization | None = None
    poster: str | None = None


def unfold(session: Session, url: SplitResult) -> Unfolded:
    match [unquote(part) for part in url.path.split("/") if part]:
        case [network, "-", "classes", *name] if name:
            card = networks.get_card(session, slug=network)
            return _unit(session, card, CLASS_LAYER, card.class_index("/".join(name)), url.query)
        case [network, "-", "compare"]:
            return _compared(session, networks.get_card(session, slug=network), url.query)
        case [network, layer, unit] if network != "-" and layer != "-" and unit.isdecimal():
            return _unit(session, networks.get_card(session, slug=network), layer, int(unit), url.query)
        case [network, layer] if network != "-":
            card = networks.get_card(session, slug=network)
            words = f"Layer {card.layer(layer).name} of {card.title}"
            return Unfolded(words, poster=newest(session, network, card.layer(layer)))
        case [network, *_] if network != "-":
            card = networks.get_card(session, slug=network)
            return Unfolded(card.title, poster=newest(session, network))
    return Unfolded("See what a video network has learned.")


def make_link(session: Session, request: LinkRequest, base: str) -> Link:
    """A short link to the view, which says of itself what the view shows."""
    url = local(request.url, base)
    shown = unfold(session, url)
    return links.create_link(
        session,
        url=url.geturl(),
        title=request.title,
        description=shown.description,
        preview=shown.poster,
        note=request.note,
    )


def stimulus(session: Session, card: NetworkCard, layer: str, unit: int, query: str) -> Stimulus:
    """Raises Missing where the address names a result that is not there."""
    given = dict(parse_qsl(query))
    try:
        chosen = CHOSEN.validate_python({name: value for name, value in given.items() if name in FIELDS})
    except ValidationError as error:
        raise explain(error.errors(), within=QUERY) from error
    return find_stimulus(session, card=card, layer=layer, unit=unit, chosen=chosen, link=lambda **_: "")


FIELDS = Chosen.__dataclass_fields__.keys()


def _unit(session: Session, card: NetworkCard, layer: str, unit: int, query: str) -> Unfolded:
    found = stimulus(session, card, layer, unit, query)
    shown = found.shown.visualization
    name = f"{found.unit.label}, unit {unit}" if found.unit.label else f"Unit {unit}"
    return Unfolded(f"{name} of layer {layer} of {card.title}", shown, poster(shown) if shown else found.unit.poster)


def _compared(session: Session, card: NetworkCard, query: str) -> Unfolded:
    names = [place(value) for name, value in parse_qsl(query) if name == "u"]
    words = ", ".join(f"{layer}/{unit}" for layer, unit in names)
    for layer, unit in names:
        card.unit(layer, unit)
    if not names:
        return Unfolded(f"Units of {card.title} side by side")
    results = visualizations.for_unit(session, slug=card.slug, layer=names[0][0], unit=names[0][1])
    shown = results[0] if results else None
    return Unfolded(f"{words} of {card.title} side by side", shown, poster(shown))


def newest(session: Session, network: str, layer: Layer | None = None) -> str | None:
    """The picture of a view of many units."""
    return next(map(poster, visualizations.recent(session, slug=network, layer=layer, limit=1)), None)


def poster(result: Visualization | None) -> str | None:
    medium = result.medium(Role.POSTER) if result else None
    return medium.sha256 if medium else None
