"""Surveys: requests, lists and reads them."""

from typing import Annotated, Self

from fastapi import APIRouter, Body, Query
from pydantic import Field

from app.contract.errors import Missing
from app.contract.job import SurveyRequest
from app.contract.survey import Survey, SurveySummary
from app.store.catalog import networks
from app.store.surveys import evidence, writing
from app.web import api_urls, urls
from app.web.api.error_bodies import errors, write_errors
from app.web.api.jobs import JobOut
from app.web.deps import ReadSession, SettingsDep, WriteSession
from app.web.requests.visitor import VisitorDep, requester

router = APIRouter(prefix="/api", tags=["surveys"])

EXAMPLE = {"network": "i3d", "dataset": "ucf101", "parts": None}


class SurveyOut(SurveySummary):
    href: str = Field(description="recall of each class and confusions too")
    page: str

    @classmethod
    def of(cls, survey: SurveySummary) -> Self:
        return cls(
            **vars(survey),
            href=api_urls.survey(survey.network, survey.dataset),
            page=urls.surveys(survey.network),
        )


@router.post(
    "/surveys",
    summary="Ask for a survey: a data set passed through a network",
    status_code=202,
    responses=write_errors(404, 409, 413, 415, 422),
)
def ask(
    session: WriteSession,
    settings: SettingsDep,
    visitor: VisitorDep,
    request: Annotated[SurveyRequest, Body(examples=[EXAMPLE])],
) -> JobOut:
    """Join the job of the same survey where it is under way. 409 where it runs without the parts that are asked for."""
    job = writing.enqueue_survey(
        session,
        network=request.network,
        dataset=request.dataset,
        parts=request.parts,
        limit=settings.queue_limit,
        requester=requester(visitor, settings),
    )
    return JobOut.of(job)


@router.get("/networks/{network}/surveys", summary="Surveys of a network, newest first", responses=errors(404, 422))
def list_surveys(session: ReadSession, network: str) -> list[SurveyOut]:
    card = networks.get_card(session, slug=network)
    return [SurveyOut.of(survey) for survey in evidence.list_surveys(session, card=card)]


@router.get(
    "/networks/{network}/survey",
    summary="The newest survey of a network: accuracy, recall of each class, confusions",
    responses=errors(404, 422),
)
def get_survey(
    session: ReadSession,
    network: str,
    dataset: Annotated[str | None, Query(max_length=63, description="that with this data set")] = None,
) -> Survey:
    card = networks.get_card(session, slug=network)
    survey = evidence.get_survey(session, card=card, dataset=dataset or None)
    if survey is None:
        raise Missing(f"{network} has not been surveyed yet. Ask for it: POST /api/surveys with network and dataset.")
    return survey
