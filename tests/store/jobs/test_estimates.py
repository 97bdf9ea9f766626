import pytest

from app.contract.job import Estimate
from app.contract.unit_query import UnitQuery
from app.store.catalog import search
from app.store.catalog.networks import get_card
from app.store.database.engine import Store
from app.store.jobs import estimates
from tests.support import claim, enqueue, finish, resolved


def estimate(store: Store, layer: str, *units: int, **recipe: object) -> Estimate:
    asked = resolved(speed="slow", **recipe)
    with store.session() as session:
        return estimates.estimate(session, card=get_card(session, slug="tiny"), units={layer: units}, recipe=asked)


def test_nobody_knows_before_anything_was_made(tiny: Store) -> None:
    assert estimate(tiny, "class", 0, 1) == Estimate(count=2, cached=0, seconds=None, basis=0)


def test_it_goes_by_the_seconds_of_what_was_made(tiny: Store) -> None:
    for unit in (0, 1, 2):
        enqueue(tiny, unit)
        finish(tiny, claim(tiny)[0])
    assert estimate(tiny, "class", 0, 1, 2) == Estimate(count=3, cached=3, seconds=0, basis=3)
    found = estimate(tiny, "class", 0, 3, 4)
    assert (found.count, found.cached, found.basis) == (3, 1, 3)
    assert found.seconds is not None
    assert abs(found.seconds - 2 * 1.5) < 1e-9  # each of the tests' results took 1.5 s
    doubled = estimate(tiny, "fc6", 0, steps=2 * resolved().steps)
    assert doubled.seconds is not None
    assert abs(doubled.seconds - 3.0) < 1e-9


@pytest.mark.parametrize(
    "filters",
    [
        {},
        {"layer": "class"},
        {"stream": "motion"},
        {"state": "visualized"},
        {"state": "missing"},
        {"class": "run"},
        {"q": "wave"},
        {"q": "conv 3"},
        {"layer": "class", "state": "visualized", "q": "1"},
        {"min_reach": 0.5},
    ],
)
def test_all_that_match_are_estimated_as_if_each_was_named(tiny: Store, filters: dict[str, object]) -> None:
    for unit in (0, 1, 2):
        enqueue(tiny, unit)
        finish(tiny, claim(tiny)[0])
    query = UnitQuery.model_validate(filters)
    recipe = resolved(speed="slow")
    with tiny.session() as session:
        units: dict[str, list[int]] = {}
        for match in search.iter_units(session, card=get_card(session, slug="tiny"), query=query, limit=100):
            units.setdefault(match.layer, []).append(match.index)
        named = estimates.estimate(session, card=get_card(session, slug="tiny"), units=units, recipe=recipe)
        found, layers = estimates.estimate_matching(
            session, card=get_card(session, slug="tiny"), query=query, recipe=recipe
        )
    assert found == named
    assert layers == tuple(units)
