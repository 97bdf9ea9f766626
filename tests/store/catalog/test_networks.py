import pytest

from app.contract.errors import Missing, NetworkExists, UnknownClass, UnknownLayer, UnknownNetwork, UnknownUnit
from app.contract.unit_query import UnitQuery, UnitSort
from app.store import media
from app.store.catalog import networks
from app.store.catalog.networks import get_card
from app.store.catalog.search import search_units
from app.store.catalog.units import get_unit
from app.store.database.engine import Store
from tests.support import CLASSES, add_card, claim, enqueue, finish, two_stream_card


def search(store: Store, **query: object) -> list[str]:
    with store.session() as session:
        page = search_units(session, card=get_card(session, slug="tiny"), query=UnitQuery.model_validate(query))
    return [f"{unit.layer}/{unit.index}" for unit in page.items]


def test_a_network_comes_back_as_it_was_registered(tiny: Store) -> None:
    with tiny.session() as session:
        summary = networks.get_network(session, slug="tiny")
        layers = networks.layer_summaries(session, card=get_card(session, slug="tiny"))
    assert summary.card == two_stream_card()
    assert summary.visualizations == 0
    assert [(layer.layer.name, layer.visualized_units) for layer in layers][-1] == ("class", 0)


def test_weights_come_back_whole_from_their_pieces(store: Store) -> None:
    with store.transaction() as session:
        networks.add_network(session, card=two_stream_card(), weights=[b"abc", b"def", b"g"])
    with store.session() as session:
        assert networks.read_weights(session, slug="tiny") == b"abcdefg"


def test_the_same_network_is_registered_once(tiny: Store) -> None:
    card = two_stream_card()
    with pytest.raises(NetworkExists, match="the same weights and labels: there is nothing to add"):
        add_card(tiny, card)
    with pytest.raises(NetworkExists, match=r"the same weights and labels: open it there, or .* networks remove tiny"):
        add_card(tiny, card.model_copy(update={"slug": "other"}))
    for change, words in (({"checksum": "a" * 64}, "other weights"), ({"classes": CLASSES[::-1]}, "other labels")):
        with pytest.raises(NetworkExists, match=f"{words}. Give this one another --slug to have both"):
            add_card(tiny, card.model_copy(update=change))


def test_the_same_weights_with_other_labels_or_of_another_family_are_other_networks(tiny: Store) -> None:
    others = [
        two_stream_card().model_copy(update={"slug": "reversed", "classes": CLASSES[::-1]}),
        two_stream_card().model_copy(update={"slug": "tapped", "family": "tapped"}),
    ]
    for card in others:
        add_card(tiny, card)
        with pytest.raises(NetworkExists, match="open it there"):
            add_card(tiny, card.model_copy(update={"slug": "again"}))
    with tiny.transaction() as session:
        assert [networks.get_card(session, slug=card.slug) for card in others] == others
        networks.remove_network(session, slug="tiny")
    with pytest.raises(NetworkExists, match="'reversed' is already registered"):
        add_card(tiny, others[0].model_copy(update={"slug": "again"}))
    add_card(tiny, two_stream_card())


def test_unknown_names_tell_the_near_ones(tiny: Store) -> None:
    with tiny.session() as session:
        with pytest.raises(UnknownNetwork, match="Near: tiny"):
            networks.get_network(session, slug="tyni")
        with pytest.raises(UnknownLayer, match=r"Near: fusion\.conv2"):
            get_unit(session, card=get_card(session, slug="tiny"), layer="fusion.conv3", unit=0)
        with pytest.raises(UnknownUnit, match="its 8 units are 0 to 7"):
            get_unit(session, card=get_card(session, slug="tiny"), layer="fusion.conv2", unit=8)


def test_filters(tiny: Store) -> None:
    assert search(tiny, layer="class") == [f"class/{index}" for index in range(5)]
    assert search(tiny, stream="motion", per_page=2) == ["motion.conv1/0", "motion.conv1/1"]
    assert search(tiny, q="WAVE") == ["class/2", "class/3"]
    assert search(tiny, q="wave fast") == ["class/3"]
    assert search(tiny, q="fusion.conv2/7") == ["fusion.conv2/7"]
    assert search(tiny, q="9") == ["fc6/9"]
    assert search(tiny, q="%") == []
    assert search(tiny, q="back/flip") == ["class/4"]
    assert search(tiny, **{"class": "run"}) == ["class/1"]
    with pytest.raises(UnknownClass, match="Near: walk"):
        search(tiny, **{"class": "wolk"})


def test_sorting_by_what_was_found(tiny: Store) -> None:
    for unit in (3, 1):
        enqueue(tiny, unit)
        finish(tiny, claim(tiny)[0])
    assert search(tiny, sort=UnitSort.RECENT)[:3] == ["class/1", "class/3", "appearance.conv1/0"]
    assert search(tiny, state="visualized") == ["class/1", "class/3"]
    assert len(search(tiny, state="missing", per_page=100)) == 33
    by_name = search(tiny, sort=UnitSort.NAME, per_page=5)
    assert by_name == [f"class/{CLASSES.index(name)}" for name in sorted(CLASSES)]


def test_pages_follow_one_another(tiny: Store) -> None:
    with tiny.session() as session:
        first = search_units(session, card=get_card(session, slug="tiny"), query=UnitQuery(per_page=30))
        last = search_units(session, card=get_card(session, slug="tiny"), query=UnitQuery(per_page=30, page=2))
    assert (first.total, first.next, len(first.items)) == (35, 2, 30)
    assert (last.next, len(last.items)) == (None, 5)


def test_removing_a_network_removes_its_results_and_their_media(tiny: Store) -> None:
    enqueue(tiny, 0)
    finish(tiny, claim(tiny)[0])
    with tiny.transaction() as session:
        poster = get_unit(session, card=get_card(session, slug="tiny"), layer="class", unit=0).poster
        assert poster is not None
        assert media.get_medium(session, sha256=poster).data.startswith(b"poster")
        networks.remove_network(session, slug="tiny")
    with tiny.session() as session:
        assert networks.list_networks(session) == []
        with pytest.raises(Missing):
            media.get_medium(session, sha256=poster)
