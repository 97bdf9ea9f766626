"""Receives the form for visualizations of one unit or of a whole layer, and redirects to the page that shows them."""

from fastapi import APIRouter
from fastapi.responses import RedirectResponse
from pydantic import ValidationError

from app.contract.job import VisualizeRequest
from app.contract.network import CLASS_LAYER
from app.contract.unit_query import UnitQuery, UnitSort
from app.store import Session
from app.store.catalog import networks
from app.store.jobs import requests
from app.web import urls
from app.web.deps import SettingsDep, WriteSession
from app.web.requests.form import Form
from app.web.requests.validation import invalid_request
from app.web.requests.visitor import VisitorDep, new_owner, remember_owner, requester
from app.web.views.parts.recipes import recipe_query_params

router = APIRouter()

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
