"""The map of a network's units, and a region of it as a filter like any other."""

import pytest
from pydantic import ValidationError

from app.contract.errors import UnknownClass
from app.contract.unit import UnitMap, UnitRole
from app.contract.unit_query import UnitQuery
from app.store.catalog import search as searching
from app.store.catalog import unit_map
from app.store.catalog.facets import facet_counts
from app.store.catalog.networks import get_card
from app.store.database.engine import Store
from app.store.surveys import writing
from tests.evidence_support import add_dataset, every_unit, facts, new_predictions, survey
from tests.store.catalog.test_search import names, search
from tests.support import two_stream_card


@pytest.fixture
def surveyed(tiny: Store) -> Store:
    """Return a surveyed store: on the map layers stand side by side, each 0.2 wide; see `map_positions`."""
    add_dataset(tiny)
    survey(tiny)
    return tiny


def map_of(store: Store, max_points: int = unit_map.MAX_POINTS, **query: object) -> UnitMap:
    with store.session() as session:
        return unit_map.map_units(
            session,
            card=get_card(session, slug="tiny"),
            query=UnitQuery.model_validate(query),
            max_points=max_points,
        )


def named(found: UnitMap) -> list[str]:
    return [f"{point.layer}/{point.unit}" for point in found.points]


def test_a_map_has_the_units_that_pass_the_filters_and_have_a_place(surveyed: Store) -> None:
    everything = map_of(surveyed)
    assert (len(everything.points), everything.one_of) == (30, 1)  # 35 units, of which one of each layer has no place
    assert named(map_of(surveyed, layer="class")) == ["class/1", "class/2", "class/3", "class/4"]
    assert (everything.points[0].x, everything.points[0].y) == pytest.approx((0.1, 1 / 6))
    assert named(map_of(surveyed, role="dead")) == []
    assert map_of(surveyed, region="0.1,0.1,0.2,0.2") == everything, "the region is a part of the map that is shown"


def test_of_many_units_a_map_shows_one_of_so_many(surveyed: Store) -> None:
    found = map_of(surveyed, max_points=12)
    assert found.one_of == 3
    assert named(found)[:3] == ["appearance.conv1/3", "motion.conv1/3", "fusion.conv2/3"]


def test_a_region_filters_listings_counts_and_tallies(surveyed: Store) -> None:
    right = "0.6,0,1,0.5"
    found = search(surveyed, region=right)
    assert names(found) == ["fc6/1", "fc6/2", "fc6/3", "fc6/4", "fc6/5", "class/1", "class/2"]
    assert (found.total, found.capped) == (7, False)
    assert names(search(surveyed, region=right, layer="class", sort="name")) == ["class/1", "class/2"]
    with surveyed.session() as session:
        counts = facet_counts(session, card=get_card(session, slug="tiny"), query=UnitQuery(region=right))
        card = get_card(session, slug="tiny")
        every = list(searching.iter_units(session, card=card, query=UnitQuery(region=right), limit=100))
    assert counts.layer == {"fc6": 5, "class": 2}
    assert len(every) == 7
    assert (every[0].map_x, every[0].map_y) == pytest.approx((0.7, 0.1))


def test_a_newer_survey_without_places_takes_them_away(surveyed: Store) -> None:
    add_dataset(surveyed, "other")
    with surveyed.transaction() as session:
        begun = writing.begin_survey(session, network="tiny", dataset="other")
        writing.save_unit_evidence(session, survey_id=begun, units=every_unit(two_stream_card()))
        writing.save_predictions(session, survey_id=begun, predictions=new_predictions())
        writing.finish_survey(session, survey_id=begun, facts=facts(5))
    assert map_of(surveyed).points == ()
    assert search(surveyed, region="0,0,1,1").items == ()


def test_words_and_a_filter_find_the_units_that_detect_a_class(tiny: Store) -> None:
    add_dataset(tiny)
    survey(tiny, change=lambda layer, unit: {} if unit % 2 else {"precision": (0.4,) * 5})
    found = search(tiny, detects="run")
    assert names(found) == ["appearance.conv1/1", "motion.conv1/1", "fusion.conv2/1", "fc6/1", "class/1"]
    assert {unit.detects for unit in found.items} == {1}
    assert names(search(tiny, q="run")) == names(found)
    assert names(search(tiny, q="fusion run")) == ["fusion.conv2/1"]
    assert names(search(tiny, q="walk")) == [
        "appearance.conv1/5",
        "motion.conv1/5",
        "fusion.conv2/5",
        "fc6/5",
        "class/0",
    ]
    assert (found.total, search(tiny, q="run").total) == (5, 5)
    with tiny.session() as session:
        assert facet_counts(session, card=get_card(session, slug="tiny"), query=UnitQuery(q="run")).stream == {
            "appearance": 1,
            "motion": 1,
            "fusion": 3,
        }
    with pytest.raises(UnknownClass):
        search(tiny, detects="swim")


@pytest.mark.parametrize("region", ["", "1,2,3", "a,b,c,d", "0.5,0,0.2,1", "0,0,1.5,1", "nan,0,1,1", "0,0,0,0"])
def test_a_region_has_four_edges_in_their_order(region: str) -> None:
    with pytest.raises(ValidationError):
        UnitQuery(region=region)


def test_dead_units_are_not_the_most_specific(tiny: Store) -> None:
    add_dataset(tiny)
    dead = {"role": UnitRole.DEAD, "a_hat": 0.0, "effective_classes": 0.0}
    survey(tiny, change=lambda layer, unit: dead if layer == "fc6" else {})
    found = names(search(tiny, sort="specific"))
    assert found[0] == "appearance.conv1/0"
    assert found[-10:] == [f"fc6/{unit}" for unit in range(10)]
