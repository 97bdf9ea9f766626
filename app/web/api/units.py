"""Units: searched across a network, and one with everything known of it."""

from typing import Annotated

from fastapi import APIRouter, Query

from app.contract.unit_query import FacetCounts
from app.store.catalog import networks, search, units
from app.store.catalog.facets import facet_counts
from app.store.jobs import listing
from app.store.results import visualizations
from app.store.surveys import evidence
from app.web.api.shapes import (
    JobOut,
    LayerName,
    NetworkSlug,
    UnitDetail,
    UnitIndex,
    UnitListingOut,
    UnitOut,
    VisualizationOut,
    errors,
)
from app.web.deps import Reading
from app.web.params import UnitQueryParams

router = APIRouter(prefix="/api/networks/{network}", tags=["units"])


@router.get(
    "/units",
    summary="Units of a network, filtered and sorted; the same query as the page",
    responses=errors(404, 422),
)
def search_units(session: Reading, network: NetworkSlug, query: Annotated[UnitQueryParams, Query()]) -> UnitListingOut:
    card = networks.get_card(session, slug=network)
    found = search.search_units(session, card=card, query=query)
    return UnitListingOut(**{**vars(found), "items": tuple(UnitOut.of(unit) for unit in found.items)})


@router.get(
    "/tally",
    summary="How many units each choice of a filter would leave",
    responses=errors(404, 422),
)
def tally(session: Reading, network: NetworkSlug, query: Annotated[UnitQueryParams, Query()]) -> FacetCounts:
    return facet_counts(session, card=networks.get_card(session, slug=network), query=query)


@router.get(
    "/layers/{layer}/units/{unit}",
    summary="One unit, what data says of it, its visualizations and its jobs",
    responses=errors(404, 422),
)
def get_unit(session: Reading, network: NetworkSlug, layer: LayerName, unit: UnitIndex) -> UnitDetail:
    card = networks.get_card(session, slug=network)
    return UnitDetail(
        unit=UnitOut.of(units.get_unit(session, card=card, layer=layer, unit=unit)),
        evidence=evidence.get_evidence(session, card=card, layer=layer, unit=unit),
        visualizations=tuple(
            VisualizationOut.of(found)
            for found in visualizations.visualizations_of_unit(session, card=card, layer=layer, unit=unit)
        ),
        jobs=tuple(JobOut.of(job) for job in listing.jobs_of_unit(session, card=card, layer=layer, unit=unit)),
    )
