"""Listings of units: those of a whole network (the explorer), and those of one layer."""

from dataclasses import dataclass
from typing import Any, ClassVar

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from app.contract.job import Estimate
from app.contract.network import Layer, NetworkCard
from app.contract.recipe import Recipe
from app.contract.unit_query import UnitListing, UnitQuery, UnitSort
from app.store import Session
from app.store.catalog import filters, networks, survey_columns, unit_map
from app.store.catalog.facets import facet_counts
from app.store.catalog.search import search_units
from app.store.jobs import estimates, workers
from app.store.surveys import evidence
from app.web import urls
from app.web.charts.map_drawing import MapDrawing, draw_map
from app.web.deps import ReadSession
from app.web.render import render
from app.web.requests.params import UnitQueryParams
from app.web.views.parts.dictionary import DictionaryPanel, dictionaries_of, dictionary_panel
from app.web.views.parts.layout import Page, network_crumbs, page_layout
from app.web.views.parts.navigation import Crumb
from app.web.views.parts.pagination import Pagination, cursor_pagination
from app.web.views.parts.presets import list_presets
from app.web.views.parts.recipe_form import VisualizeForm, visualize_form
from app.web.views.parts.search_interpretation import SearchInterpretation, interpret_search
from app.web.views.parts.survey_status import SurveyStatus, survey_status
from app.web.views.parts.unit_filters import Filter, unit_filters

router = APIRouter()

SURVEY_SORTS = (UnitSort.REACH, UnitSort.SPECIFIC, UnitSort.GENERIC)  # need a survey
CLASS_SORTS = (UnitSort.SPECIFIC, UnitSort.GENERIC)  # need classes too


@dataclass(frozen=True)
class LayerForm:
    """The form that asks for visualizations of a whole layer, with an estimate for the default recipe."""

    form: VisualizeForm
    estimate: Estimate


@dataclass(frozen=True, kw_only=True)
class UnitsPage(Page):
    """A listing of units. `layer` is the layer whose page it is, or None on the explorer of the whole network."""

    template: ClassVar[str] = "units.html"
    card: NetworkCard
    layer: Layer | None
    query: UnitQuery
    units: UnitListing
    search: SearchInterpretation | None
    pagination: Pagination
    filters: tuple[Filter, ...]
    map: MapDrawing | None  # in the map view
    whole_map_href: str  # this listing without a region of the map
    sorts: tuple[str, ...]  # without the network's own order, the default
    is_surveyed: bool  # whether units have roles from a survey
    has_needs: bool  # whether it measured which classes need units
    survey_status: SurveyStatus | None  # in the map view before the first survey
    is_filtered: bool
    layer_form: LayerForm | None
    dictionary: DictionaryPanel | None
    dictionaries: tuple[Layer, ...]  # that read the layer
    workers_alive: bool


@router.get("/{network:slug}/-/units")
def explorer_page(request: Request, session: ReadSession, network: str) -> HTMLResponse:
    card = networks.get_card(session, slug=network)
    query = UnitQueryParams.parse(request.query_params)
    return render(units_page(request, session, card, None, query))


@router.get("/{network:slug}/{layer:layer}")
def layer_page(request: Request, session: ReadSession, network: str, layer: str) -> HTMLResponse:
    card = networks.get_card(session, slug=network)
    checked_layer = card.layer(layer)
    query = UnitQueryParams.parse({**request.query_params, "layer": layer, "stream": "", "class": ""})
    return render(units_page(request, session, card, checked_layer, query))


def units_page(
    request: Request, session: Session, card: NetworkCard, layer: Layer | None, query: UnitQuery
) -> UnitsPage:
    units = search_units(session, card=card, query=query)
    counts = facet_counts(session, card=card, query=query, fixed_layer=layer is not None)
    is_surveyed = bool(counts.role) or evidence.get_survey(session, card=card) is not None
    has_coding = is_surveyed and survey_columns.has_measured(session, card=card, column="coding")
    has_needs = is_surveyed and survey_columns.has_measured(session, card=card, column="needed_by")
    is_map = query.view == "map"
    name = layer.name if layer else "All units"

    def href(page: int = 1, **changes: Any) -> str:
        """Return the address of another page of this listing; its cursor is among `changes`."""
        changed = query.model_copy(update={"page": page, "after": None, "before": None, **changes})
        return urls.layer(card.slug, layer.name, changed) if layer else urls.units(card.slug, changed)

    return UnitsPage(
        layout=page_layout(
            request,
            title=f"{name} · {card.title}",
            address=href(query.page, after=query.after, before=query.before),
            description=f"{units.total:,}{'+' if units.capped else ''} units of {layer.name if layer else card.title}.",
            crumbs=network_crumbs(card, Crumb(name)),
            image=next((unit.poster for unit in units.items if unit.poster), None),
        ),
        card=card,
        layer=layer,
        query=query,
        units=units,
        search=interpret_search(card, query.q, units),
        pagination=cursor_pagination(query.page, units.before, units.after, href),
        filters=unit_filters(card, query, counts, layer, is_surveyed, has_coding, has_needs),
        map=draw_map(card, query, unit_map.map_units(session, card=card, query=query), has_coding) if is_map else None,
        whole_map_href=href(region=None),
        sorts=tuple(
            sort.value
            for sort in UnitSort
            if sort is not UnitSort.ORDER
            and (is_surveyed or sort not in SURVEY_SORTS or sort is query.sort)
            and (card.classes or sort not in CLASS_SORTS)
            and (has_needs or sort is not UnitSort.NEEDED or sort is query.sort)
        ),
        is_surveyed=is_surveyed,
        has_needs=has_needs,
        survey_status=survey_status(session, card=card) if is_map and not is_surveyed else None,
        is_filtered=any(
            getattr(query, field) is not None for field in filters.FILTERS if not (layer and field == "layer")
        ),
        layer_form=layer_form(session, card, layer) if layer else None,
        dictionary=dictionary_panel(session, card=card, layer=layer) if layer else None,
        dictionaries=dictionaries_of(card, layer) if layer else (),
        workers_alive=workers.any_alive(session),
    )


def layer_form(session: Session, card: NetworkCard, layer: Layer) -> LayerForm:
    recipe = Recipe()

    def form_href(recipe_fields: dict[str, str]) -> str:
        return urls.selection(card.slug, UnitQuery(layer=layer.name), **recipe_fields)

    return LayerForm(
        form=visualize_form(
            card,
            layer.name,
            "all",
            unit_count=layer.units,
            recipe=recipe,
            presets=list_presets(card, form_href=form_href),
        ),
        estimate=estimates.estimate(
            session, card=card, units={layer.name: range(layer.units)}, recipe=recipe.resolved(card)
        ),
    )
