"""The filters of the explorer, each with its choices and the number of units that each choice would leave."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple, get_args

from app.contract.coding import UnitCoding
from app.contract.network import Layer, NetworkCard
from app.contract.unit import UnitRole
from app.contract.unit_query import FacetCounts, NeededBy, UnitQuery

MAX_CHIPS = 6  # a filter with more choices is a drop-down list


class FilterChoice(NamedTuple):  # not a dataclass: a network can have hundreds of classes
    """A choice of a filter. `value` is empty for "any"; `unit_count` is None where it was not counted."""

    value: str
    text: str
    unit_count: int | None
    is_chosen: bool


@dataclass(frozen=True)
class Filter:
    """A filter of the explorer. `name` is its query parameter."""

    name: str
    label: str
    choices: tuple[FilterChoice, ...]

    @property
    def is_list(self) -> bool:
        """Whether it is a drop-down list; other filters show all choices."""
        return len(self.choices) > MAX_CHIPS


def unit_filters(
    card: NetworkCard,
    query: UnitQuery,
    counts: FacetCounts,
    layer: Layer | None,
    is_surveyed: bool,
    has_coding: bool,
    has_needs: bool,
) -> tuple[Filter, ...]:
    """Return the filters that can narrow a listing.

    A layer has only one stream, and units have roles, codings and classes that need them only after a survey. Without
    classes the only role is to be dead. A filter that is set is always listed.
    """
    streams = tuple(dict.fromkeys(each.stream for each in card.layers))
    filters = []
    if layer is None:
        layers = (each.name for each in card.layers)
        filters.append(_filter("layer", "Layer", layers, query.layer, counts.layer))
        if len(streams) > 1:
            filters.append(_filter("stream", "Stream", streams, query.stream, counts.stream))
        if card.classes and (query.class_ or not (is_surveyed or query.role)):
            filters.append(_filter("class", "Class", card.classes, query.class_, {}))
    if card.classes and (is_surveyed or query.role or query.detects):
        filters.append(_filter("detects", "Detects", card.classes, query.detects, {}))
    if is_surveyed or query.role:
        roles = UnitRole if card.classes else (UnitRole.DEAD,)
        filters.append(_filter("role", "Role", roles, query.role, counts.role))
    if has_coding or query.coding:
        filters.append(_filter("coding", "Codes", UnitCoding, query.coding, counts.coding))
    if has_needs or query.needed_by:
        filters.append(_filter("needed_by", "Needed by", get_args(NeededBy), query.needed_by, counts.needed_by))
    if card.classes and (has_needs or query.needed_by_class):
        filters.append(_filter("needed_by_class", "Class that needs it", card.classes, query.needed_by_class, {}))
    filters.append(_filter("state", "State", ("visualized", "missing"), query.state, counts.state))
    return tuple(filters)


def _filter(name: str, label: str, values: Iterable[str], chosen: str | None, counts: Mapping[str, int]) -> Filter:
    choices = (
        FilterChoice(
            str(value), getattr(value, "label", str(value)), counts.get(value, 0) if counts else None, value == chosen
        )
        for value in values
    )
    return Filter(name, label, (FilterChoice("", "any", None, chosen is None), *choices))
