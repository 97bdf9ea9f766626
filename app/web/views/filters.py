"""The explorer's questions, each with its choices and how many units they would leave."""

from collections.abc import Iterable, Mapping

from app.contract.network import Layer, NetworkCard
from app.contract.unit import UnitRole
from app.contract.unit_query import Tally, UnitQuery
from app.web.parts import Filter, FilterChoice


def filters(
    card: NetworkCard, query: UnitQuery, tally: Tally, layer: Layer | None, surveyed: bool
) -> tuple[Filter, ...]:
    """Those that can narrow this listing: a layer has one stream, and without a survey no unit has a role."""
    streams = tuple(dict.fromkeys(each.stream for each in card.layers))
    found = []
    if layer is None:
        found.append(_filter("layer", "Layer", (each.name for each in card.layers), query.layer, tally.layer))
        if len(streams) > 1:
            found.append(_filter("stream", "Stream", streams, query.stream, tally.stream))
        if card.classes and (query.class_ or not (surveyed or query.role)):
            found.append(_filter("class", "Class", card.classes, query.class_, {}))
    if card.classes and (surveyed or query.role or query.detects):
        found.append(_filter("detects", "Detects", card.classes, query.detects, {}))
    if surveyed or query.role:
        found.append(_filter("role", "Role", UnitRole, query.role, tally.role))
    found.append(_filter("state", "State", ("visualized", "missing"), query.state, tally.state))
    return tuple(found)


def _filter(name: str, words: str, values: Iterable[str], chosen: str | None, counts: Mapping[str, int]) -> Filter:
    choices = (
        FilterChoice(str(value), str(value), counts.get(value, 0) if counts else None, value == chosen)
        for value in values
    )
    return Filter(name, words, (FilterChoice("", "any", None, chosen is None), *choices))
