"""Choose few clips that serve many units: each changed clip costs a forward pass, so units share clips."""

from collections.abc import Iterable, Sequence

import numpy as np
import torch
from torch import Tensor


def cover_units(strongest: Iterable[Tensor], clips_per_unit: int) -> tuple[int, ...]:
    """Return the numbers, ascending, of clips among which every unit has `clips_per_unit` of its own strongest clips.

    A unit with fewer strongest clips has all of them. `strongest` gives for each layer the numbers (U, K) of its
    units' strongest clips, strongest first, -1 for none. The smallest such set takes too long to find (multicover is
    NP-hard), so clips are chosen greedily (Johnson 1974): next comes the clip that serves the most units that still
    lack one, and among equals the one with the higher ranks.
    """
    candidates = np.concatenate([clips.numpy() for clips in strongest])
    if not (candidates >= 0).any():
        return ()
    count = int(candidates.max()) + 1
    # a unit counts 1, less a little by the clip's rank: not enough to outweigh another unit
    weights = np.broadcast_to(1 - np.arange(candidates.shape[1]) / len(candidates) / 16, candidates.shape)
    missing = np.minimum((candidates >= 0).sum(1), clips_per_unit)
    chosen: list[int] = []
    while (unserved := missing > 0).any():
        eligible = (candidates >= 0) & unserved[:, None]
        gain = np.bincount(candidates[eligible], weights[eligible], count)
        gain[chosen] = 0
        best = int(gain.argmax())
        chosen.append(best)
        missing -= (candidates == best).any(1)
    return tuple(sorted(chosen))


def keep_chosen(strongest: Tensor, chosen: Sequence[int], count: int) -> Tensor:
    """Return of each unit's strongest clips (U, K) the first `count` that were chosen: (U, count), -1 for none."""
    is_chosen = torch.isin(strongest, torch.tensor(chosen, dtype=strongest.dtype)) & (strongest >= 0)
    order = (~is_chosen).to(torch.uint8).argsort(dim=1, stable=True)[:, :count]
    return strongest.where(is_chosen, -1).gather(1, order)
