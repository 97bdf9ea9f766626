"""One unit: its stimulus at every speed, and what the newest survey measured."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, RedirectResponse

from app.contract.errors import Missing
from app.contract.network import Layer, NetworkCard
from app.contract.unit import UnitSummary
from app.contract.unit_query import UnitQuery
from app.store.catalog import networks
from app.web import urls
from app.web.deps import ReadSession
from app.web.render import render
from app.web.views.embed import embed_page, is_embedded
from app.web.views.parts.dictionary import DirectionPanel, direction_panel
from app.web.views.parts.layout import Page, network_crumbs, page_layout
from app.web.views.parts.navigation import Crumb, NamedLink
from app.web.views.parts.stimulus import StimulusParams, UnitStimulus, load_stimulus
from app.web.views.parts.survey_status import SurveyStatus, survey_status
from app.web.views.parts.unit_evidence import UnitEvidencePanel, unit_evidence_panel
from app.web.views.parts.unit_names import is_unit_index

router = APIRouter()

MAP_MARGIN = 0.05  # from a unit to the sides of its region, as a share of the map's side


@dataclass(frozen=True, kw_only=True)
class UnitPage(Page):
    """`survey_status` is there in place of `evidence` before the first survey."""

    template: ClassVar[str] = "unit.html"
    stimulus: UnitStimulus
    map_region_href: str | None  # the part of the map around the unit; None where the unit is not on the map
    evidence: UnitEvidencePanel | None
    survey_status: SurveyStatus | None
    direction: DirectionPanel | None
    previous: NamedLink | None
    next: NamedLink | None


@router.get("/{network:slug}/{layer:slashed_layer}/{unit}", response_model=None)
def unit_page(
    request: Request,
    session: ReadSession,
    network: str,
    layer: str,
    unit: str,
    params: Annotated[StimulusParams, Depends(StimulusParams)],
) -> HTMLResponse | RedirectResponse:
    card = networks.get_card(session, slug=network)
    whole = f"{layer}/{unit}"
    if not is_unit_index(unit) and any(each.name == whole for each in card.layers):
        return RedirectResponse(urls.layer(network, whole))  # a layer's name with a slash as it is
    index = checked_unit_index(card, layer, unit)

    def link(**query: str | int | float | None) -> str:
        address = urls.unit(network, layer, index, **query)
        return urls.embedded(address) if is_embedded(request) else address

    stimulus = load_stimulus(session, card=card, layer=layer, unit=index, params=params, link=link)
    if is_embedded(request):
        return embed_page(request, stimulus)
    direction = direction_panel(session, card=card, layer=card.layer(layer), unit=index)
    label = stimulus.unit.label or (direction.name if direction else "")
    name = f"{label} ({layer}/{index})" if label else f"{layer}/{index}"
    evidence = unit_evidence_panel(session, card=card, layer=layer, unit=index)
    status = None if evidence else survey_status(session, card=card)
    previous, next_ = neighbour_links(card, layer, index)
    page = UnitPage(
        layout=page_layout(
            request,
            title=f"{name} · {card.title}",
            address=stimulus.address,
            description=stimulus.description,
            crumbs=network_crumbs(card, Crumb(layer, urls.layer(network, layer)), Crumb(label or f"unit {index}")),
            image=stimulus.poster,
            result=stimulus.shown.visualization,
            is_live=stimulus.is_live or (status is not None and status.is_under_way),
        ),
        stimulus=stimulus,
        map_region_href=map_region_href(stimulus.unit),
        evidence=evidence,
        survey_status=status,
        direction=direction,
        previous=previous,
        next=next_,
    )
    return render(page)


def map_region_href(unit: UnitSummary) -> str | None:
    """Return the address of the part of the map around a unit, or None for a unit that is not on the map."""
    if unit.map_x is None or unit.map_y is None:
        return None
    left, top = max(0.0, unit.map_x - MAP_MARGIN), max(0.0, unit.map_y - MAP_MARGIN)
    right, bottom = unit.map_x + MAP_MARGIN, unit.map_y + MAP_MARGIN
    region = ",".join(f"{min(1.0, edge):.3g}" for edge in (left, top, right, bottom))
    return urls.units(unit.network, UnitQuery(view="map", region=region))


def checked_unit_index(card: NetworkCard, layer_name: str, unit: str) -> int:
    """Return the index of the unit in an address. Raises Missing where the layer has no such unit."""
    layer = card.layer(layer_name)
    if not is_unit_index(unit):
        raise Missing(
            f"Units have numbers: those of {layer_name} are 0 to {layer.units - 1}, and {unit!r} is none of them.",
            units=layer.units,
        )
    return card.unit(layer_name, int(unit))[1]


def neighbour_links(card: NetworkCard, layer_name: str, unit: int) -> tuple[NamedLink | None, NamedLink | None]:
    """Return the units before and after; the last unit of a layer is followed by the first of the next layer."""
    layer = card.layer(layer_name)
    position = card.layers.index(layer)
    previous = next_ = None
    if unit > 0:
        previous = unit_link(card, layer, unit - 1)
    elif position > 0:
        layer_before = card.layers[position - 1]
        previous = unit_link(card, layer_before, layer_before.units - 1)
    if unit + 1 < layer.units:
        next_ = unit_link(card, layer, unit + 1)
    elif position + 1 < len(card.layers):
        next_ = unit_link(card, card.layers[position + 1], 0)
    return previous, next_


def unit_link(card: NetworkCard, layer: Layer, unit: int) -> NamedLink:
    return NamedLink(f"{layer.name}/{unit}", urls.unit(card.slug, layer.name, unit))
