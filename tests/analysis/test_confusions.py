"""Confusions of a survey, single and in pairs, in the order of their shares."""

from datetime import UTC, datetime

from app.analysis.confusions import confused_pairs, most_confused_pairs
from app.contract.survey import Survey
from tests.evidence_support import facts

CLASSES = ("a", "b", "c")


def confused(*rows: tuple[int, int, int]) -> Survey:
    survey_facts = facts(3, confusion=rows)
    return Survey(id=1, network="tiny", dataset="little", created_at=datetime.now(UTC), **dict(survey_facts))


def test_two_directions_of_a_pair_are_one() -> None:
    survey = confused((6, 1, 3), (4, 6, 0), (0, 0, 10))
    pairs = most_confused_pairs(CLASSES, survey, limit=5)
    assert [(pair.forward.actual, pair.forward.predicted) for pair in pairs] == [("b", "a"), ("a", "c")]
    assert [(pair.forward.clips, pair.reverse.clips) for pair in pairs] == [(4, 1), (3, 0)]
    assert (pairs[0].clips, pairs[0].rate) == (5, 0.25)
    assert confused_pairs(survey) == ((1, 0), (0, 2))
    assert len(most_confused_pairs(CLASSES, survey, limit=1)) == 1


def test_taken_for_each_other_weighs_more_than_one_way() -> None:
    survey = confused((6, 4, 0), (3, 4, 3), (0, 5, 5))
    assert confused_pairs(survey) == ((2, 1), (0, 1)), ".5 + .3 before .4 + .3"
    assert confused_pairs(confused((10, 0, 0), (0, 10, 0), (0, 0, 10))) == ()
