"""Count what changes did to clips, beside a sham, with intervals over independent groups."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from app.contract.interval import Interval
from app.contract.repairs import Change, Effect, EffectOnClass, Outcome
from worker.evidence.repairs.chosen_clips import SurveyedClips
from worker.evidence.repairs.proportions import paired_difference, sign_flip_p, wilson_interval
from worker.evidence.types import Floats


@dataclass
class ChangedClip:
    """A clip's predicted classes after the change, with the sham, and with a patch elsewhere: one for each partner."""

    row: int
    changed: list[int] = field(default_factory=list)
    sham: list[int] = field(default_factory=list)
    elsewhere: list[int] = field(default_factory=list)


def count_effect(
    change: Change, outcome: Outcome, predicted: int, clips: SurveyedClips, results: Sequence[ChangedClip]
) -> Effect | None:
    """Return the effect of a change on clips, None where no clip has both a changed version and a sham."""
    usable = [each for each in results if each.changed and each.sham]
    if not usable:
        return None
    rate, sham = (_by_group(clips, usable, kind, outcome, predicted) for kind in ("changed", "sham"))
    return Effect(
        change=change,
        outcome=outcome,
        clips=len(usable),
        groups=len(rate),
        versions=sum(len(each.changed) for each in usable),
        changed=sum(_came_about(outcome, predicted, label) for each in usable for label in each.changed),
        right=sum(label == clips.labels[each.row] for each in usable for label in each.changed),
        rate=wilson_interval(rate),
        sham=wilson_interval(sham),
        difference=paired_difference(rate, sham),
        p_value=sign_flip_p(rate - sham),
        elsewhere=_elsewhere(clips, usable, outcome, predicted),
        by_class=tuple(
            _on_class(
                outcome, predicted, clips, int(label), [each for each in usable if clips.labels[each.row] == label]
            )
            for label in np.unique(clips.labels[[each.row for each in usable]])
        ),
    )


def _came_about(outcome: Outcome, predicted: int, label: int) -> bool:
    return (label != predicted) if outcome is Outcome.REPAIRED else (label == predicted)


def _by_group(
    clips: SurveyedClips, results: Sequence[ChangedClip], kind: str, outcome: Outcome, predicted: int
) -> Floats:
    """Return for each group the mean over its clips of the share of versions whose outcome came about, (groups,)."""
    shares: dict[int, list[float]] = {}
    for each in results:
        labels = getattr(each, kind)
        share = sum(_came_about(outcome, predicted, label) for label in labels) / len(labels)
        shares.setdefault(int(clips.groups[each.row]), []).append(share)
    return np.array([np.mean(values) for values in shares.values()])


def _elsewhere(
    clips: SurveyedClips, results: Sequence[ChangedClip], outcome: Outcome, predicted: int
) -> Interval | None:
    measured = [each for each in results if each.elsewhere]
    return wilson_interval(_by_group(clips, measured, "elsewhere", outcome, predicted)) if measured else None


def _on_class(
    outcome: Outcome, predicted: int, clips: SurveyedClips, label: int, results: Sequence[ChangedClip]
) -> EffectOnClass:
    changed = [value for each in results for value in each.changed]
    sham = [value for each in results for value in each.sham]
    return EffectOnClass(
        actual=label,
        clips=len(results),
        changed=sum(_came_about(outcome, predicted, value) for value in changed),
        versions=len(changed),
        right=sum(value == label for value in changed),
        sham_changed=sum(_came_about(outcome, predicted, value) for value in sham),
        sham_versions=len(sham),
    )
