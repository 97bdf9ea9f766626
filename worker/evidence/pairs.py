"""Which stream tells two classes apart: areas under ROC curves of the difference of the two classes' scores."""

from itertools import combinations

import numpy as np
import numpy.typing as npt

from app.contract.evidence import StreamPair
from worker.evidence.measures import Floats, Labels

KEPT = 60  # pairs: those that one of the streams tells worst


def area(scores: Floats, positive: npt.NDArray[np.bool_]) -> float:
    """Probability that a positive scores more than a negative, ties by half: (n,), (n,)."""
    one, other = scores[positive][:, None], scores[~positive][None]
    return float(((one > other) + 0.5 * (one == other)).mean())


def separated_pairs(fused: Floats, pictures: Floats, motion: Floats, labels: Labels) -> tuple[StreamPair, ...]:
    """Of scores (N, C) and classes (N,): the pairs that at least one stream alone tells badly, first those that even
    the better one of the two does not tell. Classes of fewer than three clips are left out.
    """
    present = [int(label) for label in np.unique(labels) if (labels == label).sum() > 2]
    found = []
    for one, other in combinations(present, 2):
        chosen = (labels == one) | (labels == other)
        is_one = labels[chosen] == one
        areas = [area(scores[chosen, one] - scores[chosen, other], is_one) for scores in (fused, pictures, motion)]
        found.append(StreamPair(classes=(one, other), fused=areas[0], pictures=areas[1], motion=areas[2]))
    orders = (
        lambda pair: max(pair.pictures, pair.motion),
        lambda pair: pair.motion - pair.pictures,
        lambda pair: pair.pictures - pair.motion,
    )
    kept = {pair.classes: pair for order in orders for pair in sorted(found, key=order)[:KEPT]}
    return tuple(sorted(kept.values(), key=orders[0]))
