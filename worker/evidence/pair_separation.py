"""Which pairs of classes only both streams together tell apart, and which one stream tells that the other does not.

A pair (a, b) is measured by the area under the ROC curve of the score of a less that of b. All pairs are screened by
the scores of stream_scores.py, within each half. Pairs that may need both streams are measured again on their own
clips: d are the differences of the logits for the appearance of each clip (rows) with the motion of each (columns), its
own among them, so that every clip has the same donors. Both streams are the diagonal, one alone the mean of a row or
column.

The part of the diagonal that neither stream explains, d(i, i) less the means of row and column i, says nothing of the
class where the streams add up. Labels can then be exchanged: its area under shuffled labels gives the p-value, as that
of the better stream alone does for pairs that one stream may tell. P-values are corrected for all pairs that could be
asked (Benjamini and Hochberg 1995); those not tested count as 1.
"""

from collections.abc import Iterator, Sequence
from itertools import combinations

import numpy as np
import numpy.typing as npt

from app.contract.interaction import PairSeparation
from worker.evidence.resampling import MIN_GROUPS, GroupedClips, Integers, make_interval
from worker.evidence.stream_scores import EXAMPLES, StreamScores
from worker.evidence.stream_tail import ClipStreams, StreamTail
from worker.evidence.types import Floats

MIN_FUSED = 0.8  # area of both streams: pairs below it are not told apart by anything, and are not tested
MIN_GAIN = 0.15  # in the screening: what decides is measured again
MAX_REMEASURED = 10  # pairs that may need both streams
MAX_ONE_STREAM = 30  # pairs that one stream may tell, with the largest differences
PAIR_CLIPS = 15  # of each class of a pair that is measured again
SHUFFLES_PER_PAIR, MIN_SHUFFLES, MAX_SHUFFLES = (
    100,
    1_999,
    200_000,
)  # times the pairs asked, so that p-values can survive the correction
SHUFFLES_AT_ONCE = 5_000

Flags = npt.NDArray[np.bool_]


def pairs_with_clips(clips: GroupedClips) -> tuple[list[tuple[int, int]], int]:
    """Return the pairs of classes with MIN_GROUPS groups each, and how many pairs have a class with fewer."""
    labels = np.unique(clips.labels).tolist()
    enough = [label for label in labels if len(np.unique(clips.groups[clips.labels == label])) >= MIN_GROUPS]
    pairs = list(combinations(enough, 2))
    return pairs, len(labels) * (len(labels) - 1) // 2 - len(pairs)


def roc_areas(scores: Floats, is_one: Flags, half: Integers, counts: Floats) -> Floats:
    """Return the areas (S, B) under the ROC curves of S scores (S, n) of n clips, compared within each half.

    `is_one` (n,) says which clips are of the first class; `counts` (B, n) how often each occurs in B resamples.
    """
    first, second = np.flatnonzero(is_one), np.flatnonzero(~is_one)
    same = (half[first][:, None] == half[second]).astype(float)
    difference = scores[:, first, None] - scores[:, None, second]
    greater = ((difference > 0) + 0.5 * (difference == 0)) * same
    compared = np.einsum("bi,ij,bj->b", counts[:, first], same, counts[:, second], optimize=True)
    won = np.einsum("bi,sij,bj->sb", counts[:, first], greater, counts[:, second], optimize=True)
    return np.asarray(np.where(compared > 0, won / np.maximum(compared, 1), 0.5))


def separate_pairs(
    tail: StreamTail,
    streams: Sequence[ClipStreams],
    scores: StreamScores,
    draws: int,
    generator: np.random.Generator,
    remeasured: int = MAX_REMEASURED,
) -> tuple[PairSeparation, ...]:
    """Return the pairs that may need both streams, most gained first, then those that one stream may tell."""
    pairs, _ = pairs_with_clips(scores.clips)
    screened = {pair: _screen(scores, pair) for pair in pairs}
    told = {pair: areas for pair, areas in screened.items() if areas[0] >= MIN_FUSED}
    both = sorted(told, key=lambda pair: max(told[pair][1:]) - told[pair][0])
    both = [pair for pair in both if told[pair][0] - max(told[pair][1:]) >= MIN_GAIN][:remeasured]
    one = sorted(set(told) - set(both), key=lambda pair: (-abs(told[pair][1] - told[pair][2]), pair))[:MAX_ONE_STREAM]
    shuffles = int(np.clip(SHUFFLES_PER_PAIR * len(pairs), MIN_SHUFFLES, MAX_SHUFFLES))
    found = [_measure_again(tail, streams, scores, pair, draws, shuffles, generator) for pair in both]
    found += [_measure(scores, pair, draws, shuffles, generator) for pair in one]
    both_corrected = correct([each.p_both for each in found], len(pairs))
    one_corrected = correct([each.p_one for each in found], len(pairs))
    return tuple(
        each.model_copy(update={"p_both": p_both, "p_one": p_one})
        for each, p_both, p_one in zip(found, both_corrected, one_corrected, strict=True)
    )


def correct(p_values: Sequence[float], asked: int) -> list[float]:
    """Return p-values that are corrected for the number of questions asked (Benjamini-Hochberg).

    Questions asked beyond these count as p = 1.
    """
    order = sorted(range(len(p_values)), key=lambda index: p_values[index], reverse=True)
    corrected, least = [1.0] * len(p_values), 1.0
    for rank, index in zip(range(len(order), 0, -1), order, strict=True):
        least = min(least, p_values[index] * asked / rank)
        corrected[index] = least
    return corrected


def _screen(scores: StreamScores, pair: tuple[int, int]) -> Floats:
    number, is_one = _clips_of(scores.clips, pair)
    return roc_areas(_differences(scores, pair, number), is_one, scores.half[number], np.ones((1, len(number))))[:, 0]


def _clips_of(clips: GroupedClips, pair: tuple[int, int]) -> tuple[Integers, Flags]:
    number = np.flatnonzero(np.isin(clips.labels, pair))
    return number, clips.labels[number] == pair[0]


def _differences(scores: StreamScores, pair: tuple[int, int], number: Integers) -> Floats:
    first, second = pair
    return np.stack([x[number, first] - x[number, second] for x in (scores.fused, scores.appearance, scores.motion)])


def _measure(
    scores: StreamScores, pair: tuple[int, int], draws: int, shuffles: int, generator: np.random.Generator
) -> PairSeparation:
    number, _ = _clips_of(scores.clips, pair)
    clips = GroupedClips(scores.clips.labels[number], scores.clips.groups[number])
    differences = _differences(scores, pair, number)
    names = [scores.names[index] for index in number]
    return _summarize(pair, clips, names, differences, scores.half[number], draws, shuffles, generator, 1.0)


def _measure_again(
    tail: StreamTail,
    streams: Sequence[ClipStreams],
    scores: StreamScores,
    pair: tuple[int, int],
    draws: int,
    shuffles: int,
    generator: np.random.Generator,
) -> PairSeparation:
    number = np.concatenate([np.flatnonzero(scores.clips.labels == label)[:PAIR_CLIPS] for label in pair])
    clips = GroupedClips(scores.clips.labels[number], scores.clips.groups[number])
    of_clips = [streams[clip] for clip in number]
    logits = tail.run([clip for clip in of_clips for _ in of_clips], of_clips * len(of_clips)).double().numpy()
    table = (logits[:, pair[0]] - logits[:, pair[1]]).reshape(len(number), len(number))
    each = np.stack([np.diagonal(table), table.mean(1), table.mean(0)])
    p_both = shuffled_p_value(each[0] - each[1] - each[2], clips, pair[0], shuffles, generator)
    names = [scores.names[index] for index in number]
    half = np.zeros(len(number), np.int64)
    return _summarize(pair, clips, names, each, half, draws, shuffles, generator, p_both)


def _summarize(
    pair: tuple[int, int],
    clips: GroupedClips,
    names: Sequence[str],
    differences: Floats,
    half: Integers,
    draws: int,
    shuffles: int,
    generator: np.random.Generator,
    p_both: float,
) -> PairSeparation:
    counts = np.stack([np.ones(len(clips.labels)), *(clips.resample(generator) for _ in range(draws))])
    areas = roc_areas(differences, clips.labels == pair[0], half, counts)
    fused, appearance, motion = areas
    row = 1 if appearance[0] >= motion[0] else 2
    better, lead = areas[row], appearance - motion
    score = differences[row].copy()
    for side in np.unique(half):  # the halves have different donors
        score[half == side] -= score[half == side].mean()
    # how much more both streams say for the clip's own class than the two alone
    toward = np.where(clips.labels == pair[0], 1, -1) * (differences[0] - differences[1] - differences[2])
    return PairSeparation(
        classes=pair,
        names=tuple(names[index] for index in np.argsort(-toward, kind="stable")[:EXAMPLES]),
        clips=len(clips.labels),
        groups=len(np.unique(clips.groups)),
        fused=make_interval(fused[0], fused[1:]),
        appearance=make_interval(appearance[0], appearance[1:]),
        motion=make_interval(motion[0], motion[1:]),
        gain=make_interval(fused[0] - better[0], fused[1:] - better[1:]),
        lead=make_interval(lead[0], lead[1:]),
        p_both=p_both,
        p_one=min(1.0, 2 * shuffled_p_value(score, clips, pair[0], shuffles, generator)),  # the better of two
    )


def shuffled_p_value(
    score: Floats, clips: GroupedClips, first: int, shuffles: int, generator: np.random.Generator
) -> float:
    """Return the one-sided p-value of the area under the ROC curve of a score (n,) for class `first`.

    Labels are shuffled over groups, over clips where a group has clips of both classes.
    """
    _, inverse, sizes = np.unique(score, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(sizes) - (sizes - 1) / 2)[inverse]  # 1 to n; ties share their mean
    actual = _area(ranks, (clips.labels == first)[None])[0]
    as_large = sum(
        int((_area(ranks, shuffled) >= actual - 1e-12).sum())
        for shuffled in _shuffles(clips, first, shuffles, generator)
    )
    return (1 + as_large) / (1 + shuffles)


def _shuffles(clips: GroupedClips, first: int, shuffles: int, generator: np.random.Generator) -> Iterator[Flags]:
    """Yield which clips are of the first class under shuffled labels, (draws, n) at once."""
    _, start, group = np.unique(clips.groups, return_index=True, return_inverse=True)
    of_group = clips.labels[start]
    if not np.array_equal(of_group[group], clips.labels):
        of_group, group = clips.labels, np.arange(len(clips.labels))
    for done in range(0, shuffles, SHUFFLES_AT_ONCE):
        size = min(SHUFFLES_AT_ONCE, shuffles - done)
        shuffled = generator.permuted(np.tile(of_group == first, (size, 1)), axis=1)
        yield shuffled[:, group]


def _area(ranks: Floats, is_one: Flags) -> Floats:
    """Return the areas (B,) under the ROC curve from ranks (n,), for B choices of the first class (B, n)."""
    count = is_one.sum(1)
    return np.asarray((is_one @ ranks - count * (count + 1) / 2) / np.maximum(count * (len(ranks) - count), 1))
