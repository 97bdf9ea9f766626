"""Reasons why two classes are confused: only what was measured."""

from datetime import UTC, datetime

from app.analysis.confusion_reasons import UNKNOWN_REASON, explain_confusion
from app.contract.confusion import LayerOfPair
from app.contract.survey import StreamFacts, StreamPair, Survey
from tests.evidence_support import facts
from tests.support import two_stream_card

CARD = two_stream_card()
STREAMS = StreamFacts(
    clips=9,
    fused=0.9,
    appearance=0.4,
    motion=0.5,
    late_fusion=0.6,
    pairs=(StreamPair(classes=(0, 1), fused=1.0, appearance=0.5, motion=0.955),),
    biases=(),
)


def layer(name: str, stream: str, *, alike: int = 6, usual: float | None = 0.25, smaller: float = 0.5) -> LayerOfPair:
    return LayerOfPair(
        layer=name, stream=stream, units=10, responding=8, similar=alike, usual_share=usual, median_ratio=smaller
    )


def reasons(*layers: LayerOfPair, **changes: object) -> tuple[str, ...]:
    survey = Survey(id=1, network="tiny", dataset="little", created_at=datetime.now(UTC), **dict(facts(5, **changes)))
    return explain_confusion(CARD, survey, 0, 1, layers)


def test_units_that_answer_to_both_more_often_than_usual() -> None:
    [sentence] = reasons(layer("fc6", "fusion"))
    assert sentence == (
        "Of the 8 units of fc6, the last layer before the classes, that answer to either, 75% answer to both alike, "
        "the smaller response being 80% of the larger or more; for walk and other classes it is 25% on average."
    )
    [sentence] = reasons(layer("fc6", "fusion", alike=2))
    assert sentence.endswith("That is not much more than usual: it tells little of why they are confused.")


def test_the_stream_that_separates_them_least() -> None:
    ends = layer("appearance.conv1", "appearance", smaller=0.9), layer("motion.conv1", "motion", smaller=0.5)
    _, sentence = reasons(layer("fc6", "fusion"), *ends)
    assert sentence == (
        "The units of appearance separate them least: in appearance.conv1 the smaller response is 90% of the larger in "
        "the median unit, in motion.conv1 50%."
    )
    alike = layer("appearance.conv1", "appearance", smaller=0.55), ends[1]
    assert reasons(layer("fc6", "fusion"), *alike)[1].startswith("Neither stream separates them much better")


def test_a_pair_that_was_measured_stream_by_stream() -> None:
    assert reasons(streams=STREAMS) == (
        "Told apart by the pictures alone: 0.50; by the motion alone: 0.95; by both: 1.00 (area under the ROC curve; "
        "0.5 is chance).",
    )


def test_what_cannot_be_told_is_not() -> None:
    assert reasons() == (UNKNOWN_REASON,)
    assert reasons(layer("fc6", "fusion", usual=None)) == (UNKNOWN_REASON,)
    apart = tuple(tuple(5 if row == column else 0 for column in range(5)) for row in range(5))
    assert reasons(layer("fc6", "fusion"), confusion=apart) == (
        "No clip of either is taken for the other in this survey.",
    )


def test_a_confusion_with_one_direction() -> None:
    """Ten clips of each class; four of the first are taken for the second."""
    lost = tuple(tuple(10 if row == column else 0 for column in range(5)) for row in range(1, 5))
    one_way = ((6, 4, 0, 0, 0), *lost)
    first, second = CARD.classes[:2]
    sentence = reasons(confusion=one_way)[-1]
    assert sentence == f"It goes one way: 4 of 10 of {first} are taken for {second}, 0 of 10 the other way."
    assert reasons(confusion=one_way, streams=STREAMS)[-1] == (
        f"{sentence} As the two are told apart (1.00), it is less what the network sees than where it draws the line: "
        f"it prefers {second}."
    )
    both_ways = ((6, 4, 0, 0, 0), (3, 7, 0, 0, 0), *lost[1:])
    assert reasons(confusion=both_ways) == (UNKNOWN_REASON,)
