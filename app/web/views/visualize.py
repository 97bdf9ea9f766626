"""Receives the form for visualizations of one unit or of a whole layer, and redirects to the page that shows them."""

from typing import Annotated

from fastapi import APIRouter
from fastapi.responses import RedirectResponse
from pydantic import Field, TypeAdapter, ValidationError

from app.contract.job import VisualizeRequest
from app.contract.network import CLASS_LAYER
from app.contract.recipe import Speed
from app.contract.unit_query import UnitQuery, UnitSort
from app.store import Session
from app.store.catalog import networks
from app.store.jobs import requests
from app.store.jobs.newest_survey import with_newest_survey
from app.store.results import visualizations
from app.web import urls
from app.web.deps import BaseAddress, SettingsDep, WriteSession
from app.web.requests.form import Form, MultiForm, back_address
from app.web.requests.validation import invalid_request
from app.web.requests.visitor import VisitorDep, new_owner, remember_owner, requester
from app.web.views.parts.recipes import default_recipe, is_default_of_before, recipe_query_params

router = APIRouter()

VISUALIZATIONS = TypeAdapter(
    Annotated[list[Annotated[int, Field(ge=1, lt=2**63)]], Field(min_length=1, max_length=len(Speed))]
)
CLASS_PAGE = "class"  # a value of the field `page`: redirect to the page of the class, not of its unit


@router.post(urls.visualize())
def request_visualizations(
    session: WriteSession, settings: SettingsDep, visitor: VisitorDep, form: Form
) -> RedirectResponse:
    owner = visitor.cookie_owner or new_owner()
    page = form.pop("page", None)
    request = parse_request(form)
    asker = requester(visitor, settings, owner)
    requests.enqueue(session, request=request, limit=settings.queue_limit, requester=asker)
    response = RedirectResponse(result_href(session, request, page), status_code=303)
    remember_owner(response, owner)
    return response


@router.post(urls.visualize_anew())
def request_anew(
    session: WriteSession, settings: SettingsDep, base: BaseAddress, visitor: VisitorDep, form: MultiForm
) -> RedirectResponse:
    """Ask for results of one unit again, each under its own recipe with what the newest survey measured.

    Where that was the default one of before, each is asked for under the default one of today.

    Leads to `back` where it is given, else to the first of them.
    """
    owner = visitor.cookie_owner or new_owner()
    asked = [_asked_anew(session, id) for id in parse_visualizations(form)]
    for request in asked:
        asker = requester(visitor, settings, owner)
        requests.enqueue(session, request=request, limit=settings.queue_limit, requester=asker)
    fields = dict(form)
    shown = result_href(session, asked[0], fields.get("page"))
    response = RedirectResponse(back_address(fields, base, default=shown), status_code=303)
    remember_owner(response, owner)
    return response


def _asked_anew(session: Session, visualization: int) -> VisualizeRequest:
    made = visualizations.get_visualization(session, visualization_id=visualization)
    card = networks.get_card(session, slug=made.network)
    own = made.recipe
    if is_default_of_before(own, card):
        recipe = default_recipe(own.speed, own.seed, card, own.objective, own.sign)
    else:
        recipe = with_newest_survey(own.model_copy(update={"survey_maxima": ""}), card)
    return VisualizeRequest(network=made.network, layer=made.layer, units=[made.unit], recipe=recipe)


def parse_visualizations(form: MultiForm) -> list[int]:
    """Return the ids of results in the fields `visualization` of a form. Raises InvalidRequest."""
    try:
        return VISUALIZATIONS.validate_python(form.getlist("visualization"))
    except ValidationError as error:
        raise invalid_request(error.errors(), within=("body", "visualization")) from error


def result_href(session: Session, request: VisualizeRequest, page: str | None) -> str:
    """Return the address of the page that shows the visualizations, finished or growing."""
    if not isinstance(request.units, list):
        return urls.layer(request.network, request.layer, UnitQuery(sort=UnitSort.RECENT))
    card = networks.get_card(session, slug=request.network)
    unit, query = request.units[0], recipe_query_params(request.recipe, card)
    if page == CLASS_PAGE and request.layer == CLASS_LAYER:
        return urls.class_(request.network, card.classes[unit], **query)
    return urls.unit(request.network, request.layer, unit, **query)


def parse_request(form: dict[str, str]) -> VisualizeRequest:
    """Return the request in a form. Raises InvalidRequest or InvalidRecipe, with the same sentences as the API."""
    fields = {name: value for name, value in form.items() if name in VisualizeRequest.model_fields}
    units = fields.get("units", "")
    body: dict[str, object] = {
        **fields,
        "recipe": {name: value for name, value in form.items() if name not in fields},
    }
    if units != "all":
        body["units"] = units.split(",")
    try:
        return VisualizeRequest.model_validate(body)
    except ValidationError as error:
        raise invalid_request(error.errors(), within=("body",)) from error
