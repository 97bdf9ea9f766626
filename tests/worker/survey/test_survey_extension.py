"""What a survey has of its units is taken over into the one that replaces it, but for the parts measured again."""

from pathlib import Path

import pytest

from app.contract.evidence import Synergy, UnitEvidence
from app.store.catalog.networks import get_card
from app.store.database.engine import Store
from app.store.surveys import evidence
from tests.evidence_support import add_dataset, every_unit, facts, survey
from tests.support import add_card, two_stream_card
from worker.survey.parts.probe import PROBE
from worker.survey.run import SurveyResult
from worker.tasks.survey_extension import take_over_units

TUNING = ("synergy", "speed", "direction")


def bare(layer: str, unit: int) -> dict[str, object]:
    return dict.fromkeys(TUNING) | {"feeds": ()}


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_part_that_is_measured_again_leaves_nothing_of_the_former_one(store: Store, tmp_path: Path) -> None:
    card = two_stream_card()
    add_card(store, card)
    add_dataset(store)
    survey(store)
    with store.session() as session:
        former = evidence.get_survey(session, card=get_card(session, slug="tiny"), dataset="little")
    assert former is not None

    def take_over(unit_fields: tuple[str, ...], first: UnitEvidence) -> list[UnitEvidence]:
        units = iter([first, *list(every_unit(card, bare))[1:]])
        result = SurveyResult(facts(5), None, units, frozenset(unit_fields), iter(()))
        return list(take_over_units(store, card, former, result))

    empty = next(every_unit(card, bare))
    new = empty.model_copy(update={"synergy": Synergy(clips=0.75)})
    kept = take_over((), empty)
    assert all(unit.synergy and unit.speed and unit.direction and unit.class_attributions for unit in kept)
    probed = take_over(PROBE.unit_fields, new)
    assert [unit.synergy for unit in probed[:2]] == [new.synergy, None], "the second has none any more"
    assert not any(unit.speed or unit.direction for unit in probed)
    assert all(unit.class_attributions for unit in probed), "that part was not measured again"
