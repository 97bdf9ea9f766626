"""Choose the clips that are changed: errors into a class, recognised clips of the same classes, and their partners."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from worker.evidence.resampling import GroupedClips, merge_identical
from worker.evidence.types import Floats, Labels

PARTNERS = 3  # clips that give a part to each changed clip
MAX_CLIPS = 20  # errors that are changed, and recognised clips: an interval of a share is +- 0.2 then
MAX_MISSED = 10  # missed clips of the class itself
MAX_COMPARED = 60  # recognised clips whose pictures are compared with those of errors: reading costs no passes
IDENTICAL_DECIMALS = 4  # of logits: clips that agree in all are copies of one clip


@dataclass(frozen=True)
class SurveyedClips:
    """What a survey recorded of n clips: their numbers and names, classes, logits (n, C) and groups."""

    numbers: Labels
    names: Sequence[str]
    labels: Labels
    logits: Floats
    groups: Labels

    @property
    def predicted(self) -> Labels:
        return np.asarray(self.logits.argmax(1), np.int64)

    def probability(self, row: int, label: int) -> float:
        """Return the softmax probability of a class for a clip."""
        z = self.logits[row].astype(np.float64)
        powers = np.exp(z - z.max())
        return float(powers[label] / powers.sum())


@dataclass(frozen=True)
class Case:
    """The clips of one predicted class, by row: errors, recognised clips of their classes, and its own missed clips.

    Changed are `errors`, `right` and `missed`. `partners` are the recognised clips that give parts, `right` among them.
    `compared` are errors and recognised clips whose pictures are compared.
    """

    predicted: int
    all_errors: int
    errors: list[int]
    right: list[int]
    missed: list[int]
    partners: list[int]
    compared: list[int]

    @property
    def held(self) -> list[int]:
        """The clips whose inputs are needed, each once."""
        return list(dict.fromkeys([*self.errors, *self.partners, *self.missed]))


def join_copies(logits: Floats, groups: Labels) -> Labels:
    """Return groups (n,) in which clips of identical logits (n, C) are together, as copies are not independent."""
    clips = GroupedClips(np.zeros_like(groups), groups)
    return merge_identical(clips, np.round(logits, IDENTICAL_DECIMALS)).groups


def choose_cases(clips: SurveyedClips, *, min_errors: int, max_clips: int = MAX_CLIPS, seed: int = 0) -> list[Case]:
    """Return a case for each class that attracts enough errors, the most errors first.

    Only errors count whose class has a recognised clip of another group.
    """
    predicted, labels = clips.predicted, clips.labels
    order = np.random.default_rng(seed).permutation(len(labels))
    all_right = order[predicted[order] == labels[order]]
    cases = []
    for label in np.unique(predicted).tolist():
        wrong = order[(predicted[order] == label) & (labels[order] != label)]
        errors = [row for row in wrong.tolist() if _has_partner(clips, row, all_right)]
        if len(np.unique(clips.groups[errors])) < min_errors:
            continue
        classes = np.unique(labels[errors]).tolist()
        recognised = [row for row in all_right.tolist() if labels[row] in classes]
        chosen = _in_turn(errors, labels, max_clips)
        share = {other: sum(labels[row] == other for row in chosen) for other in classes}
        near = [row for other in classes for row in _of(recognised, labels, other)[: max(PARTNERS, share[other])]]
        partners = _in_turn(near, labels, 2 * max_clips)
        missed = order[(labels[order] == label) & (predicted[order] != label)].tolist()
        compared = list(dict.fromkeys([*chosen, *errors[:MAX_COMPARED], *_in_turn(recognised, labels, MAX_COMPARED)]))
        right = partners[:max_clips]
        cases.append(Case(label, len(wrong), chosen, right, missed[: min(MAX_MISSED, max_clips)], partners, compared))
    return sorted(cases, key=lambda case: -case.all_errors)


def choose_partners(
    clips: SurveyedClips, row: int, pool: Sequence[int], generator: np.random.Generator, count: int = PARTNERS
) -> list[int]:
    """Draw partners of a clip from a pool, of other groups, and of its own class where there are any."""
    others = [other for other in pool if clips.groups[other] != clips.groups[row]]
    same = [other for other in others if clips.labels[other] == clips.labels[row]]
    usable = same or others
    drawn: npt.NDArray[np.int64] = generator.permutation(np.array(usable, np.int64))[:count]
    return [int(each) for each in drawn]


def _has_partner(clips: SurveyedClips, row: int, right: Labels) -> bool:
    of_class = right[clips.labels[right] == clips.labels[row]]
    return bool((clips.groups[of_class] != clips.groups[row]).any())


def _of(rows: Sequence[int], labels: Labels, label: int) -> list[int]:
    return [row for row in rows if labels[row] == label]


def _in_turn(rows: Sequence[int], labels: Labels, limit: int) -> list[int]:
    """Return at most `limit` rows, drawn from their classes in turn, in which no class is left out early."""
    ranked = [
        (rank, row) for label in np.unique(labels[list(rows)]) for rank, row in enumerate(_of(rows, labels, label))
    ]
    return [row for _, row in sorted(ranked, key=lambda pair: pair[0])[:limit]]
