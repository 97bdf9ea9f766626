"""What each stream of a network says of the class of a clip, read with the other stream of other clips.

Every clip of one half gets the other stream of the same donors, of the other half. Donors that differ from clip to clip
would bias areas under the ROC curve below chance: where a stream does not tell two classes, but fits the other stream
of its own clip (as in "red is fast"), leaving out each clip's own partner leaves its donors with fewer that fit.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from app.contract.interaction import StreamAccuracies
from worker.evidence.resampling import GroupedClips, Integers, make_interval, one_sided_p_value
from worker.evidence.stream_tail import ClipStreams, StreamTail
from worker.evidence.types import Floats

SHUFFLES = 999  # of labels
EXAMPLES = 6  # names of clips


@dataclass(frozen=True)
class StreamScores:
    """Scores of N clips for C classes: logits of both streams, log of the mean probability of each one alone."""

    clips: GroupedClips
    names: Sequence[str]  # of the clips
    half: Integers  # (N,) 0 or 1; only clips of one half have the same donors
    fused: Floats  # (N, C)
    appearance: Floats  # (N, C)
    motion: Floats  # (N, C)


def score_streams(
    tail: StreamTail, streams: Sequence[ClipStreams], half: Integers, donors: tuple[Sequence[int], Sequence[int]]
) -> tuple[Floats, Floats]:
    """Return the scores (N, C) of N clips by appearance and by motion; `donors` are some clips of each half."""
    scores = []
    for turned in (False, True):
        probabilities: list[Floats] = [np.zeros(0)] * len(streams)
        for side in (0, 1):
            others = [streams[donor] for donor in donors[1 - side]]
            numbers = np.flatnonzero(half == side).tolist()
            first, second = [streams[number] for number in numbers for _ in others], others * len(numbers)
            logits = tail.run(second, first) if turned else tail.run(first, second)
            means = logits.softmax(1).reshape(len(numbers), len(others), -1).mean(1)
            for number, mean in zip(numbers, means.numpy(), strict=True):
                probabilities[number] = mean
        scores.append(np.log(np.maximum(np.stack(probabilities), 1e-12)))
    return scores[0], scores[1]


def measure_accuracies(scores: StreamScores, counts: Floats, generator: np.random.Generator) -> StreamAccuracies:
    """Return accuracies with intervals from resamples, given by how often each clip occurs in them (B, N).

    The p-value of one stream alone is the larger of two: under shuffled labels; and with its outputs assigned to the
    classes at random, because weights at random may tell classes too, but not which is which.
    """
    labels = scores.clips.labels
    predicted = {
        "fused": scores.fused.argmax(1),
        "appearance": scores.appearance.argmax(1),
        "motion": scores.motion.argmax(1),
        "late_fusion": (scores.appearance + scores.motion).argmax(1),
    }
    right = {name: classes == labels for name, classes in predicted.items()}
    weights = counts / counts.sum(1, keepdims=True)
    resampled = {name: weights @ correct for name, correct in right.items()}
    alone = max(("late_fusion", "appearance", "motion"), key=lambda name: right[name].mean())
    gains = {name: right["fused"].mean() - right[name].mean() for name in ("late_fusion", "appearance", "motion")}
    by_chance = {name: np.zeros(SHUFFLES) for name in ("appearance", "motion")}
    by_assignment = {name: np.zeros(SHUFFLES) for name in by_chance}
    for draw in range(SHUFFLES):
        shuffled, assigned = scores.clips.shuffle(generator), generator.permutation(scores.fused.shape[1])
        for name in by_chance:
            by_chance[name][draw] = (predicted[name] == shuffled).mean()
            by_assignment[name][draw] = (assigned[predicted[name]] == labels).mean()
    p_values = {
        name: max(
            (1 + (null[name] >= right[name].mean()).sum()) / (1 + SHUFFLES) for null in (by_chance, by_assignment)
        )
        for name in by_chance
    }
    only_both = right["fused"] & ~(right["appearance"] | right["motion"] | right["late_fusion"])
    return StreamAccuracies(
        clips=len(labels),
        groups=len(np.unique(scores.clips.groups)),
        **{name: make_interval(right[name].mean(), resampled[name]) for name in right},
        best_alone=alone,
        gain=make_interval(gains[alone], resampled["fused"] - resampled[alone]),
        p_value=max(
            one_sided_p_value(np.asarray(gain), resampled["fused"] - resampled[name]) for name, gain in gains.items()
        ),
        chance=float(max(accuracies.mean() for accuracies in by_chance.values())),
        p_appearance=float(p_values["appearance"]),
        p_motion=float(p_values["motion"]),
        names=tuple(scores.names[index] for index in np.flatnonzero(only_both)[:EXAMPLES]),
    )
