"""Units in listings: what stands in for a picture, and how well they tell what they detect."""

from typing import Any

import pytest
from sqlalchemy import Engine, event

from app.contract.result import MediaRole
from app.contract.unit import UnitRole, UnitSummary
from app.contract.unit_query import UnitQuery
from app.store import datasets
from app.store.catalog import units
from app.store.catalog.networks import get_card
from app.store.catalog.search import search_units
from app.store.database.engine import Store
from app.store.surveys import classes
from app.store.surveys.findings import get_findings_data
from tests.evidence_support import add_dataset, survey
from tests.support import claim, enqueue, finish

DEAD = {"a_hat": 0.0, "role": UnitRole.DEAD}


@pytest.fixture
def surveyed(tiny: Store) -> Store:
    """Class unit 2 has a stimulus; nothing excites fc6/3."""
    add_dataset(tiny)
    survey(tiny, change=lambda layer, unit: DEAD if (layer, unit) == ("fc6", 3) else {})
    enqueue(tiny, 2)
    finish(tiny, claim(tiny)[0])
    return tiny


def search(store: Store, **query: object) -> list[UnitSummary]:
    with store.session() as session:
        return list(
            search_units(
                session,
                card=get_card(session, slug="tiny"),
                query=UnitQuery.model_validate(query),
            ).items
        )


def strongest(store: Store) -> str:
    with store.session() as session:
        poster = datasets.get_clip(session, slug="little", name="walk-0").medium(MediaRole.POSTER)
    assert poster is not None
    return poster.sha256


def test_a_unit_that_nobody_has_visualized_has_a_still_of_its_strongest_clip(surveyed: Store) -> None:
    still = strongest(surveyed)
    assert [unit.clip for unit in search(surveyed, layer="fc6")] == [None if unit == 3 else still for unit in range(10)]
    assert [unit.clip for unit in search(surveyed, layer="class")] == [still, still, None, still, still]


def test_wherever_units_are_listed(surveyed: Store) -> None:
    with surveyed.session() as session:
        by_layer = classes.best_units_by_layer(session, card=get_card(session, slug="tiny"), class_index=1, limit=2)
        pair = classes.units_of_class_pair(session, card=get_card(session, slug="tiny"), a=0, b=1, limit=5)
        found = get_findings_data(session, card=get_card(session, slug="tiny"))
    assert found is not None
    listed = [each.unit for units in by_layer.values() for each in units]
    listed += [each.unit for each in (*pair.separating, *pair.shared)]
    listed += [each.unit for ends in found.examples.values() for each in ends]
    assert len(listed) > 20
    assert {unit.clip for unit in listed if unit.poster is None} == {strongest(surveyed)}


def test_a_unit_says_how_well_it_tells_what_it_detects(surveyed: Store) -> None:
    assert [unit.precision for unit in search(surveyed, layer="fc6")[:3]] == [0.75, 0.75 + 1 / 64, 0.75 + 2 / 64]


def test_before_a_survey_nothing_stands_in(tiny: Store) -> None:
    assert {(unit.clip, unit.precision) for unit in search(tiny)} == {(None, None)}


def test_all_of_a_page_cost_one_statement(surveyed: Store) -> None:
    asked: list[str] = []

    def hear(*execution: Any) -> None:
        asked.append(execution[2])

    event.listen(Engine, "before_cursor_execute", hear)
    try:
        search(surveyed, layer="fc6")
    finally:
        event.remove(Engine, "before_cursor_execute", hear)
    assert len([statement for statement in asked if "top_clips" in statement]) == 1


def test_more_units_than_one_statement_has_room_for(tiny: Store) -> None:
    names = [("class", 0), *(("fc6", unit) for unit in (9, 1, 3, 5, 7, 8)), ("fusion.conv2", 7), ("motion.conv1", 5)]
    assert len(names) > units.CONDITIONS_PER_STATEMENT
    with tiny.session() as session:
        card = get_card(session, slug="tiny")
        positions = [(card.layer(layer).index, unit) for layer, unit in names]
        found = units.unit_records(session, card=card, positions=positions, units_per_condition=1)
        again = units.unit_records(session, card=card, positions=positions, units_per_condition=1)
    assert [(record.layer, record.unit) for record in found.values()] == names
    assert again == found
