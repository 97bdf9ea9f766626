"""Dictionaries in the store: a layer on the card, units, and nothing left when they are removed."""

import pytest
from sqlalchemy import func, select

from app.contract.dictionary import Dictionary, DictionaryFacts
from app.contract.errors import Conflict, InvalidRequest, UnknownLayer
from app.contract.network import NetworkCard
from app.contract.unit_query import UnitQuery
from app.store.catalog import dictionaries, networks, search
from app.store.catalog.facets import facet_counts
from app.store.database.dictionary_tables import DictionaryPieceRow, DirectionChannelsRow
from app.store.database.engine import Store
from app.store.database.tables import MediaRow, ResultCountRow
from app.store.surveys import evidence
from tests.dictionary_support import add_dictionary
from tests.evidence_support import add_dataset, survey
from tests.support import add_card, card_of_units, claim, enqueue, finish, two_stream_card


@pytest.fixture
def card(store: Store) -> NetworkCard:
    add_card(store, two_stream_card())
    add_card(store, two_stream_card("other"))
    return get(store)


def get(store: Store, slug: str = "tiny") -> NetworkCard:
    with store.session() as session:
        return networks.get_card(session, slug=slug)


def test_a_dictionary_stands_behind_its_base_and_is_found_at_once(store: Store, card: NetworkCard) -> None:
    add_dictionary(store, "fusion.conv2", "nmf4", 4)
    add_dictionary(store, "fc6", "pca2", 2)
    add_dictionary(store, "fusion.conv2", "pca3", 3)
    now = get(store)
    assert [layer.name for layer in now.layers][2:] == [
        "fusion.conv2",
        "fusion.conv2~nmf4",
        "fusion.conv2~pca3",
        "fc6",
        "fc6~pca2",
        "class",
    ]
    assert [now.layer(name).index for name in ("class", "fusion.conv2~nmf4", "fc6~pca2", "fusion.conv2~pca3")] == [
        4,
        5,
        6,
        7,
    ]
    assert now.own_layers == card.layers
    assert get(store, "other").layers == two_stream_card("other").layers
    with store.session() as session:
        everything = search.search_units(session, card=now, query=UnitQuery())
        assert everything.total == len(everything.items) == card.units + 9
        assert facet_counts(session, card=now, query=UnitQuery()).layer["fusion.conv2~nmf4"] == 4
        assert dictionaries.read_dictionaries(session, card=now)["fc6~pca2"] == b"onetwo"
        assert dictionaries.nearest_channels(session, card=now, layer="fc6~pca2", direction=1) == ((1, 0.9), (0, 0.1))
        [first, *_] = dictionaries.list_dictionaries(session)
    assert (first.network, first.layer, first.base, first.size) == ("tiny", "fusion.conv2~nmf4", "fusion.conv2", 4)


def test_listings_of_all_units_go_on_across_a_gap_in_the_layers(store: Store) -> None:
    wide = card_of_units("wide", 20)
    add_card(store, wide)
    add_dictionary(store, "fc6", "a", 2, network="wide")
    add_dictionary(store, "fc6", "b", 200, network="wide")
    with store.transaction() as session:
        dictionaries.remove_dictionary(session, network="wide", layer="fc6~a")
    add_dictionary(store, "fusion.conv2", "c", 5, network="wide")
    now, seen = get(store, "wide"), []
    with store.session() as session:
        for number in range(1, 7):
            page = search.search_units(session, card=now, query=UnitQuery(page=number))  # no cursor: it skips layers
            seen += [(unit.layer, unit.index) for unit in page.items]
    assert len(seen) == len(set(seen)) == now.units == wide.units + 205


def test_the_same_name_again_is_a_conflict(store: Store, card: NetworkCard) -> None:
    add_dictionary(store, "fc6", "nmf4", 4)
    with pytest.raises(Conflict, match=r"directions remove tiny fc6~nmf4"):
        add_dictionary(store, "fc6", "nmf4", 5)
    with pytest.raises(UnknownLayer):
        add_dictionary(store, "fc9", "nmf4", 5)


def test_removing_one_leaves_nothing_of_it(store: Store, card: NetworkCard) -> None:
    add_dictionary(store, "fc6", "nmf4", 4)
    add_dataset(store)
    survey(store)
    enqueue(store, 0, layer="fc6~nmf4")
    [job] = claim(store)
    finish(store, job)
    with store.session() as session:
        assert evidence.get_evidence(session, card=get(store), layer="fc6~nmf4", unit=0) is not None
    with store.transaction() as session:
        dictionaries.remove_dictionary(session, network="tiny", layer="fc6~nmf4")
    with store.session() as session:
        for table in (DictionaryPieceRow, DirectionChannelsRow, ResultCountRow):
            assert session.scalar(select(func.count()).select_from(table)) == 0
        assert networks.get_network(session, slug="tiny").visualizations == 0
        assert not [data for data in session.scalars(select(MediaRow.data)) if data.startswith(b"postertiny/fc6~")]
    assert get(store).layers == card.layers
    with pytest.raises(InvalidRequest, match="only dictionaries can be removed"), store.transaction() as session:
        dictionaries.remove_dictionary(session, network="tiny", layer="fc6")


def test_sizes_that_a_worker_measured_meanwhile_do_not_undo_it(store: Store, card: NetworkCard) -> None:
    measured = tuple(layer.model_copy(update={"sizes": ((16, 64),), "lengths": ()}) for layer in card.layers)
    add_dictionary(store, "fc6", "nmf4", 4)
    for slug in ("tiny", "gone"):
        with store.transaction() as session:
            networks.update_limits(session, card=card.model_copy(update={"slug": slug, "layers": measured}))
    now = get(store)
    assert [layer.name for layer in now.layers] == [*[layer.name for layer in card.layers][:4], "fc6~nmf4", "class"]
    assert now.layer("fc6").sizes == ((16, 64),)
    assert now.layer("fc6~nmf4").sizes is None


def test_a_network_is_removed_with_its_dictionaries(store: Store, card: NetworkCard) -> None:
    add_dictionary(store, "fc6", "nmf4", 4)
    with store.transaction() as session:
        networks.remove_network(session, slug="tiny")
    with store.session() as session:
        assert dictionaries.list_dictionaries(session) == []
        assert session.scalar(select(func.count()).select_from(DictionaryPieceRow)) == 0


def test_dictionaries_are_no_part_of_a_network_s_own_trends(store: Store, card: NetworkCard) -> None:
    assert Dictionary(base="fc6", method="pca").names == ()
    assert DictionaryFacts(dataset=None, settings={}).measures is None
    add_dictionary(store, "fc6", "nmf4", 4)
    add_dataset(store)
    survey(store)
    with store.session() as session:
        layers = evidence.measure_by_layer(session, card=get(store), measure="effective_classes")
    assert set(layers) == {layer.name for layer in card.layers}
