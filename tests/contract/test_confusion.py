from datetime import UTC, datetime

from app.contract.confusion import confused_pairs, most_confused_pairs
from app.contract.survey import Survey
from tests.evidence_support import facts

CLASSES = ("a", "b", "c")


def confused(*rows: tuple[int, int, int]) -> Survey:
    told = facts(3, confusion=rows)
    return Survey(id=1, network="tiny", dataset="little", created_at=datetime.now(UTC), **dict(told))


def test_two_directions_of_a_pair_are_one() -> None:
    survey = confused((6, 1, 3), (4, 6, 0), (0, 0, 10))
    found = most_confused_pairs(CLASSES, survey, most=5)
    assert [(each.there.actual, each.there.predicted, each.there.clips, each.back.clips) for each in found] == [
        ("b", "a", 4, 1),
        ("a", "c", 3, 0),
    ]
    assert (found[0].clips, found[0].rate) == (5, 0.25)
    assert confused_pairs(survey) == ((1, 0), (0, 2))
    assert len(most_confused_pairs(CLASSES, survey, most=1)) == 1


def test_taken_for_each_other_weighs_more_than_one_way() -> None:
    survey = confused((6, 4, 0), (3, 4, 3), (0, 5, 5))
    assert confused_pairs(survey) == ((2, 1), (0, 1)), ".5 + .3 before .4 + .3"
    assert confused_pairs(confused((10, 0, 0), (0, 10, 0), (0, 0, 10))) == ()
