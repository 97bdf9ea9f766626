"""How many units pass the explorer's filters, by layer, stream, role and state."""

from collections import Counter

from sqlalchemy import Select, func, literal, select

from app.contract.network import NetworkCard
from app.contract.unit_query import FacetCounts, UnitQuery
from app.store.catalog.filters import FILTERS
from app.store.catalog.networks import network_id
from app.store.catalog.selection import Selection
from app.store.database.session import Session, UnitCount
from app.store.database.tables import UnitCountRow, UnitRow

MAX_COUNTED_UNITS = 2_000  # units that are counted one by one where no stored count has their number


def facet_counts(
    session: Session,
    *,
    card: NetworkCard,
    query: UnitQuery,
    fixed_layer: bool = False,
    max_counted: int = MAX_COUNTED_UNITS,
) -> FacetCounts:
    """Return how many units each choice of a filter would leave, the other filters staying as they are.

    All counts are zero where more than `max_counted` units would have to be counted one by one. With `fixed_layer`
    the layer is no choice.
    """
    all_facets: dict[str, object] = {"stream": None, "role": None, "state": None}
    open_query = query.model_copy(update=all_facets if fixed_layer else {**all_facets, "layer": None})
    selection = Selection.of(card, network_id(session, card), open_query)
    facets = tuple(FacetCounts.model_fields)
    chosen = tuple(getattr(query, facet) for facet in facets)
    counts: list[Counter[str]] = [Counter() for _ in facets]
    for layer_index, role, visualized, units in count_units(session, selection, max_counted) or ():
        layer = card.layer_at(layer_index)
        values = (layer.name, layer.stream, role, "visualized" if visualized else "missing")
        failed = [facet for facet, choice in enumerate(chosen) if choice is not None and choice != values[facet]]
        # The counts of a facet ignore the facet's own filter: units that fail only this filter count there, too.
        counting = range(len(facets)) if not failed else failed if len(failed) == 1 else ()
        for facet in counting:
            if value := values[facet]:
                counts[facet][value] += units
    return FacetCounts(**{name: dict(by_value) for name, by_value in zip(facets, counts, strict=True)})


def count_units(session: Session, selection: Selection, max_counted: int = MAX_COUNTED_UNITS) -> list[UnitCount] | None:
    """Count the selected units by layer, role and state; None where there are too many to count.

    Units of whole layers are not read. The counts are made once in a session: a page needs the total and the facets.
    """
    known = session.request_cache.unit_counts
    key = (selection.network_id, max_counted, *(getattr(selection.query, field) for field in FILTERS))
    if key not in known:
        known[key] = _count_units(session, selection, max_counted)
    return known[key]


def count_by_layer(session: Session, selection: Selection) -> dict[int, int]:
    """Return how many units are selected, by layer index; layers without any are left out."""
    stored = None if selection.needs_unit_rows else count_units(session, selection)
    if stored is not None:
        counts: Counter[int] = Counter()
        for count in stored:
            counts[count.layer_index] += count.units
        return dict(counts)
    by_layer = select(UnitRow.layer_index, func.count()).where(*selection.conditions()).group_by(UnitRow.layer_index)
    return dict(session.read(by_layer).all())


def _count_units(session: Session, selection: Selection, max_counted: int) -> list[UnitCount] | None:
    stored: list[UnitCount] = []
    if selection.needs_unit_rows:
        conditions = selection.conditions()
    else:
        parts = selection.match.partial_layers
        stored = _stored_counts(session, selection, selection.match.units.keys() - parts.keys())
        if not parts:
            return stored
        conditions = selection.conditions(only=parts)
    if selection.query.min_reach is not None:  # without the columns below, the database reads nothing but the index
        passing = select(literal(1)).where(*conditions).limit(max_counted + 1).subquery()
        if session.read(select(func.count()).select_from(passing)).scalar_one() > max_counted:
            return None
    visualized = UnitRow.visualized_at.is_not(None).label("visualized")
    units = select(UnitRow.layer_index, UnitRow.role, visualized).where(*conditions).limit(max_counted + 1).subquery()
    groups: Select[int, str | None, bool, int] = select(*units.c, func.count()).group_by(*units.c)
    counted = [UnitCount(*row) for row in session.read(groups)]
    return None if sum(count.units for count in counted) > max_counted else stored + counted


def _stored_counts(session: Session, selection: Selection, layers: set[int]) -> list[UnitCount]:
    if not layers:
        return []
    query = selection.query
    rows = session.read(
        select(UnitCountRow.layer_index, UnitCountRow.role, UnitCountRow.visualized, UnitCountRow.units).where(
            UnitCountRow.network_id == selection.network_id, UnitCountRow.units > 0
        )
    )
    return [
        UnitCount(layer_index, role or None, visualized, units)
        for layer_index, role, visualized, units in rows
        if layer_index in layers
        and (not query.state or visualized == (query.state == "visualized"))
        and (not query.role or role == query.role)
    ]
