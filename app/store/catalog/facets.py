"""How many units pass the explorer's filters, by the choices of those that have few."""

from collections import Counter

from sqlalchemy import Select, func, literal, select

from app.contract.network import NetworkCard
from app.contract.unit_query import FacetCounts, UnitQuery, needed_by_choice
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
    facets = tuple(FacetCounts.model_fields)
    all_facets = {facet: None for facet in facets if not (fixed_layer and facet == "layer")}
    selection = Selection.of(card, network_id(session, card), query.model_copy(update=all_facets))
    chosen = tuple(getattr(query, facet) for facet in facets)
    counts: list[Counter[str]] = [Counter() for _ in facets]
    for count in count_units(session, selection, max_counted) or ():
        layer = card.layer_at(count.layer_index)
        by_facet = {
            "layer": layer.name,
            "stream": layer.stream,
            "role": count.role,
            "state": "visualized" if count.visualized else "missing",
            "coding": count.coding,
            "needed_by": needed_by_choice(count.needed_by),
        }
        values = tuple(by_facet[facet] for facet in facets)
        failed = [facet for facet, choice in enumerate(chosen) if choice is not None and choice != values[facet]]
        # The counts of a facet ignore the facet's own filter: units that fail only this filter count there, too.
        counting = range(len(facets)) if not failed else failed if len(failed) == 1 else ()
        for facet in counting:
            if value := values[facet]:
                counts[facet][value] += count.units
    return FacetCounts(**{name: dict(by_value) for name, by_value in zip(facets, counts, strict=True)})


def count_units(session: Session, selection: Selection, max_counted: int = MAX_COUNTED_UNITS) -> list[UnitCount] | None:
    """Count the selected units by layer and all facets; None where there are too many to count.

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
    columns = (UnitRow.layer_index, UnitRow.role, visualized, UnitRow.coding, UnitRow.needed_by)
    units = select(*columns).where(*conditions).limit(max_counted + 1).subquery()
    groups: Select[int, str | None, bool, str | None, int | None, int] = select(*units.c, func.count()).group_by(
        *units.c
    )
    counted = [UnitCount(*row) for row in session.read(groups)]
    return None if sum(count.units for count in counted) > max_counted else stored + counted


def _stored_counts(session: Session, selection: Selection, layers: set[int]) -> list[UnitCount]:
    if not layers:
        return []
    query, table = selection.query, UnitCountRow
    keys = (table.layer_index, table.role, table.visualized, table.coding, table.needed_by)
    rows = session.read(select(*keys, table.units).where(table.network_id == selection.network_id, table.units > 0))
    return [
        UnitCount(layer_index, role or None, visualized, coding or None, needed_by, units)
        for layer_index, role, visualized, coding, needed_by, units in rows
        if layer_index in layers
        and (not query.state or visualized == (query.state == "visualized"))
        and (not query.role or role == query.role)
        and (not query.coding or coding == query.coding)
        and (not query.needed_by or needed_by_choice(needed_by) == query.needed_by)
    ]
