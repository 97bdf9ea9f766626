"""How much of a network's answers comes with the pictures of a clip and how much with its motion: needs no labels.

Let z(p, m) be the logits for the pictures of clip p with the motion of clip m, less their mean over the classes,
which no softmax sees. Over pictures and motion that are drawn apart, their variance V = E |z - E z|^2, summed over the
classes, falls into three shares (Sobol's indices of first order, and the rest):

    pictures   cov(z(p, m), z(p, m')) / V     what stays while the motion is another, m' != m
    motion     cov(z(p, m), z(p', m)) / V     what stays while the pictures are others, p' != p
    together   1 - pictures - motion          what neither stream says by itself

Either covariance is the mean over all pairs of swaps that share a clip, so no noise of few swaps is left in it.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from app.contract.evidence import StreamShares


class Swaps:
    """Logits of swapped clips as they come: memory grows with the clips, not with their swaps. `full`: the network's
    own answers to the clips as they are, by number, (clips,).
    """

    def __init__(self, full: Tensor, classes: int) -> None:
        self.full = full
        self.sums = torch.zeros(2, len(full), classes, dtype=torch.float64)  # by pictures, by motion
        self.squares = torch.zeros(2, len(full), dtype=torch.float64)
        self.counts = torch.zeros(2, len(full), dtype=torch.float64)
        self.kept = torch.zeros(2)

    def add(self, pictures: int, motion: Sequence[int], logits: Tensor) -> None:
        """The pictures of one clip with the motion of others: (others, classes)."""
        centred = logits.double() - logits.double().mean(1, keepdim=True)
        taken = logits.argmax(1)
        for stream, clips in enumerate(([pictures] * len(motion), list(motion))):
            index = torch.tensor(clips)
            self.sums[stream].index_add_(0, index, centred)
            self.squares[stream].index_add_(0, index, centred.square().sum(1))
            self.counts[stream].index_add_(0, index, torch.ones(len(clips), dtype=torch.float64))
            self.kept[stream] += (taken == self.full[index]).sum()

    def shares(self) -> StreamShares | None:
        """None where no clip was swapped twice, or all answers are the same."""
        count = float(self.counts[0].sum())
        mean = self.sums[0].sum(0) / max(1.0, count)
        variance = float(self.squares[0].sum() / max(1.0, count) - mean.square().sum())
        pairs = (self.counts * (self.counts - 1)).sum(1)
        if variance <= 1e-12 or not bool((pairs > 0).all()):
            return None
        products = (self.sums.square().sum(2) - self.squares).sum(1) / pairs
        pictures, motion = ((products - mean.square().sum()) / variance).clamp(0, 1).tolist()
        kept = (self.kept / count).tolist()
        return StreamShares(
            pictures=pictures,
            motion=motion,
            together=max(0.0, 1 - pictures - motion),
            kept_by_pictures=kept[0],
            kept_by_motion=kept[1],
        )
