"""Grids of units: the explorer over a whole network, and the units of one layer."""

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from app.contract.catalog import Layer, NetworkCard, UnitQuery, UnitSort
from app.contract.recipe import Recipe
from app.store import Session, catalog, workers
from app.web import urls
from app.web.deps import Reading
from app.web.pages import Crumb, UnitsPage
from app.web.render import render
from app.web.urls import UnitParams
from app.web.views.frame import frame, network_crumbs
from app.web.views.pager import pager
from app.web.views.recipe_form import visualize_form

router = APIRouter()

FILTERS = ("layer", "stream", "class_", "state", "q")


@router.get("/{network:slug}/-/units")
def explorer(request: Request, session: Reading, network: str) -> HTMLResponse:
    card = catalog.get_network(session, slug=network).card
    query = UnitParams.of(request.query_params)
    return render(units_page(request, session, card, None, query))


@router.get("/{network:slug}/{layer}")
def layer(request: Request, session: Reading, network: str, layer: str) -> HTMLResponse:
    card = catalog.get_network(session, slug=network).card
    found = card.layer(layer)
    query = UnitParams.of({**request.query_params, "layer": layer, "stream": "", "class": ""})
    return render(units_page(request, session, card, found, query))


def units_page(
    request: Request, session: Session, card: NetworkCard, layer: Layer | None, query: UnitQuery
) -> UnitsPage:
    found = catalog.search_units(session, slug=card.slug, query=query)

    def href(page: int) -> str:
        chosen = query.model_copy(update={"page": page})
        return urls.layer(card.slug, layer.name, chosen) if layer else urls.units(card.slug, chosen)

    name = layer.name if layer else "All units"
    return UnitsPage(
        frame=frame(
            request,
            title=f"{name} · {card.title}",
            address=href(query.page),
            description=f"{found.total:,} units of {layer.name if layer else card.title}.",
            crumbs=network_crumbs(card, Crumb(name)),
            image=next((unit.poster for unit in found.items if unit.poster), None),
        ),
        card=card,
        layer=layer,
        query=query,
        units=found,
        pager=pager(query.page, query.per_page, found.total, href),
        streams=tuple(dict.fromkeys(each.stream for each in card.layers)),
        sorts=tuple(sort.value for sort in UnitSort if sort is not UnitSort.ORDER),
        is_filtered=any(getattr(query, name) for name in FILTERS if not (layer and name == "layer")),
        form=visualize_form(card.slug, layer.name, "all", count=layer.units, recipe=Recipe()) if layer else None,
        workers_alive=any(worker.alive for worker in workers.list_workers(session)),
    )
