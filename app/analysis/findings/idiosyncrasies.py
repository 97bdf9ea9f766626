"""The finding on idiosyncrasies and failures: confusions, and classes recognised by something beside the action."""

from collections.abc import Sequence

from app.analysis.confusions import most_confused_pairs
from app.analysis.findings.claims import finding_of_claims
from app.analysis.findings.data import Heading, SurveyData, make_finding
from app.analysis.findings.repair_claims import repair_claims
from app.analysis.repairs import (
    never_predicted_sentence,
    no_patch_sentence,
    other_changes_sentence,
    patch_verdict,
    recovery_sentence,
    repairs_of,
)
from app.analysis.thresholds import DEFAULTS, Thresholds
from app.contract.confusion import ConfusedPair
from app.contract.findings import Figure, Finding, NamedPair, Verdict
from app.contract.network import StreamName
from app.contract.survey import AppearanceBias, MaskedClass

MAX_PAIRS = 8  # listed

HEADING = Heading(
    "idiosyncrasies",
    "Idiosyncrasies and failures",
    "What a network knows by something beside the action, and takes for something else because of it, can be found.",
)


def idiosyncrasies(data: SurveyData) -> Finding:
    """Return the finding on failures: supported where something beside the action is shown to cause errors.

    Confusions and suspected biases are listed, but they do not make it supported: every network has some.
    """
    names = data.card.classes
    if not names:
        sentence = "The network has no classes, so it has no confusions and no class that it knows by something else."
        return make_finding(HEADING, Verdict.CANNOT_BE_TOLD, [sentence])
    pairs = most_confused_pairs(names, data.survey, MAX_PAIRS)
    confusions = tuple(map(_named_pair, pairs))
    biases = data.survey.streams.biases if data.survey.streams else ()
    thresholds = data.thresholds
    suspects = [bias for bias in biases if has_appearance_bias(bias, thresholds)]
    suspects.sort(key=lambda bias: bias.baseline_rate - bias.background_rate)
    masked = {masked_class.class_index: masked_class for masked_class in data.survey.masked}
    has_motion = any(stream.name is StreamName.MOTION for stream in data.card.streams)
    background_classes = [each for each in masked.values() if not has_motion and relies_on_background(each, thresholds)]
    background_classes.sort(key=lambda masked_class: masked_class.foreground)
    sentences = [*_repair_sentences(data), *map(_confusion_sentence, pairs[:3])]
    for bias in suspects:
        sentences.append(_bias_sentence(names[bias.class_index], bias))
        if bias.class_index in masked:
            sentences.append(masking_sentence(masked[bias.class_index]) + _under_mover(data, bias.class_index))
    for masked_class in background_classes:
        sentences += [
            f"{names[masked_class.class_index]} is recognised by its place, not by what moves there.",
            masking_sentence(masked_class),
        ]
    suspected_classes = [bias.class_index for bias in suspects]
    suspected_classes += [masked_class.class_index for masked_class in background_classes]
    return finding_of_claims(
        HEADING,
        repair_claims(data),
        sentences or ["No clip is taken for another class."],
        figures=tuple(
            Figure(
                words=f"clips drawn to {names[bias.class_index]} by its still surroundings", value=bias.background_rate
            )
            for bias in suspects
        )
        + tuple(figure for index in suspected_classes for figure in _masking_figures(names, masked.get(index))),
        confusions=confusions,
        suspects=tuple(names[index] for index in suspected_classes),
    )


def _repair_sentences(data: SurveyData) -> list[str]:
    """Return sentences on the classes that were studied, beyond those of the claims."""
    facts, names = data.survey.repairs, data.card.classes
    sentences = []
    for repairs in facts.classes if facts else ():
        name = names[repairs.predicted]
        if repairs.patch is None and facts is not None:
            sentences.append(no_patch_sentence(name, repairs, facts))
        sentences += [recovery_sentence(name, repairs), other_changes_sentence(name, repairs)]
    if facts and facts.left_out:
        sentences.append(f"{facts.left_out} more classes attract errors enough; the first {facts.asked} were studied.")
    sentences.append(never_predicted_sentence(names, data.survey.confusion))
    return list(filter(None, sentences))


def _under_mover(data: SurveyData, class_index: int) -> str:
    """Return why masking points the other way, where a patch that causes errors lies under what moves."""
    repairs = repairs_of(data.survey.repairs, class_index)
    if repairs is None or repairs.patch is None or data.survey.repairs is None:
        return ""
    if patch_verdict(repairs, data.survey.repairs.asked, data.thresholds) is not Verdict.SUPPORTED:
        return ""
    return (
        f" This does not speak for the action: the {repairs.patch.what} lies under what moves ("
        f"in {repairs.patch.under_mover:.0%} of its blocks something moves), so masking shows or hides both together. "
        "Replacing the patch alone tells them apart."
    )


def has_appearance_bias(bias: AppearanceBias, thresholds: Thresholds = DEFAULTS) -> bool:
    """Return whether a class is suspected to be recognised by its appearance rather than by the action.

    The frames decide whether its clips are recognised, and its background draws clips of other classes.
    """
    recall_change = bias.missed_recall - bias.recognised_recall
    background_effect = bias.background_rate - bias.baseline_rate
    return recall_change >= thresholds.min_recall_change and background_effect >= thresholds.min_background_effect


def relies_on_background(masked: MaskedClass, thresholds: Thresholds = DEFAULTS) -> bool:
    """Return whether a class is recognised by its background alone and not by what moves.

    Meaningful only for networks without a motion stream: a motion stream does not see what is grey.
    """
    return masked.background - masked.foreground >= thresholds.min_recall_change


def masking_sentence(masked: MaskedClass) -> str:
    """Return a sentence on the probability of a class while parts of its clips are grey."""
    return (
        f"Where all is grey but what moves, its probability goes from {masked.unmasked:.0%} to "
        f"{masked.foreground:.0%} on average over {masked.clips:,} recognised clips; where what moves is grey, to "
        f"{masked.background:.0%}."
    )


def _named_pair(pair: ConfusedPair) -> NamedPair:
    back = f", the other way {pair.reverse.rate:.0%}" if pair.reverse.clips else ""
    return NamedPair(first=pair.forward.actual, second=pair.forward.predicted, words=f"{pair.forward.rate:.0%}{back}")


def _confusion_sentence(pair: ConfusedPair) -> str:
    one, other = pair.forward.actual, pair.forward.predicted
    back = f", and {pair.reverse.rate:.0%} of those of {other} for {one}" if pair.reverse.clips else ""
    return f"{pair.forward.rate:.0%} of the clips of {one} are taken for {other}{back}."


def _masking_figures(names: Sequence[str], masked: MaskedClass | None) -> tuple[Figure, ...]:
    if masked is None:
        return ()
    name = names[masked.class_index]
    return (
        Figure(words=f"probability of {name}", value=masked.unmasked),
        Figure(words=f"probability of {name}, all grey but what moves", value=masked.foreground),
        Figure(words=f"probability of {name}, what moves grey", value=masked.background),
    )


def _bias_sentence(name: str, bias: AppearanceBias) -> str:
    corrected = (
        "all its missed clips become correct"
        if bias.missed_recall == 1
        else f"{bias.missed_recall:.0%} of its missed clips become correct"
    )
    return (
        f"{name} is suspected of a bias: {corrected} when given the frame of a recognised clip, and "
        f"{bias.recognised_recall:.0%} of its recognised clips stay correct when given the frame of a missed clip. "
        f"Pasted onto its background, {bias.background_rate:.0%} of other clips are classified as {name} "
        f"({bias.baseline_rate:.0%} on their own)."
    )
