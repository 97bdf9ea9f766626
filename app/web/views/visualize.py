"""The form that asks for work, for browsers without JavaScript and with: to the result, cached or growing."""

from fastapi import APIRouter
from fastapi.responses import RedirectResponse
from pydantic import ValidationError

from app.contract.job import VisualizeRequest
from app.contract.network import CLASS_LAYER
from app.contract.unit_query import UnitQuery, UnitSort
from app.store import Session
from app.store.catalog import networks
from app.store.jobs import queue, requests
from app.web import urls
from app.web.deps import SettingsDep, Writing
from app.web.owner import Owner, new_owner, remember
from app.web.validation import explain
from app.web.views.form import Form
from app.web.views.stimulus import recipe_choices

router = APIRouter()

CLASS_PAGE = "class"  # value of the field `page`: lead back to the class, not to its unit


@router.post(urls.visualize())
def visualize(session: Writing, settings: SettingsDep, owner: Owner, form: Form) -> RedirectResponse:
    owner = owner or new_owner()
    page = form.pop("page", None)
    request = parse(form)
    answer = requests.enqueue(session, request=request, limit=settings.queue_limit)
    queue.own(session, jobs=answer.jobs, owner=owner)
    response = RedirectResponse(leads_to(session, request, page), status_code=303)
    remember(response, owner)
    return response


def leads_to(session: Session, request: VisualizeRequest, page: str | None) -> str:
    """Where the pictures that were asked for can be seen as they come."""
    if not isinstance(request.units, list):
        return urls.layer(request.network, request.layer, UnitQuery(sort=UnitSort.RECENT))
    card = networks.get_card(session, slug=request.network)
    unit, choices = request.units[0], recipe_choices(request.recipe, card)
    if page == CLASS_PAGE and request.layer == CLASS_LAYER:
        return urls.class_(request.network, card.classes[unit], **choices)
    return urls.unit(request.network, request.layer, unit, **choices)


def parse(form: dict[str, str]) -> VisualizeRequest:
    """Raises InvalidRequest or InvalidRecipe in the words of the API."""
    named = {name: value for name, value in form.items() if name in VisualizeRequest.model_fields}
    units = named.get("units", "")
    body: dict[str, object] = {
        **named,
        "recipe": {name: value for name, value in form.items() if name not in named},
    }
    if units != "all":
        body["units"] = units.split(",")
    try:
        return VisualizeRequest.model_validate(body)
    except ValidationError as error:
        found = [{**finding, "loc": ("body", *finding["loc"])} for finding in error.errors()]
        raise explain(found) from error
