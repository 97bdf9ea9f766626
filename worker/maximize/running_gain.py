"""What the activations of a batch have gained so far in their run, for the weight of penalties before a survey."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class RunningGain:
    """The highest less the lowest value of each item so far, by which its penalties are multiplied.

    Items whose scale is known have the weight 1.
    """

    is_known: Tensor  # (N,) bool
    lowest: Tensor  # (N,)
    highest: Tensor

    @classmethod
    def of(cls, is_known: Tensor, like: Tensor) -> "RunningGain":
        """Return that of items before their first step, in the precision of `like`."""
        return cls(is_known, torch.full_like(like, torch.inf), torch.full_like(like, -torch.inf))

    def update(self, items: Tensor, values: Tensor) -> None:
        """Take the values (B,) of these items into account; those that are not finite are left out."""
        values = values.to(self.lowest)
        is_finite = values.isfinite()
        self.lowest[items] = torch.where(is_finite, self.lowest[items].minimum(values), self.lowest[items])
        self.highest[items] = torch.where(is_finite, self.highest[items].maximum(values), self.highest[items])

    def weight(self, items: Tensor) -> Tensor:
        """Return the weights of the penalties of these items, (B,)."""
        gain = (self.highest[items] - self.lowest[items]).nan_to_num(0, 0, 0)
        return torch.where(self.is_known[items], torch.ones_like(gain), gain)
