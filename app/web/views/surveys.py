"""The surveys of a network, and the form that asks for one."""

from dataclasses import dataclass
from typing import ClassVar

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse
from pydantic import ValidationError

from app.contract.dataset import Dataset
from app.contract.job import SurveyRequest
from app.contract.network import NetworkCard
from app.contract.survey import Survey, SurveySummary
from app.contract.survey_part import SurveyPart
from app.store import datasets
from app.store.catalog import networks
from app.store.surveys import evidence, writing
from app.store.surveys.costs import estimate_seconds
from app.web import urls
from app.web.deps import ReadSession, SettingsDep, WriteSession
from app.web.render import render
from app.web.requests.form import MultiForm
from app.web.requests.validation import invalid_request
from app.web.requests.visitor import VisitorDep, new_owner, remember_owner, requester
from app.web.views.parts.layout import Page, network_crumbs, page_layout
from app.web.views.parts.navigation import Crumb
from app.web.views.parts.survey_status import SurveyStatus, survey_status

router = APIRouter()

MAX_ESTIMATED_DATASETS = 20  # whose estimates are on the page
PART_WORDS = {
    SurveyPart.RECORD: "what excites every unit, accuracy, confusions",
    SurveyPart.PROBE: "tuning to speed and direction, synergy of the streams",
    SurveyPart.ATTRIBUTE: "the classes that units contribute to",
    SurveyPart.STREAMS: "what each stream contributes: streams swapped between clips",
    SurveyPart.MASK: "what the moving and the still parts of the frame contribute",
    SurveyPart.SELECTIVITY: "units specific to few classes, beside chance and shuffled weights",
    SurveyPart.SILENCE: "what classes lose when a unit is silenced",
    SurveyPart.INTERACTION: "how units combine appearance and motion",
    SurveyPart.CODING: "units that code what is static, dynamic, or both",
    SurveyPart.INVARIANCE: "what stays the same at other speeds and in other directions",
    SurveyPart.REPAIRS: "changes of clips that repair or cause errors",
}


@dataclass(frozen=True, kw_only=True)
class SurveysPage(Page):
    template: ClassVar[str] = "surveys.html"
    card: NetworkCard
    surveys: tuple[SurveySummary, ...]  # the finished ones
    survey_status: SurveyStatus
    datasets: tuple[Dataset, ...]
    newest: Survey | None
    part_words: dict[SurveyPart, str]
    part_seconds: dict[str, dict[SurveyPart, float]]  # estimates, by data set


@router.get("/{network:slug}/-/surveys")
def surveys_page(request: Request, session: ReadSession, network: str) -> HTMLResponse:
    card = networks.get_card(session, slug=network)
    status = survey_status(session, card=card)
    known_datasets = tuple(datasets.list_datasets(session))
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
        datasets=known_datasets,
        newest=evidence.get_survey(session, card=card),
        part_words=PART_WORDS,
        part_seconds={
            each.slug: estimate_seconds(session, card=card, clips=each.clips)
            for each in known_datasets[:MAX_ESTIMATED_DATASETS]
        },
    )
    return render(page)


@router.post(urls.survey())
def request_survey(
    session: WriteSession, settings: SettingsDep, visitor: VisitorDep, form: MultiForm
) -> RedirectResponse:
    """Queue a survey of the parts that are ticked; of all parts where all are, or none."""
    parts = form.getlist("parts")
    named = {name: form[name] for name in ("network", "dataset") if name in form}
    try:
        request = SurveyRequest.model_validate(
            named if not parts or set(parts) == set(SurveyPart) else {**named, "parts": parts}
        )
    except ValidationError as error:
        raise invalid_request(error.errors(), within=("body",)) from error
    owner = visitor.cookie_owner or new_owner()
    writing.enqueue_survey(
        session,
        network=request.network,
        dataset=request.dataset,
        parts=request.parts,
        limit=settings.queue_limit,
        requester=requester(visitor, settings, owner),
    )
    response = RedirectResponse(urls.surveys(request.network), status_code=303)
    remember_owner(response, owner)
    return response
