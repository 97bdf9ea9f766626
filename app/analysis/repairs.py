"""Says what repairs errors of a network, and what causes them: verdicts and sentences."""

from collections.abc import Sequence

from app.analysis.thresholds import DEFAULTS, Thresholds
from app.contract.findings import Verdict
from app.contract.interval import Interval
from app.contract.repairs import Change, ClassRepairs, Effect, EffectOnClass, Outcome, RepairFacts

CHANGES = {
    Change.PATCH: "the patch",
    Change.SURROUNDINGS: "what lies around the mover",
    Change.APPEARANCE: "the whole picture",
    Change.MOTION: "the motion",
}


def find_effect(repairs: ClassRepairs, change: Change, outcome: Outcome) -> Effect | None:
    """Return the effect of a change on the clips of an outcome, None where it was not measured."""
    return next((each for each in repairs.effects if (each.change, each.outcome) == (change, outcome)), None)


def effect_on(effect: Effect | None, actual: int) -> EffectOnClass | None:
    """Return what an effect did to the clips of one actual class, None where it has none."""
    return next((each for each in effect.by_class if each.actual == actual), None) if effect else None


def repairs_of(facts: RepairFacts | None, predicted: int) -> ClassRepairs | None:
    """Return what was measured of the errors into a class, None where it was not studied."""
    return next((each for each in facts.classes if each.predicted == predicted), None) if facts else None


def corrected_p(effect: Effect, asked: int) -> float:
    """Return the p-value of an effect, corrected for the number of classes (Bonferroni)."""
    return min(1.0, effect.p_value * max(1, asked))


def does_more_than_shams(
    effect: Effect | None, asked: int, control: Interval | None = None, thresholds: Thresholds = DEFAULTS
) -> bool:
    """Return whether a change did more than its sham, than the same elsewhere in the frame, and than the control."""
    least = thresholds.min_repair_effect
    if effect is None or effect.difference.low <= 0 or effect.difference.value < least:
        return False
    others = [other for other in (effect.elsewhere, control) if other is not None]
    beyond = all(effect.rate.low > other.value and effect.rate.value - other.value >= least for other in others)
    return beyond and corrected_p(effect, asked) < thresholds.max_p_value


def repair_verdict(repairs: ClassRepairs, asked: int, thresholds: Thresholds = DEFAULTS) -> Verdict:
    """Return whether replacing the patch repairs errors into the class."""
    effect = find_effect(repairs, Change.PATCH, Outcome.REPAIRED)
    return _verdict(repairs, does_more_than_shams(effect, asked, thresholds=thresholds))


def cause_verdict(repairs: ClassRepairs, asked: int, thresholds: Thresholds = DEFAULTS) -> Verdict:
    """Return whether the patch causes errors in recognised clips."""
    effect = find_effect(repairs, Change.PATCH, Outcome.CAUSED)
    return _verdict(repairs, does_more_than_shams(effect, asked, repairs.control_caused, thresholds))


def patch_verdict(repairs: ClassRepairs, asked: int, thresholds: Thresholds = DEFAULTS) -> Verdict:
    """Return whether a patch of the picture makes clips be taken for the class: it repairs errors, and causes them."""
    verdicts = {repair_verdict(repairs, asked, thresholds), cause_verdict(repairs, asked, thresholds)}
    return verdicts.pop() if len(verdicts) == 1 else Verdict.PARTLY


def _verdict(repairs: ClassRepairs, does_more: bool) -> Verdict:
    if not repairs.patch_searched:
        return Verdict.CANNOT_BE_TOLD
    return Verdict.SUPPORTED if does_more else Verdict.NOT_SUPPORTED


def name_patch(repairs: ClassRepairs) -> str:
    """Return the patch in words: `a red patch low in the frame`."""
    assert repairs.patch is not None
    article = "an" if repairs.patch.what[0] in "aeiou" else "a"
    return f"{article} {repairs.patch.what} {repairs.patch.where}"


def with_interval(share: Interval) -> str:
    """Write a share with its interval: `72 %, 95 % interval 50 to 87 %`."""
    return f"{share.value:.0%}, interval {share.low:.0%} to {share.high:.0%}"


def repair_sentence(name: str, repairs: ClassRepairs) -> str:
    """Return a sentence on how many errors are repaired where the patch is replaced."""
    effect = find_effect(repairs, Change.PATCH, Outcome.REPAIRED)
    if effect is None:
        return f"No recognised clip without the patch could give its blocks to the errors taken for {name}."
    elsewhere = f", with as many blocks elsewhere {effect.elsewhere.value:.0%}" if effect.elsewhere else ""
    return (
        f"With the blocks of the patch replaced by those of recognised clips of the same classes, {effect.changed} of "
        f"{effect.versions} versions of {effect.clips} errors are no longer taken for {name} "
        f"({with_interval(effect.rate)}), and {effect.right} are right. With the same blocks of other errors it is "
        f"{effect.sham.value:.0%}{elsewhere}."
    )


def cause_sentence(name: str, repairs: ClassRepairs) -> str:
    """Return a sentence on how many recognised clips become errors where the patch is pasted."""
    effect = find_effect(repairs, Change.PATCH, Outcome.CAUSED)
    if effect is None:
        return f"No recognised clip without the patch was there to paste it onto: whether it makes {name} is not told."
    elsewhere = f", with as many blocks elsewhere {effect.elsewhere.value:.0%}" if effect.elsewhere else ""
    control = repairs.control_caused
    shuffled = f", in the network with its weights shuffled {control.value:.0%}" if control else ""
    return (
        f"With the patch pasted onto {effect.clips} recognised clips without it, {effect.changed} of {effect.versions} "
        f"versions are taken for {name} ({with_interval(effect.rate)}). With the same blocks of other recognised clips "
        f"it is {effect.sham.value:.0%}{elsewhere}{shuffled}."
    )


def recovery_sentence(name: str, repairs: ClassRepairs) -> str:
    """Return a sentence on missed clips of the class that get the patch; empty where there are none."""
    effect = find_effect(repairs, Change.PATCH, Outcome.RECOVERED)
    if effect is None:
        return ""
    return (
        f"The other way, {effect.clips} missed clips of {name} have no such patch: with it, {effect.changed} of "
        f"{effect.versions} versions are recognised (without it, {effect.sham.value:.0%})."
    )


def other_changes_sentence(name: str, repairs: ClassRepairs) -> str:
    """Return a sentence on what the other changes repair."""
    parts = []
    for change in (Change.APPEARANCE, Change.SURROUNDINGS, Change.MOTION):
        effect = find_effect(repairs, change, Outcome.REPAIRED)
        if effect is not None:
            parts.append(f"{CHANGES[change]} {effect.changed} of {effect.versions} (sham {effect.sham.value:.0%})")
    if not parts:
        return ""
    listed = "; ".join(parts)
    return f"With a part of recognised clips in place of their own, errors are no longer taken for {name}: {listed}."


def no_patch_sentence(name: str, repairs: ClassRepairs, facts: RepairFacts) -> str:
    """Return a sentence on why no patch is named for the errors into a class."""
    if not repairs.patch_searched:
        return (
            f"{repairs.studied} errors into {name} could be studied; {facts.needed_for_patch} independent ones are "
            "needed to look for what their pictures have in common. Add clips of these classes."
        )
    return (
        f"Nowhere in the frame do the pictures of the errors taken for {name} differ from recognised clips of the same "
        f"classes more than chance allows (p > {DEFAULTS.max_p_value} for all blocks, colours and textures together)."
    )


def never_predicted_sentence(names: Sequence[str], confusion: Sequence[Sequence[int]]) -> str:
    """Return a sentence on the classes that have clips and are never predicted; empty where there are none."""
    never = [
        names[index]
        for index, row in enumerate(confusion)
        if sum(row) and not any(of_class[index] for of_class in confusion)
    ]
    if not never:
        return ""
    listed = ", ".join(never[:8]) + (f" and {len(never) - 8:,} more" if len(never) > 8 else "")
    return f"No clip is taken for {listed}: nothing can be said of what attracts clips there."
