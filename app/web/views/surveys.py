"""The surveys of a network, and the form that asks for one."""

from dataclasses import dataclass
from typing import ClassVar

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse
from pydantic import ValidationError

from app.contract.dataset import Dataset
from app.contract.job import SurveyRequest
from app.contract.network import NetworkCard
from app.contract.survey import SurveySummary
from app.store import datasets
from app.store.catalog import networks
from app.store.surveys import evidence, writing
from app.web import urls
from app.web.deps import ReadSession, SettingsDep, WriteSession
from app.web.render import render
from app.web.requests.form import Form
from app.web.requests.validation import invalid_request
from app.web.requests.visitor import VisitorDep, new_owner, remember_owner, requester
from app.web.views.parts.layout import Page, network_crumbs, page_layout
from app.web.views.parts.navigation import Crumb
from app.web.views.parts.survey_status import SurveyStatus, survey_status

router = APIRouter()


@dataclass(frozen=True, kw_only=True)
class SurveysPage(Page):
    template: ClassVar[str] = "surveys.html"
    card: NetworkCard
    surveys: tuple[SurveySummary, ...]  # the finished ones
    survey_status: SurveyStatus
    datasets: tuple[Dataset, ...]


@router.get("/{network:slug}/-/surveys")
def surveys_page(request: Request, session: ReadSession, network: str) -> HTMLResponse:
    card = networks.get_card(session, slug=network)
    status = survey_status(session, card=card)
    page = SurveysPage(
        layout=page_layout(
            request,
            title=f"Surveys · {card.title}",
            address=urls.surveys(network),
            description=f"The data that {card.title} was shown, and how well it did.",
            crumbs=network_crumbs(card, Crumb("Surveys")),
            is_live=status.is_under_way,
        ),
        card=card,
        surveys=tuple(evidence.list_surveys(session, card=card)),
        survey_status=status,
        datasets=tuple(datasets.list_datasets(session)),
    )
    return render(page)


@router.post(urls.survey())
def request_survey(session: WriteSession, settings: SettingsDep, visitor: VisitorDep, form: Form) -> RedirectResponse:
    try:
        request = SurveyRequest.model_validate({name: form[name] for name in ("network", "dataset") if name in form})
    except ValidationError as error:
        raise invalid_request(error.errors(), within=("body",)) from error
    owner = visitor.cookie_owner or new_owner()
    writing.enqueue_survey(
        session,
        network=request.network,
        dataset=request.dataset,
        limit=settings.queue_limit,
        requester=requester(visitor, settings, owner),
    )
    response = RedirectResponse(urls.surveys(request.network), status_code=303)
    remember_owner(response, owner)
    return response
