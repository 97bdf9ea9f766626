"""Several units at once: an estimate of the work to visualize them, and the form that asks for it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse
from pydantic import ValidationError

from app.contract.job import Estimate, Priority, VisualizeRequest
from app.contract.network import NetworkCard
from app.contract.recipe import RECIPE_FIELD_NAMES, Recipe
from app.contract.unit import UnitSummary
from app.contract.unit_query import UnitQuery, UnitSort
from app.store import Session
from app.store.catalog import networks, search
from app.store.jobs import estimates, requests, workers
from app.web import urls
from app.web.deps import ReadSession, SettingsDep, WriteSession
from app.web.formatting import plural
from app.web.render import render
from app.web.requests.form import MultiForm
from app.web.requests.validation import RECIPE_LOCATION, invalid_request
from app.web.requests.visitor import VisitorDep, new_owner, remember_owner, requester
from app.web.views.compare import MAX_COMPARED_UNITS
from app.web.views.parts.layout import Page, network_crumbs, page_layout
from app.web.views.parts.navigation import Crumb
from app.web.views.parts.presets import list_presets
from app.web.views.parts.recipe_form import VisualizeForm, visualize_form
from app.web.views.parts.selected_units import Params, SelectedUnits, hidden_fields, parse_filters, select_units
from app.web.views.parts.unit_names import unit_name

router = APIRouter()

MAX_UNITS_SHOWN = 12


@dataclass(frozen=True, kw_only=True)
class SelectionPage(Page):
    """An estimate for the selected units. `hidden_fields` select the same units in the page's form."""

    template: ClassVar[str] = "selection.html"
    card: NetworkCard
    units: tuple[UnitSummary, ...]  # the first MAX_UNITS_SHOWN
    unit_count: int
    is_capped: bool  # whether more units match than the queue takes at once
    layers: tuple[str, ...]
    hidden_fields: tuple[tuple[str, str], ...]
    form: VisualizeForm
    estimate: Estimate
    workers_alive: bool


@router.get("/{network:slug}/-/visualize")
def selection_page(request: Request, session: ReadSession, settings: SettingsDep, network: str) -> HTMLResponse:
    card = networks.get_card(session, slug=network)
    recipe = parse_recipe(request.query_params)
    selected, estimate, layers = estimate_selection(
        session, card, request.query_params, recipe, limit=settings.queue_limit
    )
    count = plural(estimate.count, "unit")
    names = [] if selected.query else [unit_name(unit) for unit in selected.units]

    def form_href(recipe_fields: dict[str, str]) -> str:
        return urls.selection(network, selected.query, names, **recipe_fields)

    page = SelectionPage(
        layout=page_layout(
            request,
            title=f"Visualize {count} · {card.title}",
            address=form_href({}),
            description=f"What it would take to visualize {count} of {card.title}.",
            crumbs=network_crumbs(
                card, Crumb("All units", urls.units(network, selected.query)), Crumb(f"Visualize {count}")
            ),
        ),
        card=card,
        units=tuple(selected.units[:MAX_UNITS_SHOWN]),
        unit_count=estimate.count,
        is_capped=selected.is_capped,
        layers=tuple(layers),
        hidden_fields=selected.hidden_fields,
        form=visualize_form(
            card,
            "",
            "",
            unit_count=estimate.count,
            recipe=recipe,
            presets=list_presets(card, form_href=form_href),
        ),
        estimate=estimate,
        workers_alive=workers.any_alive(session),
    )
    return render(page)


def estimate_selection(
    session: Session, card: NetworkCard, params: Params, recipe: Recipe, *, limit: int
) -> tuple[SelectedUnits, Estimate, Sequence[str]]:
    """Return the selected units, an estimate for all of them, and the names of their layers.

    Of units that match filters only the first are read: the estimate counts the others in the database, so that a
    selection of a million units costs no more than one of a dozen.
    """
    resolved = recipe.resolved(card)
    if not params.getlist("u"):
        query = parse_filters(params)
        estimate, layers = estimates.estimate_matching(session, card=card, query=query, recipe=resolved)
        if estimate.count <= limit:
            units = list(search.iter_units(session, card=card, query=query, limit=MAX_UNITS_SHOWN))
            return SelectedUnits(units, False, query, hidden_fields(query)), estimate, layers
    selected = select_units(session, card, params, limit)
    by_layer = selected.by_layer
    estimate = estimates.estimate(session, card=card, units=by_layer, recipe=resolved)
    return selected, estimate, tuple(by_layer)


@router.post("/{network:slug}/-/visualize")
def request_selection(
    session: WriteSession, settings: SettingsDep, visitor: VisitorDep, network: str, form: MultiForm
) -> RedirectResponse:
    owner = visitor.cookie_owner or new_owner()
    asker = requester(visitor, settings, owner)
    card = networks.get_card(session, slug=network)
    selected = select_units(session, card, form, settings.queue_limit)
    recipe = parse_recipe(form)
    priority = Priority.CLICK if len(selected.units) == 1 else Priority.SWEEP
    for layer, units in selected.by_layer.items():
        request = VisualizeRequest(network=network, layer=layer, units=units, recipe=recipe)
        requests.enqueue(session, request=request, limit=settings.queue_limit, priority=priority, requester=asker)
    response = RedirectResponse(results_href(card, selected, recipe), status_code=303)
    remember_owner(response, owner)
    return response


def results_href(card: NetworkCard, selected: SelectedUnits, recipe: Recipe) -> str:
    """Return the address of the page that shows the new visualizations: side by side where they are few."""
    if 1 <= len(selected.units) <= MAX_COMPARED_UNITS:
        names = [unit_name(unit) for unit in selected.units]
        return urls.compare(card.slug, names, speed=recipe.speed.value, seed=recipe.seed)
    query = (selected.query or UnitQuery()).model_copy(update={"sort": UnitSort.RECENT, "state": None})
    if len(selected.by_layer) == 1:
        [layer] = selected.by_layer
        return urls.layer(card.slug, layer, query.model_copy(update={"stream": None, "class_": None}))
    return urls.units(card.slug, query)


def parse_recipe(params: Params) -> Recipe:
    """Return the recipe in an address or a form; fields that are missing or empty have their defaults.

    Raises InvalidRecipe.
    """
    fields = {name: value for name, value in params.items() if name in RECIPE_FIELD_NAMES and value}
    try:
        return Recipe.model_validate(fields)
    except ValidationError as error:
        raise invalid_request(error.errors(), within=RECIPE_LOCATION) from error
