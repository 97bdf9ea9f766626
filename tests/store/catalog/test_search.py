"""Listings of units: pages that follow one another under every sort, filters, and counts that stop."""

from itertools import islice

import pytest
from sqlalchemy import update

from app.contract.errors import InvalidRequest, UnknownUnit
from app.contract.unit_query import UnitListing, UnitQuery, UnitSort
from app.store.catalog import facets
from app.store.catalog.counts import recount_units
from app.store.catalog.networks import get_card
from app.store.catalog.search import iter_units, search_units, units_by_name
from app.store.database.engine import Store
from app.store.database.tables import UnitRow
from tests.support import add_card, claim, enqueue, finish, two_stream_card


@pytest.fixture
def surveyed(tiny: Store) -> Store:
    """Return a store where some units are visualized and some have measures of a survey."""
    for unit in (3, 1, 4):
        enqueue(tiny, unit)
        finish(tiny, claim(tiny)[0])
    measures = [
        {"role": "specific", "effective_classes": 1.2, "reach": 0.9, "coding": "joint", "needed_by": 1},
        {"role": "generic", "effective_classes": 4.0, "reach": 1.5, "coding": "static", "needed_by": 4},
        {"role": "specific", "effective_classes": 1.2, "reach": 1.5, "coding": "joint", "needed_by": 0},
    ]
    with tiny.transaction() as session:
        for index, values in enumerate(measures):
            session.execute(update(UnitRow).where(UnitRow.layer == "fc6", UnitRow.index == index).values(values))
        recount_units(session, network_id=1)
    return tiny


def search(store: Store, **query: object) -> UnitListing:
    with store.session() as session:
        return search_units(session, card=get_card(session, slug="tiny"), query=UnitQuery.model_validate(query))


def names(listing: UnitListing) -> list[str]:
    return [f"{unit.layer}/{unit.index}" for unit in listing.items]


@pytest.mark.parametrize("sort", UnitSort)
def test_pages_follow_one_another_forth_and_back(surveyed: Store, sort: UnitSort) -> None:
    filters: tuple[dict[str, str], ...] = ({}, {"stream": "fusion"}, {"q": "c"})
    for chosen in filters:
        whole = names(search(surveyed, sort=sort, per_page=200, **chosen))
        assert len(set(whole)) == len(whole)
        page, forth = search(surveyed, sort=sort, per_page=3, **chosen), []
        while True:
            forth += names(page)
            if page.after is None:
                break
            page = search(surveyed, sort=sort, per_page=3, after=page.after, **chosen)
        assert forth == whole, chosen
        back = names(page)
        while page.before is not None:
            page = search(surveyed, sort=sort, per_page=3, before=page.before, **chosen)
            back = names(page) + back
        assert back == whole, chosen
    whole = names(search(surveyed, sort=sort, per_page=200))
    for number in (1, 2, 3):
        assert names(search(surveyed, sort=sort, per_page=7, page=number)) == whole[7 * (number - 1) : 7 * number]
    assert names(search(surveyed, sort=sort, per_page=7, page=99)) == []


def test_what_a_survey_says_filters_and_sorts(surveyed: Store) -> None:
    assert names(search(surveyed, role="specific")) == ["fc6/0", "fc6/2"]
    assert names(search(surveyed, min_reach=1)) == ["fc6/1", "fc6/2"]
    assert names(search(surveyed, sort="generic", per_page=1)) == ["fc6/1"]
    assert names(search(surveyed, sort="specific", per_page=3)) == ["fc6/0", "fc6/2", "fc6/1"]
    assert names(search(surveyed, sort="reach", per_page=3)) == ["fc6/2", "fc6/1", "fc6/0"]
    assert names(search(surveyed, sort="needed", per_page=3)) == ["fc6/1", "fc6/0", "fc6/2"]
    assert names(search(surveyed, needed_by="one")) == ["fc6/0"]
    assert names(search(surveyed, needed_by="several", coding="static")) == ["fc6/1"]


def test_words_also_find_what_a_class_is(store: Store) -> None:
    sentences = ("a person walks", "a person runs", "an arm slowly", "an arm fast", "a person turning upside down")
    add_card(store, two_stream_card().model_copy(update={"class_sentences": sentences}))
    assert names(search(store, q="upside down")) == ["class/4"]
    assert names(search(store, q="person turn")) == ["class/4"]


def test_a_word_that_means_nothing_is_left_out_of_the_search(store: Store) -> None:
    sentences = ("a person walks", "a person runs", "an arm slowly", "an arm fast", "a person turning upside down")
    add_card(store, two_stream_card().model_copy(update={"class_sentences": sentences}))
    found = search(store, q="handstand xylophone")
    assert (names(found), found.left_out) == (["class/4"], ("xylophone",))
    nothing = search(store, q="xylophone")
    assert (nothing.items, nothing.total, nothing.left_out) == ((), 0, ("xylophone",))
    assert search(store, q="walk run").items == (), "each is known, but no class is both"


def test_counting_stops_at_a_bound(surveyed: Store) -> None:
    def bounded(**query: object) -> UnitListing:
        with surveyed.session() as session:
            wanted = UnitQuery.model_validate(query)
            card = get_card(session, slug="tiny")
            return search_units(session, card=card, query=wanted, max_total=2, max_counted=1)

    found = bounded(min_reach=0.5, per_page=1)
    assert (found.total, found.capped, found.next) == (2, True, 2)
    by_state = bounded(state="visualized", per_page=1)
    assert (by_state.total, by_state.capped, by_state.next) == (3, False, 2)
    exact = bounded(q="fc6", per_page=1)
    assert (exact.total, exact.capped) == (10, False)


def test_what_each_choice_would_leave(surveyed: Store) -> None:
    def facets_of(max_counted: int = facets.MAX_COUNTED_UNITS, **query: object) -> dict[str, dict[str, int]]:
        with surveyed.session() as session:
            wanted = UnitQuery.model_validate(query)
            card = get_card(session, slug="tiny")
            return facets.facet_counts(session, card=card, query=wanted, max_counted=max_counted).model_dump()

    everything = facets_of()
    assert everything["stream"] == {"appearance": 6, "motion": 6, "fusion": 23}
    assert everything["role"] == {"specific": 2, "generic": 1}
    assert everything["state"] == {"visualized": 3, "missing": 32}
    assert everything["coding"] == {"joint": 2, "static": 1}
    assert everything["needed_by"] == {"one": 1, "several": 1}
    chosen = facets_of(layer="fc6", role="specific")
    assert chosen["role"] == {"specific": 2, "generic": 1}  # its own filter does not narrow a facet
    assert chosen["layer"] == {"fc6": 2}
    assert chosen["state"] == {"missing": 2}
    assert facets_of(coding="joint")["coding"] == {"joint": 2, "static": 1}
    assert facets_of(coding="joint")["needed_by"] == {"one": 1}
    assert facets_of(needed_by="several", q="fc6/1")["coding"] == {"static": 1}
    assert facets_of(q="wave")["layer"] == {"class": 2}
    assert facets_of(q="fc6")["state"] == {"missing": 10}
    assert facets_of(min_reach=1)["role"] == {"specific": 1, "generic": 1}
    assert facets_of(max_counted=1, min_reach=1)["role"] == {}
    assert facets_of(max_counted=1)["state"] == {"visualized": 3, "missing": 32}


@pytest.mark.parametrize("cursor", ["x", "7~1", "0~", "0~a~b", "0~1", f"0~1~{2**70}", "~~~"])
def test_a_place_that_no_page_gave(tiny: Store, cursor: str) -> None:
    with pytest.raises(InvalidRequest, match="earlier page"):
        search(tiny, after=cursor)


def test_units_by_name_keep_their_order(tiny: Store) -> None:
    with tiny.session() as session:
        wanted = [("fc6", 3), ("class", 1), ("fc6", 3), ("appearance.conv1", 0)]
        found = units_by_name(session, card=get_card(session, slug="tiny"), names=wanted)
        assert [(unit.layer, unit.index) for unit in found] == [("fc6", 3), ("class", 1), ("appearance.conv1", 0)]
        with pytest.raises(UnknownUnit):
            units_by_name(session, card=get_card(session, slug="tiny"), names=[("fc6", 10)])


def test_all_that_match_come_in_batches(tiny: Store) -> None:
    with tiny.session() as session:
        card = get_card(session, slug="tiny")
        every = iter_units(session, card=card, query=UnitQuery(layer="fc6"), limit=100, batch_size=4)
        assert [unit.index for unit in every] == list(range(10))
        some = iter_units(session, card=card, query=UnitQuery(), limit=9, batch_size=4)
        assert len(list(islice(some, 100))) == 9
