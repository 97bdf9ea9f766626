"""Units: searched across a network, and one with everything known of it."""

from typing import Annotated

from fastapi import APIRouter, Path, Query

from app.contract.model import Page
from app.store import catalog, jobs, visualizations
from app.web.api.shapes import JobOut, UnitDetail, UnitOut, VisualizationOut, errors
from app.web.deps import Reading
from app.web.urls import UnitParams

router = APIRouter(prefix="/networks/{network}", tags=["units"])

UnitIndex = Annotated[int, Path(ge=0, lt=2**31)]


@router.get(
    "/units",
    summary="Units of a network, filtered and sorted; the same query as the page",
    responses=errors(404, 422),
)
def search_units(session: Reading, network: str, query: Annotated[UnitParams, Query()]) -> Page[UnitOut]:
    page = catalog.search_units(session, slug=network, query=query)
    return Page(items=tuple(UnitOut.of(unit) for unit in page.items), total=page.total, next=page.next)


@router.get(
    "/layers/{layer}/units/{unit}",
    summary="One unit, its visualizations and its jobs",
    responses=errors(404, 422),
)
def get_unit(session: Reading, network: str, layer: str, unit: UnitIndex) -> UnitDetail:
    return UnitDetail(
        unit=UnitOut.of(catalog.get_unit(session, slug=network, layer=layer, unit=unit)),
        visualizations=tuple(
            VisualizationOut.of(found)
            for found in visualizations.for_unit(session, slug=network, layer=layer, unit=unit)
        ),
        jobs=tuple(JobOut.of(job) for job in jobs.jobs_for_unit(session, slug=network, layer=layer, unit=unit)),
    )
