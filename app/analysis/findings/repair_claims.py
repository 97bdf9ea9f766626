"""Claims on what causes a network's errors: a patch of the picture, whose replacement repairs them."""

from app.analysis.findings.data import SurveyData
from app.analysis.findings.words import p_words
from app.analysis.repairs import (
    cause_sentence,
    cause_verdict,
    corrected_p,
    find_effect,
    name_patch,
    no_patch_sentence,
    patch_verdict,
    repair_sentence,
    repair_verdict,
)
from app.analysis.thresholds import Thresholds
from app.contract.findings import Claim, Verdict
from app.contract.repairs import Change, ClassRepairs, Outcome, RepairFacts

NAME = "idiosyncrasies.bias"
PAPER = "abstract"
SHOWN_CLIPS = 9  # of a claim
ORDER = (Verdict.SUPPORTED, Verdict.PARTLY, Verdict.NOT_SUPPORTED, Verdict.CANNOT_BE_TOLD)
CAVEAT = (
    "The patch is found on one half of the clips and replaced in the other half. Its blocks also show what stands "
    "before it; the sham replaces that too."
)


def threshold_words(thresholds: Thresholds) -> str:
    """Return what a claim needs to be supported."""
    return (
        f"at least {thresholds.min_repair_effect:.0%} more than the sham, with an interval above zero and p < "
        f"{thresholds.max_p_value:g} after correction for the number of classes asked, and more than in a region "
        "elsewhere"
    )


def repair_claims(data: SurveyData) -> list[Claim]:
    """Return claims on each class whose errors a patch of the picture causes; one claim where there is none."""
    words = threshold_words(data.thresholds)
    unknown = " Clips count as independent, because their groups are not known."
    return [
        claim.model_copy(
            update={"threshold": words, "caveat": claim.caveat + unknown * (data.survey.groups_known is False)}
        )
        for claim in _repair_claims(data)
    ]


def _repair_claims(data: SurveyData) -> list[Claim]:
    facts, names, thresholds = data.survey.repairs, data.card.classes, data.thresholds
    if facts is None:
        return [
            _untold(
                "Which changes of clips repair errors was not measured in this survey: add the part repairs, or survey "
                "the network again."
            )
        ]
    if facts.accuracy_p > thresholds.max_accuracy_p:
        return [
            _untold(
                f"The network recognises {facts.accuracy:.0%} of the clips, which chance may give as well ("
                f"{p_words(facts.accuracy_p)} where labels are shuffled): its errors say nothing. Check that weights "
                "and labels belong together."
            )
        ]
    if not facts.classes:
        return [
            _untold(
                f"No class attracts the {facts.needed} independent errors that are needed, of classes with recognised "
                f"clips: the most are {facts.most_errors}. Survey more clips of each class."
            )
        ]
    supported = [each for each in facts.classes if patch_verdict(each, facts.asked, thresholds) in (ORDER[0], ORDER[1])]
    if not supported:
        best = min(facts.classes, key=lambda each: ORDER.index(patch_verdict(each, facts.asked, thresholds)))
        return [_no_bias(best, facts, names[best.predicted], thresholds)]
    return [claim for each in supported for claim in _claims(each, facts, names[each.predicted], thresholds)]


def _claims(repairs: ClassRepairs, facts: RepairFacts, name: str, thresholds: Thresholds) -> tuple[Claim, Claim]:
    """Return a claim that the patch repairs errors into a class, and one that it causes them."""
    patch = name_patch(repairs)
    repaired = find_effect(repairs, Change.PATCH, Outcome.REPAIRED)
    caused = find_effect(repairs, Change.PATCH, Outcome.CAUSED)
    return (
        Claim(
            name=f"{NAME}.{repairs.predicted}.repaired",
            class_name=name,
            sentence=f"Clips are taken for {name} because of {patch}. {repair_sentence(name, repairs)}",
            verdict=repair_verdict(repairs, facts.asked, thresholds),
            measure=f"share of errors no longer taken for {name}, the patch replaced",
            effect=repaired and repaired.rate,
            null=repaired and repaired.sham,
            null_words="the same blocks from other errors, which have the patch",
            p_value=corrected_p(repaired, facts.asked) if repaired else None,
            n=repaired.clips if repaired else 0,
            counted=f"errors taken for {name}",
            groups=repaired.groups if repaired else None,
            caveat=CAVEAT,
            paper=PAPER,
            clips=repairs.clips[:SHOWN_CLIPS],
        ),
        Claim(
            name=f"{NAME}.{repairs.predicted}.caused",
            class_name=name,
            sentence=cause_sentence(name, repairs),
            verdict=cause_verdict(repairs, facts.asked, thresholds),
            measure=f"share of recognised clips taken for {name}, the patch pasted",
            effect=caused and caused.rate,
            null=caused and caused.sham,
            null_words="the same blocks from other recognised clips, which do not have it",
            control=repairs.control_caused,
            p_value=corrected_p(caused, facts.asked) if caused else None,
            n=caused.clips if caused else 0,
            counted="recognised clips of the same classes",
            groups=caused.groups if caused else None,
            caveat=CAVEAT,
            paper=PAPER,
            clips=tuple(
                each.clip for each in repairs.examples if (each.change, each.outcome) == (Change.PATCH, Outcome.CAUSED)
            )[:SHOWN_CLIPS],
        ),
    )


def _no_bias(repairs: ClassRepairs, facts: RepairFacts, name: str, thresholds: Thresholds) -> Claim:
    verdict = patch_verdict(repairs, facts.asked, thresholds)
    if repairs.patch is None:
        sentence = no_patch_sentence(name, repairs, facts)
    else:
        sentence = (
            f"Errors taken for {name} have {name_patch(repairs)} more often than recognised clips, but it does not "
            f"cause them. {repair_sentence(name, repairs)} {cause_sentence(name, repairs)}"
        )
    return Claim(
        name=NAME,
        sentence=f"Nothing in the picture beside the action is shown to cause errors. {sentence}",
        verdict=verdict,
        measure=f"errors taken for {name}",
        n=repairs.studied,
        counted=f"errors taken for {name}, of {facts.asked} classes asked",
        paper=PAPER,
        clips=repairs.clips[:SHOWN_CLIPS],
    )


def _untold(sentence: str) -> Claim:
    return Claim(name=NAME, sentence=sentence, verdict=Verdict.CANNOT_BE_TOLD, paper=PAPER)
