"""Explains in sentences why a network confuses two classes, from numbers that a survey measured."""

from collections.abc import Sequence

from app.analysis.confusions import confusion_between
from app.analysis.repairs import (
    cause_sentence,
    effect_on,
    find_effect,
    name_patch,
    no_patch_sentence,
    patch_verdict,
    repair_sentence,
    repairs_of,
)
from app.contract.confusion import SIMILAR_RESPONSE_RATIO, Confusion, LayerOfPair
from app.contract.findings import Verdict
from app.contract.network import NetworkCard
from app.contract.repairs import Change, ClassRepairs, Outcome
from app.contract.survey import StreamPair, Survey

# A confusion goes one way where at least ONE_SIDED_RATE of one class are taken for the other class, and at most
# REVERSE_RATE of the other class for this one.
ONE_SIDED_RATE, REVERSE_RATE = 0.3, 0.1  # shares of a class's clips
SEPARATED_AUC = 0.9  # area under the ROC curve from which on both streams together separate two classes
MIN_DIFFERENCE = 0.1  # of two shares, below which neither is called larger
UNKNOWN_REASON = "Why they are confused cannot be told from this survey."


def explain_confusion(
    card: NetworkCard, survey: Survey, a: int, b: int, layers: Sequence[LayerOfPair]
) -> tuple[str, ...]:
    """Return sentences on why two classes are confused.

    `layers` are the last layer before the classes and then the last of each stream.
    """
    both = (confusion_between(card.classes, survey, a, b), confusion_between(card.classes, survey, b, a))
    if not any(confusion.clips for confusion in both):
        return ("No clip of either is taken for the other in this survey.",)
    pairs = survey.streams.pairs if survey.streams else ()
    stream_pair = next((pair for pair in pairs if set(pair.classes) == {a, b}), None)
    is_explained = any(
        is_caused_by_patch(survey, predicted) and survey.confusion[actual][predicted]
        for actual, predicted in ((a, b), (b, a))
    )
    sentences = [
        *_causes(card, survey, a, b),
        *_causes(card, survey, b, a),
        *_similar_units(card.classes[a], layers[:1], is_explained),
        *_weakest_stream(layers[1:]),
        *_separation_by_stream(stream_pair),
        *_one_sided(both, stream_pair, is_explained),
    ]
    return tuple(sentences) or (UNKNOWN_REASON,)


def is_caused_by_patch(survey: Survey, predicted: int) -> bool:
    """Return whether a patch of the picture is shown to make clips be taken for a class."""
    facts, repairs = survey.repairs, repairs_of(survey.repairs, predicted)
    return bool(facts and repairs and patch_verdict(repairs, facts.asked) is Verdict.SUPPORTED)


def _causes(card: NetworkCard, survey: Survey, actual: int, predicted: int) -> list[str]:
    """Return sentences on what repairs the errors of one class that are taken for another, and what causes them."""
    facts, repairs = survey.repairs, repairs_of(survey.repairs, predicted)
    if facts is None or repairs is None or not survey.confusion[actual][predicted]:
        return []
    own, other = card.classes[actual], card.classes[predicted]
    if repairs.patch is None:
        return [f"{own} taken for {other}: {no_patch_sentence(other, repairs, facts)}"]
    patch = name_patch(repairs)
    if not is_caused_by_patch(survey, predicted):
        return [
            f"Errors taken for {other} have {patch} more often than recognised clips. It is not shown to cause them: "
            f"{repair_sentence(other, repairs)} {cause_sentence(other, repairs)}"
        ]
    return [
        f"{own} is taken for {other} because of {patch}. {patch[0].upper()}{patch[1:]} is in "
        f"{repairs.patch.in_errors:.0%} of the errors taken for {other} and in {repairs.patch.in_right:.0%} of the "
        f"recognised clips of the same classes. {_pair_counts(own, other, actual, repairs)}".rstrip(),
        f"All classes together: {repair_sentence(other, repairs)} {cause_sentence(other, repairs)}",
    ]


def _pair_counts(own: str, other: str, actual: int, repairs: ClassRepairs) -> str:
    """Return sentences on the clips of one actual class alone; empty where none of them was changed."""
    sentences = []
    repaired = effect_on(find_effect(repairs, Change.PATCH, Outcome.REPAIRED), actual)
    if repaired is not None:
        sentences.append(
            f"Replaced in {repaired.clips} errors of {own}, {repaired.changed} of {repaired.versions} versions are no "
            f"longer taken for {other} and {repaired.right} are right; with the same blocks of other errors "
            f"{repaired.sham_changed} of {repaired.sham_versions}."
        )
    caused = effect_on(find_effect(repairs, Change.PATCH, Outcome.CAUSED), actual)
    if caused is not None:
        sentences.append(
            f"Pasted onto {caused.clips} recognised clips of {own}, {caused.changed} of {caused.versions} versions are "
            f"taken for {other}; with the same blocks of other recognised clips {caused.sham_changed} of "
            f"{caused.sham_versions}."
        )
    return " ".join(sentences)


def _similar_units(name: str, layers: Sequence[LayerOfPair], is_explained: bool) -> list[str]:
    sentences = []
    for layer in layers:
        if not layer.responding or layer.usual_share is None:
            continue
        share = layer.similar / layer.responding
        sentence = (
            f"Of the {layer.responding:,} units of {layer.layer}, the last layer before the classes, that answer to "
            f"either, {share:.0%} answer to both alike, the smaller response being {SIMILAR_RESPONSE_RATIO:.0%} of the "
            f"larger or more; for {name} and other classes it is {layer.usual_share:.0%} on average."
        )
        if share - layer.usual_share < MIN_DIFFERENCE and not is_explained:
            sentence += " That is not much more than usual: it tells little of why they are confused."
        sentences.append(sentence)
    return sentences


def _weakest_stream(layers: Sequence[LayerOfPair]) -> list[str]:
    """Return a sentence on the stream whose last layer separates the classes least."""
    ratios = sorted(
        ((layer.median_ratio, layer) for layer in layers if layer.median_ratio is not None), key=lambda pair: -pair[0]
    )
    if len(ratios) < 2:
        return []
    (largest, weakest), *_, (smallest, strongest) = ratios
    numbers = (
        f"in {weakest.layer} the smaller response is {largest:.0%} of the larger in the median unit, "
        f"in {strongest.layer} {smallest:.0%}"
    )
    if largest - smallest < MIN_DIFFERENCE:
        return [f"Neither stream separates them much better than the other: {numbers}."]
    return [f"The units of {weakest.stream} separate them least: {numbers}."]


def _separation_by_stream(pair: StreamPair | None) -> list[str]:
    if pair is None:
        return []
    return [
        f"Told apart by the pictures alone: {pair.appearance:.2f}; by the motion alone: {pair.motion:.2f}; by both: "
        f"{pair.fused:.2f} (area under the ROC curve; 0.5 is chance)."
    ]


def _one_sided(both: Sequence[Confusion], pair: StreamPair | None, is_explained: bool) -> list[str]:
    """Return a sentence where the confusion goes one way, although the classes may be well separated."""
    often, seldom = sorted(both, key=lambda confusion: -confusion.rate)
    if often.rate < ONE_SIDED_RATE or seldom.rate > REVERSE_RATE:
        return []
    sentence = (
        f"It goes one way: {often.clips} of {often.total} of {often.actual} are taken for {often.predicted}, "
        f"{seldom.clips} of {seldom.total} the other way."
    )
    if pair is not None and pair.fused >= SEPARATED_AUC and not is_explained:
        sentence += (
            f" As the two are told apart ({pair.fused:.2f}), it is less what the network sees than where it draws the "
            f"line: it prefers {often.predicted}."
        )
    return [sentence]
