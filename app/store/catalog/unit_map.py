"""The explorer's map: where the units that pass the filters lie, by what the newest survey found of them."""

from sqlalchemy import select

from app.contract.unit import MapPoint, UnitMap
from app.contract.unit_query import UnitQuery
from app.store.catalog.filters import size, sql_filters, within
from app.store.catalog.networks import card_of, network_row
from app.store.database.session import Session
from app.store.database.tables import UnitRow

MOST = 4000  # points of a map


def map_units(session: Session, *, slug: str, query: UnitQuery, most: int = MOST) -> UnitMap:
    """The whole map, whatever its region: a page shows the region within it. Where more than `most` units may pass,
    one of so many by their number, so that every layer has its share and every page the same.
    """
    row = network_row(session, slug)
    card = card_of(row)
    wide = query.model_copy(update={"region": None})
    one_of = max(1, -(-size(card, wide) // most))
    found = session.read(select(
            UnitRow.layer, UnitRow.index, UnitRow.label, UnitRow.stream, UnitRow.role, UnitRow.map_x, UnitRow.map_y,
            UnitRow.poster,
        )
        .where(UnitRow.map_x.is_not(None))
        .where(*within(row.id, card, wide), *sql_filters(card, wide))
        .where(*([UnitRow.index % one_of == 0] if one_of > 1 else []))
        .order_by(UnitRow.layer_index, UnitRow.index)
    )  # fmt: skip
    points = tuple(
        MapPoint(layer, unit, label, stream, role, x, y, poster)
        for layer, unit, label, stream, role, x, y, poster in found
        if x is not None and y is not None
    )
    return UnitMap(points, one_of)
