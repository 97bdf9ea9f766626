"""Decides which classes a unit detects: those that its activation tells from others clearly better than chance."""

from collections.abc import Sequence

MIN_CHANCE_RATIO = 2  # least average precision of a detector, in multiples of that of a random activation


def detected_classes(precision: Sequence[float], clips: Sequence[int], *, limit: int) -> list[int]:
    """Return the indices of the classes that a unit detects, the best first, at most `limit`.

    `precision` is the average precision of the unit's activation as a detector of each class, `clips` the number of
    clips of each class. The average precision of a random activation is the class's share of all clips; classes below
    MIN_CHANCE_RATIO times that are left out.
    """
    threshold = MIN_CHANCE_RATIO / max(sum(clips), 1)
    best = sorted(range(len(precision)), key=lambda index: -precision[index])[:limit]
    return [index for index in best if precision[index] >= threshold * clips[index]]
