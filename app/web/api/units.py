"""Units: searches those of a network, and reads one with its evidence, visualizations and jobs."""

from typing import Annotated, Self

from fastapi import APIRouter, Query
from pydantic import Field

from app.contract.evidence import UnitEvidence
from app.contract.model import Model, Paginated
from app.contract.unit import UnitSummary
from app.contract.unit_query import FacetCounts
from app.store.catalog import networks, search, units
from app.store.catalog.facets import facet_counts
from app.store.jobs import listing
from app.store.results import visualizations
from app.store.surveys import evidence
from app.web import api_urls, urls
from app.web.api.error_bodies import errors
from app.web.api.jobs import JobOut
from app.web.api.parameters import LayerName, NetworkSlug, UnitIndex
from app.web.api.visualizations import VisualizationOut
from app.web.deps import ReadSession
from app.web.requests.params import UnitQueryParams

router = APIRouter(prefix="/api/networks/{network}", tags=["units"])


class UnitOut(UnitSummary):
    href: str
    page: str = Field(description="the unit's page")
    poster_href: str | None
    loop_href: str | None

    @classmethod
    def of(cls, unit: UnitSummary) -> Self:
        return cls(
            **vars(unit),
            href=api_urls.unit(unit.network, unit.layer, unit.index),
            page=urls.unit(unit.network, unit.layer, unit.index),
            poster_href=unit.poster and urls.media(unit.poster),
            loop_href=unit.loop and urls.media(unit.loop),
        )


class UnitListingOut(Paginated[UnitOut]):
    """A page of units. `total` is where counting stopped if `capped`. To go on, repeat the query with `after`."""

    capped: bool
    left_out: tuple[str, ...] = Field(description="words of `q` that mean nothing here: it was searched for the others")
    after: str | None = Field(description="cursor of the last unit here, if more follow")
    before: str | None = Field(description="cursor of the first unit here, if others come before")


class UnitDetail(Model):
    """A unit with its evidence, its visualizations and its jobs.

    The evidence is that of the newest survey, the visualizations are newest first, and the jobs are those that wait,
    run, or ended without a visualization.
    """

    unit: UnitOut
    evidence: UnitEvidence | None = None
    visualizations: tuple[VisualizationOut, ...]
    jobs: tuple[JobOut, ...]


@router.get(
    "/units",
    summary="Units of a network, filtered and sorted; the same query as the page",
    responses=errors(404, 422),
)
def search_units(
    session: ReadSession, network: NetworkSlug, query: Annotated[UnitQueryParams, Query()]
) -> UnitListingOut:
    card = networks.get_card(session, slug=network)
    listing_page = search.search_units(session, card=card, query=query)
    return UnitListingOut(**{**vars(listing_page), "items": tuple(UnitOut.of(unit) for unit in listing_page.items)})


@router.get(
    "/tally",
    summary="How many units each choice of a filter would leave",
    responses=errors(404, 422),
)
def tally(session: ReadSession, network: NetworkSlug, query: Annotated[UnitQueryParams, Query()]) -> FacetCounts:
    return facet_counts(session, card=networks.get_card(session, slug=network), query=query)


@router.get(
    "/layers/{layer:slashed_layer}/units/{unit}",
    summary="One unit with its evidence, its visualizations and its jobs",
    responses=errors(404, 422),
)
def get_unit(session: ReadSession, network: NetworkSlug, layer: LayerName, unit: UnitIndex) -> UnitDetail:
    card = networks.get_card(session, slug=network)
    return UnitDetail(
        unit=UnitOut.of(units.get_unit(session, card=card, layer=layer, unit=unit)),
        evidence=evidence.get_evidence(session, card=card, layer=layer, unit=unit),
        visualizations=tuple(
            VisualizationOut.of(each)
            for each in visualizations.visualizations_of_unit(session, card=card, layer=layer, unit=unit)
        ),
        jobs=tuple(JobOut.of(job) for job in listing.jobs_of_unit(session, card=card, layer=layer, unit=unit)),
    )
