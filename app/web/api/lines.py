"""A whole network as JSON Lines: one unit a line, with everything that was made of it."""

from collections.abc import Iterator

from fastapi import APIRouter
from fastapi.responses import StreamingResponse

from app.contract.unit_query import UnitQuery
from app.store.catalog import networks, search
from app.store.database.engine import Store
from app.store.results import visualizations
from app.web.api.shapes import NetworkSlug, UnitDetail, UnitOut, VisualizationOut, errors_as_json
from app.web.deps import StoreDep

router = APIRouter(prefix="/api/networks/{network}", tags=["units"])

LINES = "application/x-ndjson"
AT_ONCE = 200


@router.get(
    "/units.jsonl",
    summary="Every unit of a network with its visualizations, one a line",
    response_class=StreamingResponse,
    responses={
        200: {"content": {LINES: {"schema": {"type": "string"}}}, "description": "A line of JSON for each unit"},
        **errors_as_json(404, 422),
    },
)
def every_unit(store: StoreDep, network: NetworkSlug) -> StreamingResponse:
    with store.session() as session:
        networks.get_card(session, slug=network)
    return StreamingResponse(lines(store, network), media_type=LINES)


def lines(store: Store, network: str) -> Iterator[str]:
    """In batches that continue from the last one, so that no session is open while a client reads slowly."""
    query: UnitQuery | None = UnitQuery(per_page=AT_ONCE)
    while query is not None:
        with store.session() as session:
            found = search.search_units(session, slug=network, query=query)
            results = visualizations.for_units(session, slug=network, units=found.items)
        for unit in found.items:
            made = results.get((unit.layer, unit.index), [])
            detail = UnitDetail(
                unit=UnitOut.of(unit), visualizations=tuple(VisualizationOut.of(each) for each in made), jobs=()
            )
            yield detail.model_dump_json(exclude={"jobs"}) + "\n"
        query = query.model_copy(update={"after": found.after}) if found.after else None
