"""Visualizations: requests and reads them."""

from typing import Annotated, Self

from fastapi import APIRouter, Body, Path, Response
from pydantic import Field

from app.contract.job import JobState, VisualizeRequest
from app.contract.model import Model
from app.contract.result import Visualization
from app.store.jobs import requests
from app.store.results import visualizations
from app.web import api_urls, urls
from app.web.api.error_bodies import errors, write_errors
from app.web.api.media import MediaOut
from app.web.deps import ReadSession, SettingsDep, WriteSession
from app.web.requests.visitor import VisitorDep, requester

router = APIRouter(prefix="/api/visualizations", tags=["visualizations"])

EXAMPLES = {
    "one unit": {"value": {"network": "i3d", "layer": "class", "units": [175], "recipe": {"speed": "slow"}}},
    "a whole layer": {"value": {"network": "i3d", "layer": "Mixed_4f", "units": "all"}},
}


class VisualizationOut(Visualization):
    href: str
    page: str = Field(description="the unit's page")
    media: tuple[MediaOut, ...]

    @classmethod
    def of(cls, visualization: Visualization) -> Self:
        return cls(
            **{**vars(visualization), "media": tuple(MediaOut.of(ref) for ref in visualization.media)},
            href=api_urls.visualization(visualization.id),
            page=urls.unit(visualization.network, visualization.layer, visualization.unit),
        )


class JobTicket(Model):
    id: int
    state: JobState
    unit: int
    href: str


class CachedTicket(Model):
    unit: int
    visualization: int
    href: str


class Tickets(Model):
    """The jobs (new, or joined where the same work is under way) and the results that are already there."""

    jobs: tuple[JobTicket, ...]
    cached: tuple[CachedTicket, ...]


@router.post(
    "",
    summary="Ask for visualizations of one unit, several, or a whole layer",
    status_code=202,
    responses={
        200: {"model": Tickets, "description": "Everything is already there"},
        **write_errors(404, 413, 415, 422),
    },
)
def visualize(
    session: WriteSession,
    settings: SettingsDep,
    visitor: VisitorDep,
    response: Response,
    request: Annotated[VisualizeRequest, Body(openapi_examples=EXAMPLES)],
) -> Tickets:
    asker = requester(visitor, settings)
    answer = requests.enqueue(session, request=request, limit=settings.queue_limit, requester=asker)
    if not answer.jobs:
        response.status_code = 200
    return Tickets(
        jobs=tuple(
            JobTicket(id=job.id, state=job.state, unit=job.unit, href=api_urls.job(job.id)) for job in answer.jobs
        ),
        cached=tuple(
            CachedTicket(
                unit=each.unit,
                visualization=each.visualization,
                href=api_urls.visualization(each.visualization),
            )
            for each in answer.cached
        ),
    )


@router.get(
    "/{visualization_id}",
    summary="A finished visualization: recipe, measurements, media",
    responses=errors(404, 422),
)
def get_visualization(
    session: ReadSession, visualization_id: Annotated[int, Path(ge=1, lt=2**63, examples=[1])]
) -> VisualizationOut:
    return VisualizationOut.of(visualizations.get_visualization(session, visualization_id=visualization_id))
