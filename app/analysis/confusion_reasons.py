"""Explains why a network confuses two classes: numbers that a survey measured, in sentences."""

from collections.abc import Sequence

from app.analysis.confusions import confusion_between
from app.contract.confusion import SIMILAR_RESPONSE_RATIO, Confusion, LayerOfPair
from app.contract.network import NetworkCard
from app.contract.survey import StreamPair, Survey

# A confusion is one-sided where one class is taken for the other at least so often, and the other way at most so often.
ONE_SIDED_RATE, REVERSE_RATE = 0.3, 0.1
SEPARATED_AUC = 0.9  # area under the ROC curve from which on both streams together separate two classes
MIN_DIFFERENCE = 0.1  # by which a share must exceed the usual one, or one stream the other, to be called more
UNKNOWN_REASON = "Why they are confused cannot be told from this survey."


def explain_confusion(
    card: NetworkCard, survey: Survey, a: int, b: int, layers: Sequence[LayerOfPair]
) -> tuple[str, ...]:
    """Return sentences on why two classes are confused.

    `layers` are the last layer before the classes and then the last of each stream.
    """
    both = (confusion_between(card.classes, survey, a, b), confusion_between(card.classes, survey, b, a))
    if not any(each.clips for each in both):
        return ("No clip of either is taken for the other in this survey.",)
    pairs = survey.streams.pairs if survey.streams else ()
    alone = next((pair for pair in pairs if set(pair.classes) == {a, b}), None)
    sentences = [
        *_similar_units(card.classes[a], layers[:1]),
        *_weakest_stream(layers[1:]),
        *_separation_by_stream(alone),
        *_one_sided(both, alone),
    ]
    return tuple(sentences) or (UNKNOWN_REASON,)


def _similar_units(name: str, layers: Sequence[LayerOfPair]) -> list[str]:
    sentences = []
    for each in layers:
        if not each.responding or each.usual_share is None:
            continue
        share = each.similar / each.responding
        sentence = (
            f"Of the {each.responding:,} units of {each.layer}, the last layer before the classes, that answer to "
            f"either, {share:.0%} answer to both alike, the smaller response being {SIMILAR_RESPONSE_RATIO:.0%} of the "
            f"larger or more; for {name} and other classes it is {each.usual_share:.0%} on average."
        )
        if share - each.usual_share < MIN_DIFFERENCE:
            sentence += " That is not much more than usual: it tells little of why they are confused."
        sentences.append(sentence)
    return sentences


def _weakest_stream(layers: Sequence[LayerOfPair]) -> list[str]:
    """Return which stream separates the classes least, at its last layer."""
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
    if least - most < MIN_DIFFERENCE:
        return [f"Neither stream separates them much better than the other: {numbers}."]
    return [f"The units of {one.stream} separate them least: {numbers}."]


def _separation_by_stream(pair: StreamPair | None) -> list[str]:
    if pair is None:
        return []
    return [
        f"Told apart by the pictures alone: {pair.appearance:.2f}; by the motion alone: {pair.motion:.2f}; by both: "
        f"{pair.fused:.2f} (area under the ROC curve; 0.5 is chance)."
    ]


def _one_sided(both: Sequence[Confusion], pair: StreamPair | None) -> list[str]:
    """Return a sentence where the confusion goes one way, although the classes may be well separated."""
    often, seldom = sorted(both, key=lambda each: -each.rate)
    if often.rate < ONE_SIDED_RATE or seldom.rate > REVERSE_RATE:
        return []
    sentence = (
        f"It goes one way: {often.clips} of {often.total} of {often.actual} are taken for {often.predicted}, "
        f"{seldom.clips} of {seldom.total} the other way."
    )
    if pair is not None and pair.fused >= SEPARATED_AUC:
        sentence += (
            f" As the two are told apart ({pair.fused:.2f}), it is less what the network sees than where it draws the "
            f"line: it prefers {often.predicted}."
        )
    return [sentence]
