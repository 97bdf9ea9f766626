"""What repairs errors, as a survey may have found it, for tests of sentences and pages."""

from app.contract.interval import Interval
from app.contract.repairs import (
    BeforeAfter,
    Change,
    ClassRepairs,
    Effect,
    EffectOnClass,
    Outcome,
    PatchUnit,
    RepairFacts,
    SuspectedPatch,
)

NONE = Interval(value=0.0, low=0.0, high=0.16)
MOST = Interval(value=0.9, low=0.7, high=0.97)
ACTUAL, PREDICTED = 0, 1  # walk is taken for run


def effect(change: Change, outcome: Outcome, *, works: bool, p_value: float = 0.001) -> Effect:
    rate = MOST if works else NONE
    return Effect(
        change=change,
        outcome=outcome,
        clips=10,
        groups=10,
        versions=30,
        changed=27 if works else 0,
        right=20 if works else 0,
        rate=rate,
        sham=NONE,
        difference=Interval(value=rate.value, low=rate.low if works else -0.2, high=rate.high),
        p_value=p_value if works else 1.0,
        elsewhere=NONE if change is Change.PATCH else None,
        by_class=(
            EffectOnClass(
                actual=ACTUAL,
                clips=4,
                changed=11 if works else 0,
                versions=12,
                right=9 if works else 0,
                sham_changed=0,
                sham_versions=12,
            ),
        ),
    )


def patch() -> SuspectedPatch:
    return SuspectedPatch(
        what="red patch",
        where="low in the frame",
        feature="green to red",
        more=True,
        contrast=7.0,
        p_value=0.001,
        rows=14,
        columns=14,
        blocks=(182, 183, 184, 195),
        lab=(41.0, 55.0, 37.0),
        in_errors=1.0,
        in_right=0.1,
        agreement=0.9,
        under_mover=0.4,
    )


def class_repairs(*, repairs: bool = True, causes: bool = True, has_patch: bool = True) -> ClassRepairs:
    effects = [effect(Change.APPEARANCE, Outcome.REPAIRED, works=repairs)]
    if has_patch:
        effects += [
            effect(Change.PATCH, Outcome.REPAIRED, works=repairs),
            effect(Change.PATCH, Outcome.CAUSED, works=causes),
        ]
    example = BeforeAfter(
        change=Change.PATCH if has_patch else Change.APPEARANCE,
        outcome=Outcome.REPAIRED,
        clip="walk-0",
        partner="walk-1",
        actual=ACTUAL,
        predicted=PREDICTED,
        probability=0.93,
        blocks=(182, 183, 195),
        changed_predicted=ACTUAL,
        changed_probability=0.81,
    )
    return ClassRepairs(
        predicted=PREDICTED,
        errors=12,
        studied=10,
        clips=("walk-0", "walk-1"),
        patch=patch() if has_patch else None,
        patch_searched=True,
        effects=tuple(effects),
        units=(PatchUnit(layer="fc6", unit=3, fall=0.8, sham_fall=0.05),) if has_patch else (),
        examples=(example,),
        control_caused=NONE if has_patch else None,
    )


def repair_facts(*classes: ClassRepairs, **changes: object) -> RepairFacts:
    fields: dict[str, object] = {
        "accuracy": 0.75,
        "accuracy_p": 0.001,
        "asked": len(classes),
        "left_out": 0,
        "most_errors": 12,
        "needed": 5,
        "needed_for_patch": 8,
        "classes": classes,
        "rows": 14,
        "columns": 14,
        "visible": (0.9, 0.9),
        "passes": 100,
        "seed": 0,
    }
    return RepairFacts.model_validate(fields | changes)
