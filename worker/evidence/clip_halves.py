"""Divide clips into two halves of different groups, so that appearance and motion can be drawn independently."""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from worker.evidence.resampling import GroupedClips, Integers


def halve(clips: GroupedClips, generator: np.random.Generator) -> Integers:
    """Return the half, 0 or 1, of each clip (N,): groups are whole, and classes are spread over both halves."""
    half = np.full(len(clips.labels), -1)
    for label in np.unique(clips.labels):
        of_class = clips.labels == label
        for group in generator.permutation(np.unique(clips.groups[of_class & (half < 0)])):
            # the half that has fewer clips of the class, and of all
            counts = [((half == side) & of_class).sum() * len(half) + (half == side).sum() for side in (0, 1)]
            half[clips.groups == group] = int(counts[1] < counts[0])
    return half


def spread_over_classes(labels: Integers, numbers: Sequence[int], most: int) -> list[int]:
    """Return at most `most` of the clips with these numbers, in turn from each class, in their order."""
    by_class: dict[int, list[int]] = defaultdict(list)
    for number in numbers:
        by_class[int(labels[number])].append(number)
    rounds = max(map(len, by_class.values()), default=0)
    chosen = [clips[index] for index in range(rounds) for clips in by_class.values() if index < len(clips)]
    return sorted(chosen[:most])
