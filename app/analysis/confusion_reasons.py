"""Explains why a network confuses two classes: numbers that a survey measured, in sentences."""

from collections.abc import Sequence

from app.contract.confusion import SIMILAR_RESPONSE_RATIO, Confusion, LayerOfPair, confusion
from app.contract.evidence import StreamPair, Survey
from app.contract.network import NetworkCard

OFTEN, SELDOM = 0.3, 0.1  # shares of clips that go one way, and at most the other, of a confusion with one direction
TOLD = 0.9  # area under the ROC curve from which on both streams together tell two classes apart
MORE = 0.1  # by which a share of units must be above what is usual, or one stream above the other, to be said to be
UNTOLD = "Why they are confused cannot be told from this survey."


def explain_confusion(
    card: NetworkCard, survey: Survey, a: int, b: int, layers: Sequence[LayerOfPair]
) -> tuple[str, ...]:
    both = (confusion(card.classes, survey, a, b), confusion(card.classes, survey, b, a))
    if not any(each.clips for each in both):
        return ("No clip of either is taken for the other in this survey.",)
    pairs = survey.streams.pairs if survey.streams else ()
    alone = next((pair for pair in pairs if set(pair.classes) == {a, b}), None)
    found = [*_hidden(card.classes[a], layers[:1]), *_ends(layers[1:]), *_alone(alone), *_one_way(both, alone)]
    return tuple(found) or (UNTOLD,)


def _hidden(name: str, layers: Sequence[LayerOfPair]) -> list[str]:
    found = []
    for each in layers:
        if not each.responding or each.usual_share is None:
            continue
        share = each.similar / each.responding
        said = (
            f"Of the {each.responding:,} units of {each.layer}, the last layer before the classes, that answer to "
            f"either, {share:.0%} answer to both alike, the smaller response being {SIMILAR_RESPONSE_RATIO:.0%} of the "
            f"larger or more; for {name} and other classes it is {each.usual_share:.0%} on average."
        )
        if share - each.usual_share < MORE:
            said += " That is not much more than usual: it tells little of why they are confused."
        found.append(said)
    return found


def _ends(layers: Sequence[LayerOfPair]) -> list[str]:
    """Which stream tells them apart least, where it ends."""
    ends = sorted(
        ((each.median_ratio, each) for each in layers if each.median_ratio is not None), key=lambda end: -end[0]
    )
    if len(ends) < 2:
        return []
    (least, one), *_, (most, other) = ends
    numbers = (
        f"in {one.layer} the smaller response is {least:.0%} of the larger in the median unit, "
        f"in {other.layer} {most:.0%}"
    )
    if least - most < MORE:
        return [f"Neither stream separates them much better than the other: {numbers}."]
    return [f"The units of {one.stream} separate them least: {numbers}."]


def _alone(pair: StreamPair | None) -> list[str]:
    if pair is None:
        return []
    return [
        f"Told apart by the pictures alone: {pair.appearance:.2f}; by the motion alone: {pair.motion:.2f}; by both: "
        f"{pair.fused:.2f} (area under the ROC curve; 0.5 is chance)."
    ]


def _one_way(both: Sequence[Confusion], pair: StreamPair | None) -> list[str]:
    """Where the classes are told apart and yet the clips of one are taken for the other."""
    often, seldom = sorted(both, key=lambda each: -each.rate)
    if often.rate < OFTEN or seldom.rate > SELDOM:
        return []
    said = (
        f"It goes one way: {often.clips} of {often.total} of {often.actual} are taken for {often.predicted}, "
        f"{seldom.clips} of {seldom.total} the other way."
    )
    if pair is not None and pair.fused >= TOLD:
        said += (
            f" As the two are told apart ({pair.fused:.2f}), it is less what the network sees than where it draws the "
            f"line: it prefers {often.predicted}."
        )
    return [said]
