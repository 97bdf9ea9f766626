"""What the findings of a network are made of."""

import pytest
from sqlalchemy import text
from sqlalchemy.dialects import sqlite

from app.store.catalog.networks import get_card
from app.store.database.engine import Store
from app.store.surveys import findings
from app.store.surveys.evidence import Measure
from tests.evidence_support import add_dataset, survey
from tests.support import claim, enqueue, finish


def test_findings_show_new_pictures_of_their_units_and_follow_the_newest_survey(tiny: Store) -> None:
    add_dataset(tiny)
    survey(tiny)
    with tiny.session() as session:
        before = findings.get_findings_data(session, card=get_card(session, slug="tiny"))
    assert before is not None
    unit = before.examples["effective_classes"][0].unit
    assert unit.poster is None
    enqueue(tiny, unit.index, layer=unit.layer)
    assert finish(tiny, claim(tiny)[0]) is not None
    with tiny.session() as session:
        after = findings.get_findings_data(session, card=get_card(session, slug="tiny"))
    assert after is not None
    assert after.survey == before.survey
    assert after.examples["effective_classes"][0].unit.poster is not None
    survey(tiny, change=lambda layer, unit: {"effective_classes": 2.5})
    with tiny.session() as session:
        newest = findings.get_findings_data(session, card=get_card(session, slug="tiny"))
    assert newest is not None
    assert newest.survey.id != before.survey.id
    assert newest.examples["effective_classes"][0].value == 2.5


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("measure", findings.EXAMPLE_MEASURES)
@pytest.mark.parametrize("highest", [True, False])
def test_the_most_extreme_units_are_read_from_an_index(tiny: Store, measure: Measure, highest: bool) -> None:
    statement = findings.select_extreme(1, measure, highest=highest)
    words = statement.compile(dialect=sqlite.dialect(), compile_kwargs={"literal_binds": True})
    with tiny.session() as session:
        plan = [row.detail for row in session.execute(text(f"EXPLAIN QUERY PLAN {words}"))]
    assert f"ix_unit_evidence_survey_id_{measure}_unit_id" in plan[0]
    assert "USE TEMP B-TREE FOR ORDER BY" not in plan, "at most equal values are sorted"
