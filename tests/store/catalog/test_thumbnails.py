"""Some pictures of each of many things."""

import pytest

from app.contract.unit import Thumbnail
from app.contract.unit_query import UnitQuery, UnitSort
from app.store.catalog import search, thumbnails
from app.store.catalog.networks import get_card
from app.store.database.engine import Store
from tests.support import claim, enqueue, finish


@pytest.fixture
def some(tiny: Store) -> Store:
    for unit in (3, 1, 4):
        enqueue(tiny, unit)
        finish(tiny, claim(tiny)[0])
    return tiny


def test_some_pictures_of_every_layer(some: Store) -> None:
    with some.session() as session:
        [(layer, units)] = thumbnails.layer_thumbnails(session, card=get_card(session, slug="tiny"), limit=2).items()
    assert (layer, [(unit.index, unit.label) for unit in units]) == ("class", [(1, "run"), (3, "wave fast")])


def test_what_was_visualized_last_of_a_network(some: Store) -> None:
    with some.session() as session:
        query = UnitQuery(state="visualized", sort=UnitSort.RECENT)
        card = get_card(session, slug="tiny")
        last = search.search_units(session, card=card, query=query).items
        assert len(last) > 1
        for each in (1, len(last) + 1):
            assert thumbnails.newest_thumbnails(session, cards=[card], limit=each) == {
                "tiny": [Thumbnail(unit.poster, unit.loop) for unit in last[:each]]
            }
