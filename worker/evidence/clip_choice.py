"""Choose the clips that a part of a survey measures, where all would take too long: several of each class."""

import numpy as np

from worker.evidence.resampling import GroupedClips, Integers

CLIPS_PER_CLASS = 8  # of each class that takes part, where there are too many clips for all of them


def choose_clips(clips: GroupedClips, count: int) -> list[int]:
    """Return the rows of at most `count` clips: classes take turns, and within a class its groups.

    Where all classes cannot have CLIPS_PER_CLASS (or all their clips), those of the most groups do: of one clip of each
    of hundreds of classes nothing could be told.
    """
    ranked: list[tuple[int, int]] = []
    for label in _choose_classes(clips, count):
        rows = np.flatnonzero(clips.labels == label)
        _, index = np.unique(clips.groups[rows], return_inverse=True)
        turn = np.array([(index[:place] == group).sum() for place, group in enumerate(index)], int)
        ordered = rows[np.argsort(turn, kind="stable")]
        ranked += [(rank, int(row)) for rank, row in enumerate(ordered)]
    return sorted(row for _, row in sorted(ranked)[:count])


def _choose_classes(clips: GroupedClips, count: int) -> Integers:
    """Return the classes, ascending, that take part in a choice of `count` clips."""
    labels, sizes = np.unique(clips.labels, return_counts=True)
    groups = np.array([len(np.unique(clips.groups[clips.labels == label])) for label in labels])
    order = np.argsort(-groups, kind="stable")
    before = np.cumsum(np.minimum(sizes[order], CLIPS_PER_CLASS)) - np.minimum(sizes[order], CLIPS_PER_CLASS)
    return np.sort(labels[order][before < count])
