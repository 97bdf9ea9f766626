"""A whole network as JSON Lines: one line for each unit, with its evidence and its visualizations."""

from collections.abc import AsyncIterator, Sequence

from fastapi import APIRouter
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import StreamingResponse

from app.contract.evidence import UnitEvidence
from app.contract.result import Visualization
from app.contract.unit import UnitSummary
from app.contract.unit_query import UnitQuery
from app.store.catalog import networks, search
from app.store.database.engine import Store
from app.store.results import visualizations
from app.store.surveys import evidence
from app.web.api.error_bodies import errors_as_json
from app.web.api.parameters import NetworkSlug
from app.web.api.units import UnitDetail, UnitOut
from app.web.api.visualizations import VisualizationOut
from app.web.deps import AdmissionDep, ReadSession, StoreDep
from app.web.serving.admission import Admission

router = APIRouter(prefix="/api/networks/{network}", tags=["units"])

JSON_LINES = "application/x-ndjson"
UNITS_PER_BATCH = 100  # of 21 kB each with evidence for 235 classes


@router.get(
    "/units.jsonl",
    summary="Every unit of a network with its evidence and its visualizations, one a line",
    description="A line is what a unit's own address answers, without its jobs.",
    response_class=StreamingResponse,
    responses={
        200: {"content": {JSON_LINES: {"schema": {"type": "string"}}}, "description": "A line of JSON for each unit"},
        **errors_as_json(404, 422, 429),
    },
)
def list_all_units(
    session: ReadSession, store: StoreDep, admission: AdmissionDep, network: NetworkSlug
) -> StreamingResponse:
    networks.get_card(session, slug=network)
    return StreamingResponse(stream_units(store, admission, network), media_type=JSON_LINES)


async def stream_units(
    store: Store, admission: Admission, network: str, *, units_per_batch: int = UNITS_PER_BATCH
) -> AsyncIterator[str]:
    """Yield lines in batches. Each batch has its own session, so that none is open while a client reads slowly."""
    query: UnitQuery | None = UnitQuery(per_page=units_per_batch)
    while query is not None:
        async with admission.download_slot():
            lines, query = await run_in_threadpool(read_batch, store, network, query)
        yield lines


def read_batch(store: Store, network: str, query: UnitQuery) -> tuple[str, UnitQuery | None]:
    """Return the lines of a page of units, and the query of the next page if there is one."""
    with store.session() as session:
        card = networks.get_card(session, slug=network)
        listing = search.search_units(session, card=card, query=query)
        results = visualizations.visualizations_of_units(session, card=card, units=listing.items)
        positions = [(card.layer(unit.layer).index, unit.index) for unit in listing.items]
        measured = evidence.evidence_of_units(session, card=card, positions=positions)
    lines = "".join(
        to_line(unit, measured.get(position), results.get((unit.layer, unit.index), []))
        for unit, position in zip(listing.items, positions, strict=True)
    )
    return lines, query.model_copy(update={"after": listing.after}) if listing.after else None


def to_line(unit: UnitSummary, measured: UnitEvidence | None, results: Sequence[Visualization]) -> str:
    detail = UnitDetail(
        unit=UnitOut.of(unit),
        evidence=measured,
        visualizations=tuple(VisualizationOut.of(each) for each in results),
        jobs=(),
    )
    return detail.model_dump_json(exclude={"jobs"}) + "\n"
