"""The explorer's filters as SQL conditions.

Layer, stream, class and words are matched on the card (card_match.py). Every other filter is a function registered here
with `column_filter`, under its field of UnitQuery: to add one, add the field and the function.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, and_, false, or_, select, union_all

from app.contract.necessity import SEVERAL_CLASSES
from app.contract.network import NetworkCard
from app.contract.unit_query import NeededBy, UnitQuery, parse_region
from app.store.catalog.card_match import DetectingLayers, MatchedUnits
from app.store.database.survey_tables import SurveyRow, UnitNeedRow
from app.store.database.tables import NetworkRow, UnitRow

Conditions = list[ColumnElement[bool]]
MakeConditions = Callable[[NetworkCard, Any, bool], Conditions]  # of the card, the filter's value, and `scan`

CARD_FILTERS = ("layer", "stream", "class_", "q")


@dataclass(frozen=True)
class ColumnFilter:
    """A filter on columns of `units`.

    `conditions(card, value, scan)` returns its conditions; `scan` says that most units pass, so that the database
    should read them in order and not look them up in the filter's index. `is_counted` says that the stored counts
    (counts.py) tell how many units pass, so that counting reads none.
    """

    conditions: MakeConditions
    is_counted: bool


COLUMN_FILTERS: dict[str, ColumnFilter] = {}  # by field of UnitQuery


def column_filter(field: str, *, is_counted: bool = False) -> Callable[[MakeConditions], MakeConditions]:
    """Register the function that makes the conditions of a filter."""

    def register(conditions: MakeConditions) -> MakeConditions:
        COLUMN_FILTERS[field] = ColumnFilter(conditions, is_counted)
        return conditions

    return register


@column_filter("detects")
def _detects(card: NetworkCard, class_name: str, scan: bool) -> Conditions:
    return [UnitRow.detects == card.class_index(class_name)]


@column_filter("state", is_counted=True)
def _has_state(card: NetworkCard, state: str, scan: bool) -> Conditions:
    is_visualized = UnitRow.visualized_at.is_not(None)
    return [is_visualized if state == "visualized" else ~is_visualized]


@column_filter("role", is_counted=True)
def _has_role(card: NetworkCard, role: str, scan: bool) -> Conditions:
    return [UnitRow.role == role]


@column_filter("coding", is_counted=True)
def _codes(card: NetworkCard, coding: str, scan: bool) -> Conditions:
    return [UnitRow.coding == coding]


@column_filter("needed_by", is_counted=True)
def _is_needed_by(card: NetworkCard, classes: NeededBy, scan: bool) -> Conditions:
    if classes == "several":
        return [UnitRow.needed_by >= SEVERAL_CLASSES]
    return [UnitRow.needed_by == (1 if classes == "one" else 2)]


@column_filter("needed_by_class")
def _is_needed_by_class(card: NetworkCard, class_name: str, scan: bool) -> Conditions:
    newest = (
        select(SurveyRow.id)
        .join(NetworkRow, NetworkRow.id == SurveyRow.network_id)
        .where(NetworkRow.slug == card.slug, SurveyRow.finished_at.is_not(None))
        .order_by(SurveyRow.finished_at.desc(), SurveyRow.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    needed = select(UnitNeedRow.unit_id).where(
        UnitNeedRow.survey_id == newest, UnitNeedRow.class_index == card.class_index(class_name)
    )
    return [UnitRow.id.in_(needed)]


@column_filter("min_reach")
def _reaches(card: NetworkCard, min_reach: float, scan: bool) -> Conditions:
    return [(UnitRow.reach + 0 if scan else UnitRow.reach) >= min_reach]  # no index has `reach + 0`


@column_filter("region")
def _lies_in(card: NetworkCard, region: str, scan: bool) -> Conditions:
    x0, y0, x1, y1 = parse_region(region)
    return [UnitRow.map_x.between(x0, x1), UnitRow.map_y.between(y0, y1)]


FILTERS = (*CARD_FILTERS, *COLUMN_FILTERS)  # fields of UnitQuery


def column_conditions(card: NetworkCard, query: UnitQuery, *, scan: bool = False) -> Conditions:
    """Return the conditions of the filters that only the database can answer; `scan` as in ColumnFilter."""
    return [
        condition
        for field, column_filter in COLUMN_FILTERS.items()
        if (value := getattr(query, field)) is not None
        for condition in column_filter.conditions(card, value, scan)
    ]


def card_conditions(
    network_id: int, card: NetworkCard, matched: MatchedUnits, detecting: DetectingLayers
) -> Conditions:
    """Return the conditions for units that a match on the card selects, or that detect classes in layers."""
    of_network = UnitRow.network_id == network_id
    whole_layers = [index for index, units in matched.items() if units is None]
    if len(whole_layers) == len(card.layers):
        return [of_network]
    if matched and len(matched) == len(whole_layers) == 1 and not detecting:
        return [of_network, UnitRow.layer_index == whole_layers[0]]
    layers_by_units: dict[frozenset[int], list[int]] = {}
    for index, units in matched.items():
        if units is not None:
            layers_by_units.setdefault(units, []).append(index)
    alternatives: Conditions = [
        and_(UnitRow.layer_index.in_(layers), UnitRow.index.in_(units)) for units, layers in layers_by_units.items()
    ]
    alternatives += [
        and_(UnitRow.layer_index.in_(layers), UnitRow.detects.in_(classes)) for classes, layers in detecting.items()
    ]
    alternatives += [UnitRow.layer_index.in_(whole_layers)] if whole_layers else []
    if not detecting or len(alternatives) == 1:
        return [of_network, or_(false(), *alternatives)]
    # A union, so that each alternative uses an index of its own: for conditions joined by OR SQLite reads all units.
    # It also does where the network is named once more outside and only few units are in the union.
    ids = union_all(*(select(UnitRow.id).where(of_network, alternative) for alternative in alternatives))
    return [of_network, UnitRow.id.in_(ids)] if whole_layers else [UnitRow.id.in_(ids)]
