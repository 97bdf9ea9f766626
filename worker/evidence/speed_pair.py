"""How well the classes that differ by speed alone stay apart: a layer that ignored speed would be no invariance."""

from collections.abc import Sequence

import numpy as np

from app.contract.interval import Interval
from app.contract.invariance import SpeedPair
from worker.evidence.checkpoint import SurveyCheckpoint
from worker.evidence.cross_speed import fold_groups, tell_pair, weighted_auc
from worker.evidence.layer_sharing import DRAWS
from worker.evidence.resampling import MIN_GROUPS, GroupedClips, Integers, make_interval
from worker.evidence.types import Floats


def measure_speed_pair(
    checkpoints: Sequence[SurveyCheckpoint],
    names: tuple[str, str],
    pair: tuple[int, int],
    clips: GroupedClips,
    layers: Sequence[str],
    generator: np.random.Generator,
) -> tuple[SpeedPair, ...]:
    """Return by layer how well left-out clips of two classes, `pair` by number, are told apart as they are.

    The second checkpoint, if there is one, is the control's. Nothing where a class has too few groups for an interval.
    """
    rows = np.flatnonzero(np.isin(clips.labels, pair))
    chosen = GroupedClips(clips.labels[rows], clips.groups[rows])
    if any(len(np.unique(chosen.groups[chosen.labels == label])) < MIN_GROUPS for label in pair):
        return ()
    weights = np.stack([chosen.resample(generator) for _ in range(DRAWS)])
    is_second = (chosen.labels == pair[1]).astype(np.int64)
    folds = fold_groups(chosen.labels, chosen.groups)

    def separated(checkpoint: SurveyCheckpoint, layer: str) -> Interval:
        scores = tell_pair(np.asarray(checkpoint.peaks(layer)[rows]), is_second, folds)
        return _auc(scores, is_second, weights)

    return tuple(
        SpeedPair(
            first=names[0],
            second=names[1],
            layer=layer,
            clips=len(rows),
            separated=separated(checkpoints[0], layer),
            control=separated(checkpoints[1], layer) if len(checkpoints) > 1 else None,
        )
        for layer in layers
    )


def _auc(scores: Floats, is_second: Integers, weights: Floats) -> Interval:
    second, first = np.flatnonzero(is_second == 1), np.flatnonzero(is_second == 0)
    once = np.ones((1, len(scores)))
    value, drawn = (
        weighted_auc(scores[second], scores[first], each[:, second], each[:, first]) for each in (once, weights)
    )
    return make_interval(float(value[0]), drawn)
