"""The surveys of a network, and the form that asks for one."""

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse
from pydantic import ValidationError

from app.contract.job import SurveyRequest
from app.store import datasets
from app.store.catalog import networks
from app.store.surveys import evidence, writing
from app.web import urls
from app.web.deps import Reading, SettingsDep, Writing
from app.web.pages import SurveysPage
from app.web.parts import Crumb
from app.web.render import render
from app.web.validation import explain
from app.web.views.evidence import is_under_way, surveying
from app.web.views.form import Form
from app.web.views.frame import frame, network_crumbs

router = APIRouter()


@router.get("/{network:slug}/-/surveys")
def surveys_of_network(request: Request, session: Reading, network: str) -> HTMLResponse:
    card = networks.get_card(session, slug=network)
    found = surveying(session, card=card)
    page = SurveysPage(
        frame=frame(
            request,
            title=f"Surveys · {card.title}",
            address=urls.surveys(network),
            description=f"The data that {card.title} was shown, and how well it did.",
            crumbs=network_crumbs(card, Crumb("Surveys")),
            is_live=is_under_way(found),
        ),
        card=card,
        surveys=tuple(evidence.list_surveys(session, network=network)),
        surveying=found,
        datasets=tuple(datasets.list_datasets(session)),
    )
    return render(page)


@router.post(urls.survey())
def ask(session: Writing, settings: SettingsDep, form: Form) -> RedirectResponse:
    try:
        request = SurveyRequest.model_validate({name: form[name] for name in ("network", "dataset") if name in form})
    except ValidationError as error:
        found = [{**finding, "loc": ("body", *finding["loc"])} for finding in error.errors()]
        raise explain(found) from error
    writing.enqueue_survey(session, network=request.network, dataset=request.dataset, limit=settings.queue_limit)
    return RedirectResponse(urls.surveys(request.network), status_code=303)
