"""Few clips that say something of many units: what is changed costs a pass for each way, so units share clips."""

from collections.abc import Iterable, Sequence

import numpy as np
import torch
from torch import Tensor


def shared_clips(top: Iterable[Tensor], each: int) -> tuple[int, ...]:
    """Clips such that every unit has `each` of its own among them, or all where it has fewer: ascending.

    `top`: by layer, the numbers (U, K) of its units' strongest clips, -1 for none. The smallest such set takes too
    long to find; greedily (Johnson 1974), the clip that serves most units that still lack one comes next, and of those
    that serve as many the one that is a stronger clip.
    """
    candidates = np.concatenate([found.numpy() for found in top])
    if not (candidates >= 0).any():
        return ()
    clips = int(candidates.max()) + 1
    strength = np.broadcast_to(1 - np.arange(candidates.shape[1]) / len(candidates) / 16, candidates.shape)
    lacks = np.minimum((candidates >= 0).sum(1), each)
    chosen: list[int] = []
    while (needy := lacks > 0).any():
        open_ = (candidates >= 0) & needy[:, None]
        gain = np.bincount(candidates[open_], strength[open_], clips)
        gain[chosen] = 0
        best = int(gain.argmax())
        chosen.append(best)
        lacks -= (candidates == best).any(1)
    return tuple(sorted(chosen))


def among(top: Tensor, chosen: Sequence[int], count: int) -> Tensor:
    """Of each unit's strongest clips (U, K) those that were chosen, at most `count`: (U, count), -1 for none."""
    own = torch.isin(top, torch.tensor(chosen, dtype=top.dtype)) & (top >= 0)
    order = (~own).to(torch.uint8).argsort(dim=1, stable=True)[:, :count]
    return top.where(own, -1).gather(1, order)
