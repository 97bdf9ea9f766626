"""The explorer's map: the units that pass the filters, at the positions that the newest survey gave them."""

from sqlalchemy import select

from app.contract.network import NetworkCard
from app.contract.unit import MapPoint, UnitMap
from app.contract.unit_query import UnitQuery
from app.store.catalog.networks import network_id
from app.store.catalog.selection import Selection
from app.store.database.session import Session
from app.store.database.tables import UnitRow

MAX_POINTS = 4000  # that a map shows


def map_units(session: Session, *, card: NetworkCard, query: UnitQuery, max_points: int = MAX_POINTS) -> UnitMap:
    """Return the whole map, also where the query names a region: the page shows the region within it.

    Where more than `max_points` units may pass, the map has every n-th unit of each layer, the same on every page.
    """
    selection = Selection.of(card, network_id(session, card), query.model_copy(update={"region": None}))
    one_of = max(1, -(-selection.count_on_card // max_points))
    rows = session.read(
        select(
            UnitRow.layer, UnitRow.index, UnitRow.label, UnitRow.stream, UnitRow.role, UnitRow.map_x, UnitRow.map_y,
            UnitRow.poster, UnitRow.coding,
        )
        .where(UnitRow.map_x.is_not(None))
        .where(*selection.conditions())
        .where(*([UnitRow.index % one_of == 0] if one_of > 1 else []))
        .order_by(UnitRow.layer_index, UnitRow.index)
    )  # fmt: skip
    points = tuple(
        MapPoint(layer, unit, label, stream, role, x, y, poster, coding)
        for layer, unit, label, stream, role, x, y, poster, coding in rows
        if x is not None and y is not None
    )
    return UnitMap(points, one_of)
