"""The units that a person selected: those named one by one, or all that match the filters of the explorer."""

from dataclasses import dataclass

from starlette.datastructures import ImmutableMultiDict

from app.contract.network import NetworkCard
from app.contract.unit import UnitSummary
from app.contract.unit_query import UnitQuery
from app.store import Session
from app.store.catalog import search
from app.web.requests.params import LISTING_PARAMS, UnitQueryParams, query_params
from app.web.views.parts.unit_names import parse_unit_name, unit_name

Params = ImmutableMultiDict[str, str]  # of an address or a form


@dataclass(frozen=True)
class SelectedUnits:
    """Selected units. `query` is None where they were named; `hidden_fields` select the same units in a form."""

    units: list[UnitSummary]
    is_capped: bool  # whether more units match
    query: UnitQuery | None
    hidden_fields: tuple[tuple[str, str], ...]

    @property
    def by_layer(self) -> dict[str, list[int]]:
        indices: dict[str, list[int]] = {}
        for unit in self.units:
            indices.setdefault(unit.layer, []).append(unit.index)
        return indices


def select_units(session: Session, card: NetworkCard, params: Params, limit: int) -> SelectedUnits:
    """Return the units that `u=layer/unit` names, once or many times; without it the first that match the filters."""
    names = params.getlist("u")
    if names:
        units = search.units_by_name(session, card=card, names=[parse_unit_name(name) for name in names])
        return SelectedUnits(units, False, None, tuple(("u", unit_name(unit)) for unit in units))
    query = parse_filters(params)
    units = list(search.iter_units(session, card=card, query=query, limit=limit + 1))
    return SelectedUnits(units[:limit], len(units) > limit, query, hidden_fields(query))


def parse_filters(params: Params) -> UnitQuery:
    return UnitQueryParams.parse({name: value for name, value in params.items() if name not in LISTING_PARAMS})


def hidden_fields(query: UnitQuery) -> tuple[tuple[str, str], ...]:
    return tuple((name, str(value)) for name, value in query_params(query).items())
