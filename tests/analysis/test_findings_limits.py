"""What the clips of a survey cannot tell is said, with what to add."""

from datetime import UTC, datetime

import pytest

from app.analysis.findings.data import SurveyData
from app.analysis.findings.limits import describe_limits
from app.contract.findings import UnitStatistics
from app.contract.survey import MeasuredPart, Survey
from app.contract.survey_part import SurveyPart
from tests.evidence_support import facts, make_necessity
from tests.support import two_stream_card

CARD = two_stream_card()
WALK, RUN, WAVE, FLIP, OTHER = CARD.classes
EVERY_PART = tuple(MeasuredPart(part=part, seconds=1) for part in SurveyPart)
ENOUGH = tuple(tuple(5 if row == column else 1 for column in range(5)) for row in range(5))


def limits(*, streams: int = 2, **changes: object) -> tuple[str, ...]:
    fields: dict[str, object] = {"confusion": ENOUGH, "skipped": (), "parts": EVERY_PART, "groups_known": True}
    fields["silence"] = make_necessity()
    measured = facts(5, **(fields | changes))
    survey = Survey(id=1, network="tiny", dataset="little", created_at=datetime.now(UTC), **dict(measured))
    card = CARD.model_copy(update={"streams": CARD.streams[:streams]})
    return describe_limits(SurveyData(card, survey, UnitStatistics(distributions={}, live=0, specific=0, generic=0)))


def row(index: int, clips: int, predicted: int) -> tuple[tuple[int, ...], ...]:
    """Return ENOUGH with other clips of one class, all of which are predicted as one class."""
    changed = tuple(clips if column == predicted else 0 for column in range(5))
    return tuple(changed if number == index else each for number, each in enumerate(ENOUGH))


def test_nothing_is_said_where_nothing_is_missing() -> None:
    assert limits() == ()


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"confusion": row(1, 3, 1)},
            f"{RUN} has fewer than 4 clips: an interval takes 4 independent clips of a",
        ),
        ({"confusion": row(1, 0, 1)}, f"The data set has no clips of {RUN}: nothing is claimed of it."),
        ({"groups_known": False}, "Which clips are of one video, person or motion is not known"),
        ({"streams": 1}, "The network has one stream, so no streams can be swapped"),
        ({"skipped": ("a", "b")}, "2 clips could not be read and are left out: a and b."),
        ({"parts": EVERY_PART[:6]}, "The survey leaves out silence, interaction, coding, invariance and 1 more:"),
        ({"silence": make_necessity(tested_classes=0)}, "Which units classes need cannot be told: a fall can only be"),
        ({"silence": make_necessity(one_class=None)}, "Which units classes need cannot be told: silencing units takes"),
        ({"silence": None}, "Which units classes need cannot be told: silencing units takes too many forward passes"),
        ({"parts": EVERY_PART[:-1]}, "The survey leaves out repairs: claims that need it cannot be told. Add it"),
    ],
)
def test_each_limit_is_one_sentence(changes: dict[str, object], sentence: str) -> None:
    [said] = limits(**changes)  # type: ignore[arg-type]
    assert said.startswith(sentence)


def test_a_class_that_is_never_predicted() -> None:
    confusion = tuple(tuple(5 if column == 0 else 0 for column in range(5)) for _ in range(5))
    [said] = limits(confusion=confusion)
    assert said == (
        f"{RUN}, {WAVE}, {FLIP} and {OTHER} are never predicted: what leads to a correct answer cannot be told for "
        "them."
    )


def test_one_class_alone() -> None:
    confusion = tuple(tuple(9 if row == column == 0 else 0 for column in range(5)) for row in range(5))
    [said] = limits(confusion=confusion)
    assert said.startswith(f"All clips are of one class, {WALK}: nothing tells what units prefer.")


def test_a_network_without_classes() -> None:
    measured = facts(0, skipped=(), accuracy=None, parts=EVERY_PART)
    survey = Survey(id=1, network="tiny", dataset="little", created_at=datetime.now(UTC), **dict(measured))
    card = CARD.model_copy(update={"classes": ()})
    data = SurveyData(card, survey, UnitStatistics(distributions={}, live=0, specific=0, generic=0))
    assert describe_limits(data) == ("The network has no classes: claims about classes cannot be told from any clips.",)
