"""What parts of a survey measured is stored only where all of it is figures."""

from math import inf, nan

import pytest

from app.contract.errors import NotFinite
from app.contract.evidence import Synergy
from app.contract.interval import Interval
from app.contract.necessity import UnitNecessity
from app.contract.survey import MaskedClass, MeasuredPart
from app.contract.survey_part import SurveyPart
from app.store.catalog.networks import get_card
from app.store.database.engine import Store
from app.store.surveys import writing
from app.store.surveys.costs import estimate_seconds
from app.store.surveys.parts import save_part_facts
from tests.evidence_support import add_dataset, every_unit, facts, new_predictions, unit_evidence


@pytest.fixture
def begun(tiny: Store) -> int:
    """Return the id of a survey that has just begun."""
    add_dataset(tiny)
    with tiny.transaction() as session:
        return writing.begin_survey(session, network="tiny", dataset="little")


@pytest.mark.parametrize(
    ("measured", "path"),
    [
        (
            {"necessity": UnitNecessity(accuracy_change=Interval(value=0, low=nan, high=1), needed_by=0, classes=())},
            "necessity of fc6/3.accuracy_change.low is nan",
        ),
        ({"synergy": Synergy(clips=inf)}, "synergy of fc6/3.clips is inf"),
    ],
)
def test_figures_of_units_must_be_finite(tiny: Store, begun: int, measured: dict[str, object], path: str) -> None:
    unit = unit_evidence("fc6", 3, 5).model_copy(update=measured)
    with tiny.transaction() as session, pytest.raises(NotFinite, match=path):
        writing.save_unit_evidence(session, survey_id=begun, units=[unit])


def test_figures_of_a_network_must_be_finite(tiny: Store, begun: int) -> None:
    found = facts(5, parts=(MeasuredPart(part=SurveyPart.MASK, seconds=1),))
    masked = MaskedClass(class_index=1, clips=3, unmasked=0.5, foreground=nan, background=0.5)
    with tiny.transaction() as session, pytest.raises(NotFinite, match=r"survey's masked.0.foreground is nan"):
        save_part_facts(session, survey_id=begun, facts=found.model_copy(update={"masked": (masked,)}))


def test_parts_take_longer_for_more_clips_up_to_their_most_passes(tiny: Store, begun: int) -> None:
    parts = (
        MeasuredPart(part=SurveyPart.RECORD, seconds=9, passes=9),
        MeasuredPart(part=SurveyPart.MASK, seconds=4, passes=18, most_passes=36),
    )
    found = facts(5, parts=parts)
    with tiny.transaction() as session:
        card = get_card(session, slug="tiny")
        writing.save_unit_evidence(session, survey_id=begun, units=every_unit(card))
        writing.save_predictions(session, survey_id=begun, predictions=new_predictions())
        writing.finish_survey(session, survey_id=begun, facts=found)
        assert estimate_seconds(session, card=card, clips=10 * found.clips) == {
            SurveyPart.RECORD: 90,
            SurveyPart.MASK: 8,
        }
        assert estimate_seconds(session, card=card, clips=found.clips)[SurveyPart.MASK] == 4
