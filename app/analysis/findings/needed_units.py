"""Claims about which units the classes need, from what they lose where units are silenced."""

from collections.abc import Sequence

from app.analysis.findings.data import SurveyData
from app.analysis.findings.words import fewer_clips_words, interval_words, p_words
from app.analysis.thresholds import Thresholds
from app.contract.findings import Claim, Verdict
from app.contract.interval import Interval
from app.contract.necessity import (
    MIN_CHANGED_GROUPS,
    MIN_MARGIN_FALL,
    SEVERAL_CLASSES,
    DetectorNeed,
    Necessity,
    NeededUnit,
    NeedTest,
)
from app.contract.survey_part import SurveyPart
from app.contract.unit import FEW_CLASSES, UnitSummary

ONE_CLASS, SEVERAL, DETECTORS = "specificity.one_class", "specificity.several_classes", "specificity.detectors"
PAPER = "section 4.1"
NOT_MEASURED = "this survey did not silence units. Add the part silence to it, or survey the network again."
TOO_DEAR = "silencing units takes too many forward passes in every layer of this network."
SHUFFLED_CLASSES = "the classes of the groups of clips shuffled"
EXCHANGED = "the clips with and without the unit exchanged at random, group by group"
MAX_NAMED = 3


def count_threshold(thresholds: Thresholds) -> str:
    """Return what a claim on the number of needed units takes to be supported."""
    return (
        f"more units than by chance (p < {thresholds.max_p_value:g}), and than in the control (95% interval); partly, "
        "as long as no single unit changes what is recognised"
    )


def detector_threshold(thresholds: Thresholds) -> str:
    """Return what the claim on detectors takes to be supported."""
    return (
        f"a larger fall of the margin than without the other units (p < {thresholds.max_p_value:g}, 95% interval), "
        "and than in the control; partly, as long as the interval of the recall includes zero"
    )


def claims_of_needs(data: SurveyData) -> tuple[Claim, ...]:
    """Return the claims on units that one class needs, on units that several need, and on detectors."""
    found = data.survey.silence
    reason = why_needs_cannot_be_told(data)
    if found is None or reason:
        words = {
            ONE_CLASS: "Whether one class alone needs some units",
            SEVERAL: "Whether several classes need some units",
            DETECTORS: "Whether a class needs the units that detect it",
        }
        return tuple(
            Claim(name=name, sentence=f"{said} cannot be told: {reason}", verdict=Verdict.CANNOT_BE_TOLD, paper=PAPER)
            for name, said in words.items()
        )
    return (_one_class(data, found), _several_classes(data, found), _detectors(data, found))


def why_needs_cannot_be_told(data: SurveyData) -> str:
    """Return why nothing can be told of which units classes need; empty where it can."""
    found = data.survey.silence
    if found is None:  # earlier versions stored nothing where no layer fitted into the budget
        has_part = any(each.part is SurveyPart.SILENCE for each in data.survey.parts)
        return TOO_DEAR if has_part else NOT_MEASURED
    if found.tested_classes < 2:
        return (
            f"a fall can only be significant with {MIN_CHANGED_GROUPS} independent groups of clips of a class (of "
            f"different videos, people or motions), in two classes at least, and {found.tested_classes} of "
            f"{found.classes} classes have as many. Add clips, and survey the network again."
        )
    predicted = found.classes - len(found.never_predicted)
    if predicted < max(2, found.classes / 2):
        return (
            f"the network never predicts {len(found.never_predicted)} of {found.classes} classes, which cannot lose "
            "anything where a unit is silenced. Their margins move together, whatever unit it is."
        )
    if found.one_class is None:
        return TOO_DEAR
    return ""


def _one_class(data: SurveyData, found: Necessity) -> Claim:
    test, layers = found.one_class, len(found.layers)
    assert test is not None
    strongest = found.strongest_one
    return _count_claim(
        data,
        found,
        test,
        name=ONE_CLASS,
        sentence=(
            f"{test.units:,} of {test.measured:,} silenced units in {layers} layers are needed by one class alone: its "
            f"margin falls by {MIN_MARGIN_FALL} standard deviations or more without the unit, that of no other class "
            f"does.{_named(data, strongest)}{_recall_sentence(found)}"
        ),
        null_words=SHUFFLED_CLASSES,
        units="needed_by_one",
    )


def _several_classes(data: SurveyData, found: Necessity) -> Claim:
    test = found.several_classes
    assert test is not None
    if found.tested_classes < SEVERAL_CLASSES:
        return Claim(
            name=SEVERAL,
            sentence=(
                f"Whether {SEVERAL_CLASSES} classes need some units cannot be told: {_classes_tested(data, found)}."
            ),
            verdict=Verdict.CANNOT_BE_TOLD,
            paper=PAPER,
        )
    two = sum(layer.counts.two for layer in found.layers)
    return _count_claim(
        data,
        found,
        test,
        name=SEVERAL,
        sentence=(
            f"{test.units:,} of {test.measured:,} silenced units are needed by {SEVERAL_CLASSES} classes or more, and "
            f"{two:,} by two.{_named(data, found.strongest_several)}"
        ),
        null_words=EXCHANGED,
        units="needed_by_several",
    )


def _classes_tested(data: SurveyData, found: Necessity) -> str:
    """Return why fewer than three classes could be tested."""
    if len(data.card.classes) < SEVERAL_CLASSES:
        return f"the network has {len(data.card.classes)} classes"
    return (
        f"{found.tested_classes} of the {found.classes} classes with clips have {MIN_CHANGED_GROUPS} independent "
        "groups of clips. Add clips of more classes"
    )


def _count_claim(
    data: SurveyData, found: Necessity, test: NeedTest, *, name: str, sentence: str, null_words: str, units: str
) -> Claim:
    verdict = Verdict.NOT_SUPPORTED
    if _is_met(test, data.thresholds):
        changes_recall = found.recall is not None and _is_met(found.recall, data.thresholds)
        verdict = Verdict.SUPPORTED if changes_recall else Verdict.PARTLY
    return Claim(
        name=name,
        sentence=sentence,
        verdict=verdict,
        measure="share of the silenced units",
        effect=test.share,
        null=test.null,
        null_words=null_words,
        control=test.control,
        p_value=test.p_value,
        n=test.measured,
        counted="live hidden units that were silenced one by one",
        groups=found.groups,
        threshold=count_threshold(data.thresholds),
        caveat=_caveat(data, found),
        paper=PAPER,
        source="1803.06959",
        units=_summaries(data, units),
    )


def _is_met(test: NeedTest, thresholds: Thresholds) -> bool:
    """Return whether there are such units, more than by chance, and more than in the control."""
    beats_control = test.difference is None or test.difference.low > 0
    return test.units > 0 and test.p_value < thresholds.max_p_value and beats_control


def _detectors(data: SurveyData, found: Necessity) -> Claim:
    need = found.detectors
    if need is None:
        return Claim(
            name=DETECTORS,
            sentence=(
                f"Whether a class needs the units that detect it cannot be told: it takes clips of {FEW_CLASSES} "
                f"classes, of which there are {found.classes}, and a layer of four live units at least."
            ),
            verdict=Verdict.CANNOT_BE_TOLD,
            paper=PAPER,
        )
    return Claim(
        name=DETECTORS,
        sentence=(
            f"Without its best detectors (5% of a layer, {need.size} units) the margin of a class falls by "
            f"{interval_words(need.margin)} standard deviations more, and its recall by {_points(need.recall)} points "
            f"more, than without as many other units of the layer that are as active. "
            f"{_correlation_sentence(found, data.thresholds)}"
        ),
        verdict=_detector_verdict(need, data.thresholds),
        measure="fall of a class's margin without its detectors, less that without other units; standard deviations",
        effect=need.margin,
        null=need.null,
        null_words="detectors and other units exchanged at random, class by class",
        control=need.control,
        p_value=need.p_value,
        n=need.classes,
        counted=f"classes, in {sum(layer.detectors is not None for layer in found.layers)} layers each",
        groups=found.groups,
        threshold=detector_threshold(data.thresholds),
        caveat=_caveat(data, found),
        paper=PAPER,
        source="1806.02891",
    )


def _detector_verdict(need: DetectorNeed, thresholds: Thresholds) -> Verdict:
    beats_control = need.control is None or need.margin.low > need.control.high
    if need.margin.low <= 0 or need.p_value >= thresholds.max_p_value or not beats_control:
        return Verdict.NOT_SUPPORTED
    return Verdict.SUPPORTED if need.recall.low > 0 else Verdict.PARTLY


def _correlation_sentence(found: Necessity, thresholds: Thresholds) -> str:
    correlation, p_value = found.selectivity_correlation, found.correlation_p_value
    if correlation is None or p_value is None:
        return ""
    told = (
        "says little of"
        if p_value >= thresholds.max_p_value
        else "goes with"
        if correlation.value > 0
        else "goes against"
    )
    return (
        f"Over single units, selectivity {told} how much all classes together lose: rank correlation "
        f"{interval_words(correlation)}, {p_words(p_value)}."
    )


def _recall_sentence(found: Necessity) -> str:
    recall = found.recall
    if recall is None:
        return ""
    if not recall.units:
        return " No single unit lowers the recall of any class significantly: the others of its layer stand in for it."
    by_chance = recall.null.value * recall.measured
    return (
        f" Without {recall.units:,} of them the recall of some class falls significantly ({by_chance:.1f} by chance)."
    )


def _named(data: SurveyData, units: Sequence[NeededUnit]) -> str:
    if not units:
        return ""
    named = "; ".join(
        f"{each.layer}/{each.unit} ({', '.join(data.card.classes[index] for index in each.classes[:MAX_NAMED])}: "
        f"{each.margin_change:+.2f} standard deviations)"
        for each in units[:MAX_NAMED]
    )
    return f" The strongest: {named}."


def _caveat(data: SurveyData, found: Necessity) -> str:
    said = [words] if (words := fewer_clips_words(found.clips, data.survey.clips)) else []
    sampled = [layer for layer in found.layers if layer.measured < layer.live]
    if sampled:
        named = ", ".join(f"{layer.layer} {layer.measured} of {layer.live}" for layer in sampled)
        said.append(f"Of layers that take many passes only a random sample of the live units was silenced: {named}.")
    if found.not_measured:
        count = len(found.not_measured)
        layers = "1 layer was" if count == 1 else f"{count} layers were"
        said.append(f"{layers} not measured: too many forward passes.")
    if found.never_predicted:
        named = ", ".join(data.card.classes[index] for index in found.never_predicted[:MAX_NAMED])
        more = len(found.never_predicted) - MAX_NAMED
        said.append(f"The network never predicts {named}{f' and {more} more' if more > 0 else ''}: no recall to lose.")
    if found.tested_classes < found.classes:
        said.append(
            f"{found.classes - found.tested_classes} of {found.classes} classes have fewer than {MIN_CHANGED_GROUPS} "
            "groups of clips, and were not tested."
        )
    if data.survey.groups_known is False:
        said.append("It is not known which clips are of one video or person: they count as independent.")
    if found.control_measured is not None and found.control_measured < found_units(found) / 2:
        said.append(
            f"In the control only {found.control_measured:,} units are live and could be silenced, of "
            f"{found_units(found):,} in the network."
        )
    return " ".join(said)


def found_units(found: Necessity) -> int:
    """Return how many units of the network were silenced."""
    return sum(layer.measured for layer in found.layers)


def _summaries(data: SurveyData, name: str) -> tuple[UnitSummary, ...]:
    return tuple(example.unit for example in data.examples.get(name, ()))


def _points(share: Interval) -> str:
    return f"{share.value * 100:.1f} ({share.low * 100:.1f} to {share.high * 100:.1f})"
