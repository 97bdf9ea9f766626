"""Results as pages read them: some of many units at once, and the bytes of their pictures."""

import pytest

from app.contract.errors import Missing
from app.store import media
from app.store.catalog import search
from app.store.catalog.networks import get_card
from app.store.database.engine import Store
from app.store.results import visualizations
from tests.support import claim, enqueue, finish


def test_the_newest_result_of_each_of_some_units(tiny: Store) -> None:
    newest_ids = {}
    for seed in (0, 1):
        for unit in (1, 3):
            enqueue(tiny, unit, seed=seed)
            newest_ids[unit] = finish(tiny, claim(tiny)[0])
    with tiny.session() as session:
        units = search.units_by_name(
            session,
            card=get_card(session, slug="tiny"),
            names=[("class", unit) for unit in (3, 1, 2)],
        )
        found = visualizations.newest_of_units(session, card=get_card(session, slug="tiny"), units=units)
    assert {unit: result.id for unit, result in found.items()} == {
        ("class", unit): id for unit, id in newest_ids.items()
    }
    assert {each.recipe.seed for each in found.values()} == {1}


def test_the_pictures_of_a_result_come_together(tiny: Store) -> None:
    enqueue(tiny, 1)
    finish(tiny, claim(tiny)[0])
    with tiny.session() as session:
        [result] = visualizations.recent_visualizations(session)
        found = media.get_media(session, sha256s={ref.sha256 for ref in result.media})
        assert {name: len(medium.data) for name, medium in found.items()} == {
            ref.sha256: ref.size for ref in result.media
        }
        with pytest.raises(Missing):
            media.get_media(session, sha256s=[64 * "0"])
