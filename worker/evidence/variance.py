"""How much of the variance of a two-stream network's logits comes from appearance and how much from motion.

Let z(p, m) be the logits for the appearance of clip p with the motion of clip m, less their mean over the classes
(which no softmax sees). Over appearance and motion that are drawn independently, the variance V = E |z - E z|^2,
summed over the classes, splits into three shares (Sobol's first-order indices, and the rest):

    appearance   cov(z(p, m), z(p, m')) / V     what stays when the motion is another clip's, m' != m
    motion       cov(z(p, m), z(p', m)) / V     what stays when the appearance is another clip's, p' != p
    together     1 - appearance - motion        the interaction of the two

Each covariance is averaged over all pairs of swaps that share a clip, so it has no bias from having few swaps. No
labels are needed.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from app.contract.survey import StreamShares


class SwapVariance:
    """Accumulates the logits of swapped clips; memory grows with the number of clips, not of swaps.

    `predictions` (N,) are the classes predicted for the N clips as they are.
    """

    def __init__(self, predictions: Tensor, classes: int) -> None:
        self.predictions = predictions
        clips = len(predictions)
        # along the first axis: by the clip that gave the appearance, by the clip that gave the motion
        self.sums = torch.zeros(2, clips, classes, dtype=torch.float64)
        self.squares = torch.zeros(2, clips, dtype=torch.float64)
        self.counts = torch.zeros(2, clips, dtype=torch.float64)
        self.unchanged = torch.zeros(2)  # swaps that have the same prediction as the clip

    def add(self, appearance: int, motion: Sequence[int], logits: Tensor) -> None:
        """Add the appearance of one clip with the motion of n others, given by number: logits (n, classes)."""
        centred = logits.double() - logits.double().mean(1, keepdim=True)
        predicted = logits.argmax(1)
        for stream, clips in enumerate(([appearance] * len(motion), list(motion))):
            index = torch.tensor(clips)
            self.sums[stream].index_add_(0, index, centred)
            self.squares[stream].index_add_(0, index, centred.square().sum(1))
            self.counts[stream].index_add_(0, index, torch.ones(len(clips), dtype=torch.float64))
            self.unchanged[stream] += (predicted == self.predictions[index]).sum()

    def shares(self) -> StreamShares | None:
        """Return the shares, or None where some clip was not swapped twice or the logits never change."""
        count = float(self.counts[0].sum())
        mean = self.sums[0].sum(0) / max(1.0, count)
        variance = float(self.squares[0].sum() / max(1.0, count) - mean.square().sum())
        pairs = (self.counts * (self.counts - 1)).sum(1)
        if variance <= 1e-12 or not bool((pairs > 0).all()):
            return None
        # |sum z|^2 - sum |z|^2 is the sum of the products of all pairs of different swaps
        products = (self.sums.square().sum(2) - self.squares).sum(1) / pairs
        appearance, motion = ((products - mean.square().sum()) / variance).clamp(0, 1).tolist()
        unchanged = (self.unchanged / count).tolist()
        return StreamShares(
            appearance=appearance,
            motion=motion,
            interaction=max(0.0, 1 - appearance - motion),
            kept_by_appearance=unchanged[0],
            kept_by_motion=unchanged[1],
        )
