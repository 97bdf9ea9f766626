import pytest

from app.contract.unit import UnitRole
from app.store.catalog.networks import get_card
from app.store.database.engine import Store
from app.store.surveys import classes
from tests.evidence_support import add_dataset, survey


@pytest.fixture
def surveyed(tiny: Store) -> Store:
    add_dataset(tiny)
    survey(tiny, change=lambda layer, unit: {"role": UnitRole.GENERIC} if (layer, unit) == ("fc6", 7) else {})
    return tiny


def test_the_best_detectors_of_every_layer(surveyed: Store) -> None:
    with surveyed.session() as session:
        found = classes.best_units_by_layer(session, card=get_card(session, slug="tiny"), class_index=1, limit=2)
    assert list(found) == ["appearance.conv1", "motion.conv1", "fusion.conv2", "fc6", "class"]
    assert [(each.unit.index, each.response) for each in found["fc6"]] == [(6, 0.5), (1, 0.5)]


def test_units_that_separate_two_classes_and_units_that_do_not(surveyed: Store) -> None:
    with surveyed.session() as session:
        pair = classes.units_of_class_pair(session, card=get_card(session, slug="tiny"), a=0, b=1, limit=5)
    assert len(pair.separating) == len(pair.shared) == 5
    assert {abs(each.difference) for each in pair.separating} == {0.375}
    assert {(each.a, each.b) for each in pair.shared} == {(0.125, 0.125)}


def test_generic_units_say_what_else_they_answer_to(surveyed: Store) -> None:
    with surveyed.session() as session:
        [shared] = classes.shared_units(session, card=get_card(session, slug="tiny"), class_index=1, limit=8)
    assert (shared.unit.layer, shared.unit.index, shared.response) == ("fc6", 7, 0.125)
    assert sorted(shared.others) == [0, 2, 3, 4]


def test_before_a_survey_there_are_none(tiny: Store) -> None:
    with tiny.session() as session:
        assert classes.best_units_by_layer(session, card=get_card(session, slug="tiny"), class_index=0, limit=3) == {}
        assert classes.shared_units(session, card=get_card(session, slug="tiny"), class_index=0, limit=8) == []
        pair = classes.units_of_class_pair(session, card=get_card(session, slug="tiny"), a=0, b=1)
    assert (pair.separating, pair.shared) == ((), ())
