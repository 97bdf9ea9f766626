"""Grids of units: the explorer over a whole network, and the units of one layer."""

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from app.contract.network import Layer, NetworkCard
from app.contract.recipe import Recipe
from app.contract.unit_query import UnitListing, UnitQuery, UnitSort
from app.store import Session
from app.store.catalog import filters as unit_filters
from app.store.catalog import networks, unit_map
from app.store.catalog.search import search_units
from app.store.jobs import estimates, workers
from app.store.surveys import evidence
from app.web import urls
from app.web.charts.map_drawing import sheet
from app.web.deps import Reading
from app.web.pages import UnitsPage
from app.web.params import UnitParams
from app.web.parts import Crumb, PageLink, Pager
from app.web.render import render
from app.web.search import search
from app.web.views.evidence import surveying
from app.web.views.filters import filters
from app.web.views.frame import frame, network_crumbs
from app.web.views.presets import presets
from app.web.views.recipe_form import visualize_form

router = APIRouter()

OF_SURVEYS = (UnitSort.REACH, UnitSort.SPECIFIC, UnitSort.GENERIC)


@router.get("/{network:slug}/-/units")
def explorer(request: Request, session: Reading, network: str) -> HTMLResponse:
    card = networks.get_card(session, slug=network)
    query = UnitParams.of(request.query_params)
    return render(units_page(request, session, card, None, query))


@router.get("/{network:slug}/{layer}")
def layer(request: Request, session: Reading, network: str, layer: str) -> HTMLResponse:
    card = networks.get_card(session, slug=network)
    found = card.layer(layer)
    query = UnitParams.of({**request.query_params, "layer": layer, "stream": "", "class": ""})
    return render(units_page(request, session, card, found, query))


def units_page(
    request: Request, session: Session, card: NetworkCard, layer: Layer | None, query: UnitQuery
) -> UnitsPage:
    found = search_units(session, slug=card.slug, query=query)
    tally = unit_filters.tally(session, slug=card.slug, query=query, fixed_layer=layer is not None)
    surveyed = bool(tally.role) or evidence.get_survey(session, network=card.slug) is not None
    name = layer.name if layer else "All units"
    recipe = Recipe()

    def fill(fields: dict[str, str]) -> str:
        return urls.selection(card.slug, UnitQuery(layer=name), **fields)

    return UnitsPage(
        frame=frame(
            request,
            title=f"{name} · {card.title}",
            address=address(card, layer, query),
            description=f"{found.total:,}{'+' if found.capped else ''} units of {layer.name if layer else card.title}.",
            crumbs=network_crumbs(card, Crumb(name)),
            image=next((unit.poster for unit in found.items if unit.poster), None),
        ),
        card=card,
        layer=layer,
        query=query,
        units=found,
        search=search(card, query.q, found),
        pager=pager(card, layer, query, found),
        filters=filters(card, query, tally, layer, surveyed),
        map=sheet(card, query, unit_map.map_units(session, slug=card.slug, query=query))
        if query.view == "map"
        else None,
        whole_map=address(card, layer, query, region=None, page=1, after=None, before=None),
        sorts=tuple(
            sort.value
            for sort in UnitSort
            if sort is not UnitSort.ORDER and (surveyed or sort not in OF_SURVEYS or sort is query.sort)
        ),
        surveyed=surveyed,
        unsurveyed=None if surveyed or query.view != "map" else surveying(session, card=card),
        is_filtered=any(
            getattr(query, name) is not None for name in unit_filters.FILTERS if not (layer and name == "layer")
        ),
        form=visualize_form(card, layer.name, "all", count=layer.units, recipe=recipe, presets=presets(card, fill=fill))
        if layer
        else None,
        estimate=estimates.estimate(
            session,
            slug=card.slug,
            units={layer.name: range(layer.units)},
            recipe=recipe.resolved(card),
        )
        if layer
        else None,
        workers_alive=workers.any_alive(session),
    )


def address(card: NetworkCard, layer: Layer | None, query: UnitQuery, **changes: object) -> str:
    chosen = query.model_copy(update=changes)
    return urls.layer(card.slug, layer.name, chosen) if layer else urls.units(card.slug, chosen)


def pager(card: NetworkCard, layer: Layer | None, query: UnitQuery, found: UnitListing) -> Pager:
    """The first page, and those before and after: each continues from a unit's place, at the same cost anywhere."""

    def href(page: int, **place: object) -> str:
        return address(card, layer, query, page=page, **{"after": None, "before": None, **place})

    before = after = None
    if found.before:
        before = href(1) if query.page <= 2 else href(query.page - 1, before=found.before)
    if found.after:
        after = href(query.page + 1, after=found.after)
    around = ((query.page - 1, before), (query.page, None), (query.page + 1, after))
    links = [PageLink(number, link) for number, link in around if link or number == query.page]
    if links[0].number > 1:
        links.insert(0, PageLink(1, href(1)))
    return Pager(previous=before, next=after, links=tuple(links))
