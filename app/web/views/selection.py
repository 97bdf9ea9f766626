"""Some units at once: what it would take to visualize them, and asking for it."""

from dataclasses import dataclass

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse
from pydantic import ValidationError
from starlette.datastructures import ImmutableMultiDict

from app.contract.errors import InvalidRequest
from app.contract.job import Estimate, Priority, VisualizeRequest
from app.contract.network import NetworkCard
from app.contract.recipe import RECIPE_FIELD_NAMES, Recipe
from app.contract.unit import UnitSummary
from app.contract.unit_query import UnitQuery, UnitSort
from app.store import Session
from app.store.catalog import networks, search
from app.store.jobs import estimates, queue, requests, workers
from app.web import urls
from app.web.deps import Reading, SettingsDep, Writing
from app.web.formatting import plural
from app.web.owner import Owner, new_owner, remember
from app.web.pages import SelectionPage
from app.web.params import PLACE, UnitParams
from app.web.parts import Crumb
from app.web.render import render
from app.web.validation import RECIPE, explain
from app.web.views.form import MultiForm
from app.web.views.frame import frame, network_crumbs
from app.web.views.presets import presets
from app.web.views.recipe_form import visualize_form

router = APIRouter()

SHOWN = 12  # pictures on the page that asks
COMPARED = 8  # so few are shown side by side while they grow


@dataclass(frozen=True)
class Selection:
    """Units by name, or all that a query leaves; and the fields of an address that say so."""

    units: list[UnitSummary]
    capped: bool
    query: UnitQuery | None
    hidden: tuple[tuple[str, str], ...]

    @property
    def by_layer(self) -> dict[str, list[int]]:
        found: dict[str, list[int]] = {}
        for unit in self.units:
            found.setdefault(unit.layer, []).append(unit.index)
        return found


def select(session: Session, slug: str, sent: ImmutableMultiDict[str, str], limit: int) -> Selection:
    """What `u=layer/unit` names, however often it stands there; without it all units that the filters leave."""
    names = sent.getlist("u")
    if names:
        units = search.named_units(session, slug=slug, names=[place(name) for name in names])
        return Selection(units, False, None, tuple(("u", address(unit)) for unit in units))
    query = asked_for(sent)
    units = list(search.every_unit(session, slug=slug, query=query, limit=limit + 1))
    return Selection(units[:limit], len(units) > limit, query, fields(query))


def asked_for(sent: ImmutableMultiDict[str, str]) -> UnitQuery:
    return UnitParams.of({name: value for name, value in sent.items() if name not in PLACE})


def fields(query: UnitQuery) -> tuple[tuple[str, str], ...]:
    chosen = query.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    return tuple((name, str(chosen[name])) for name in chosen)


def place(name: str) -> tuple[str, int]:
    layer, slash, number = name.rpartition("/")
    if not slash or not (number.isascii() and number.isdecimal() and len(number) < 10):
        raise InvalidRequest(
            f"{name[:200]!r} names no unit. Write its layer and number, such as class/12.",
            fields=[{"field": "u", "detail": "Write layer/number."}],
        )
    return layer, int(number)


def address(unit: UnitSummary) -> str:
    return f"{unit.layer}/{unit.index}"


def estimated(
    session: Session, card: NetworkCard, sent: ImmutableMultiDict[str, str], recipe: Recipe, limit: int
) -> tuple[Selection, Estimate, tuple[str, ...]]:
    """What `select` gives, but of all that match the first alone, with what the whole would take and its layers."""
    resolved = recipe.resolved(card)
    if not sent.getlist("u"):
        query = asked_for(sent)
        cost, layers = estimates.estimate_matching(session, slug=card.slug, query=query, recipe=resolved)
        if cost.count <= limit:
            units = list(search.every_unit(session, slug=card.slug, query=query, limit=SHOWN))
            return Selection(units, False, query, fields(query)), cost, layers
    chosen = select(session, card.slug, sent, limit)
    cost = estimates.estimate(session, slug=card.slug, units=chosen.by_layer, recipe=resolved)
    return chosen, cost, tuple(chosen.by_layer)


@router.get("/{network:slug}/-/visualize")
def ask(request: Request, session: Reading, settings: SettingsDep, network: str) -> HTMLResponse:
    card = networks.get_card(session, slug=network)
    sent = request.query_params
    recipe = read_recipe(sent)
    chosen, estimate, layers = estimated(session, card, sent, recipe, settings.queue_limit)
    count = estimate.count
    title = f"Visualize {plural(count, 'unit')}"
    names = [] if chosen.query else [address(unit) for unit in chosen.units]

    def fill(fields: dict[str, str]) -> str:
        return urls.selection(network, chosen.query, names, **fields)

    page = SelectionPage(
        frame=frame(
            request,
            title=f"{title} · {card.title}",
            address=fill({}),
            description=f"What it would take to visualize {plural(count, 'unit')} of {card.title}.",
            crumbs=network_crumbs(card, Crumb("All units", urls.units(network, chosen.query)), Crumb(title)),
        ),
        card=card,
        units=tuple(chosen.units[:SHOWN]),
        count=count,
        capped=chosen.capped,
        layers=layers,
        hidden=chosen.hidden,
        form=visualize_form(card, "", "", count=count, recipe=recipe, presets=presets(card, fill=fill)),
        estimate=estimate,
        workers_alive=workers.any_alive(session),
    )
    return render(page)


@router.post("/{network:slug}/-/visualize")
def visualize(session: Writing, settings: SettingsDep, owner: Owner, network: str, form: MultiForm) -> RedirectResponse:
    owner = owner or new_owner()
    card = networks.get_card(session, slug=network)
    chosen = select(session, network, form, settings.queue_limit)
    recipe = read_recipe(form)
    priority = Priority.CLICK if len(chosen.units) == 1 else Priority.SWEEP
    for layer, units in chosen.by_layer.items():
        request = VisualizeRequest(network=network, layer=layer, units=units, recipe=recipe)
        answer = requests.enqueue(session, request=request, limit=settings.queue_limit, priority=priority)
        queue.own(session, jobs=answer.jobs, owner=owner)
    response = RedirectResponse(growing(card, chosen, recipe), status_code=303)
    remember(response, owner)
    return response


def growing(card: NetworkCard, chosen: Selection, recipe: Recipe) -> str:
    """Where the pictures that were asked for can be seen as they come."""
    if 1 <= len(chosen.units) <= COMPARED:
        names = [address(unit) for unit in chosen.units]
        return urls.compare(card.slug, names, speed=recipe.speed.value, seed=recipe.seed)
    query = (chosen.query or UnitQuery()).model_copy(update={"sort": UnitSort.RECENT, "state": None})
    if len(chosen.by_layer) == 1:
        return urls.layer(
            card.slug, next(iter(chosen.by_layer)), query.model_copy(update={"stream": None, "class_": None})
        )
    return urls.units(card.slug, query)


def read_recipe(sent: ImmutableMultiDict[str, str]) -> Recipe:
    """The fields of a recipe among what was sent; those left empty are as they are by themselves."""
    named = {name: value for name, value in sent.items() if name in RECIPE_FIELD_NAMES and value}
    try:
        return Recipe.model_validate(named)
    except ValidationError as error:
        raise explain(error.errors(), within=RECIPE) from error
