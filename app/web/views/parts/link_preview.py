"""The preview of a link, a sentence and a picture, made from the address alone."""

from dataclasses import dataclass, fields
from urllib.parse import SplitResult, parse_qsl, unquote

from pydantic import TypeAdapter, ValidationError

from app.contract.link import Link, LinkRequest
from app.contract.network import CLASS_LAYER, Layer, NetworkCard
from app.contract.result import MediaRole, Visualization
from app.store import Session
from app.store.catalog import networks
from app.store.results import links, visualizations
from app.web import url_path
from app.web.requests.same_site import same_site_url
from app.web.requests.validation import QUERY_LOCATION, invalid_request
from app.web.views.parts.stimulus import StimulusParams, UnitStimulus, load_stimulus
from app.web.views.parts.unit_names import parse_unit_name

STIMULUS_PARAMS = TypeAdapter(StimulusParams)
STIMULUS_PARAM_NAMES = frozenset(field.name for field in fields(StimulusParams))


@dataclass(frozen=True)
class LinkPreview:
    """A sentence about a page, the visualization that it shows first, and the sha256 of a still picture (`poster`)."""

    description: str
    visualization: Visualization | None = None
    poster: str | None = None


def link_preview(session: Session, url: SplitResult) -> LinkPreview:
    """Return the preview of the page at an address of this dashboard. Raises Missing where there is no such page."""
    match [unquote(part) for part in url.path.split("/") if part]:
        case [network, "-", "classes", *name] if name:
            card = networks.get_card(session, slug=network)
            return _unit_preview(session, card, CLASS_LAYER, card.class_index("/".join(name)), url.query)
        case [network, "-", "compare"]:
            return _compare_preview(session, networks.get_card(session, slug=network), url.query)
        case [network, part, *parts, unit] if network != "-" and unit.isdecimal() and (part != "-" or not parts):
            layer = url_path.unescape_layer("/".join([part, *parts]))
            return _unit_preview(session, networks.get_card(session, slug=network), layer, int(unit), url.query)
        case [network, name] if network != "-":
            card = networks.get_card(session, slug=network)
            layer_of_page = card.layer(url_path.unescape_layer(name))
            description = f"Layer {layer_of_page.name} of {card.title}"
            return LinkPreview(description, poster=_newest_poster(session, card, layer_of_page))
        case [network, *_] if network != "-":
            card = networks.get_card(session, slug=network)
            return LinkPreview(card.title, poster=_newest_poster(session, card))
    return LinkPreview("See what a video network has learned.")


def create_short_link(session: Session, request: LinkRequest, base: str) -> Link:
    """Store a short link to a page, with the page's preview as its description and picture."""
    url = same_site_url(request.url, base)
    preview = link_preview(session, url)
    return links.create_link(
        session,
        url=url.geturl(),
        title=request.title,
        description=preview.description,
        preview=preview.poster,
        note=request.note,
    )


def _unit_preview(session: Session, card: NetworkCard, layer: str, unit: int, query: str) -> LinkPreview:
    stimulus = _stimulus(session, card, layer, unit, query)
    label = stimulus.unit.label
    name = f"{label}, unit {unit}" if label else f"Unit {unit}"
    return LinkPreview(
        f"{name} of layer {layer} of {card.title}",
        stimulus.shown.visualization,
        _poster(stimulus.shown.visualization) if stimulus.shown.visualization else stimulus.unit.poster,
    )


def _stimulus(session: Session, card: NetworkCard, layer: str, unit: int, query: str) -> UnitStimulus:
    params = {name: value for name, value in parse_qsl(query) if name in STIMULUS_PARAM_NAMES}
    try:
        chosen = STIMULUS_PARAMS.validate_python(params)
    except ValidationError as error:
        raise invalid_request(error.errors(), within=QUERY_LOCATION) from error
    return load_stimulus(session, card=card, layer=layer, unit=unit, params=chosen, link=lambda **_: "")


def _compare_preview(session: Session, card: NetworkCard, query: str) -> LinkPreview:
    units = [parse_unit_name(value) for name, value in parse_qsl(query) if name == "u"]
    for layer, unit in units:
        card.unit(layer, unit)
    if not units:
        return LinkPreview(f"Units of {card.title} side by side")
    names = ", ".join(f"{layer}/{unit}" for layer, unit in units)
    first_layer, first_unit = units[0]
    results = visualizations.visualizations_of_unit(session, card=card, layer=first_layer, unit=first_unit)
    newest = results[0] if results else None
    return LinkPreview(f"{names} of {card.title} side by side", newest, _poster(newest))


def _newest_poster(session: Session, card: NetworkCard, layer: Layer | None = None) -> str | None:
    """Return the sha256 of the newest result's still, the picture of a page about many units."""
    return next(map(_poster, visualizations.recent_visualizations(session, card=card, layer=layer, limit=1)), None)


def _poster(result: Visualization | None) -> str | None:
    medium = result.medium(MediaRole.POSTER) if result else None
    return medium.sha256 if medium else None
