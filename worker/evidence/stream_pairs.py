"""How well each stream of a two-stream network tells two classes apart."""

from itertools import combinations

import numpy as np

from app.contract.survey import StreamPair
from worker.evidence.measures import roc_auc
from worker.evidence.types import Floats, Labels

MAX_PAIRS_PER_ORDER = 60  # kept of each of three orders; see `stream_pairs`
MIN_CLIPS_PER_CLASS = 3


def stream_pairs(fused: Floats, appearance: Floats, motion: Floats, labels: Labels) -> tuple[StreamPair, ...]:
    """Return the pairs of classes that at least one stream alone separates badly, from scores (N, C) and labels (N,).

    A pair (a, b) is measured by the area under the ROC curve of the score of a less that of b, over the clips of the
    two classes. The result holds, first, the pairs that the better stream separates worst; then those that motion
    separates worse than appearance, and those that appearance separates worse than motion. Classes of fewer than three
    clips are left out.
    """
    classes = [int(label) for label in np.unique(labels) if (labels == label).sum() >= MIN_CLIPS_PER_CLASS]
    pairs = []
    for one, other in combinations(classes, 2):
        of_pair = (labels == one) | (labels == other)
        is_one = labels[of_pair] == one
        areas = [roc_auc(x[of_pair, one] - x[of_pair, other], is_one) for x in (fused, appearance, motion)]
        pairs.append(StreamPair(classes=(one, other), fused=areas[0], appearance=areas[1], motion=areas[2]))
    orders = (
        lambda pair: max(pair.appearance, pair.motion),
        lambda pair: pair.motion - pair.appearance,
        lambda pair: pair.appearance - pair.motion,
    )
    kept = {pair.classes: pair for order in orders for pair in sorted(pairs, key=order)[:MAX_PAIRS_PER_ORDER]}
    return tuple(sorted(kept.values(), key=orders[0]))
