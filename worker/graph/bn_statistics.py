"""What batch normalisation remembers of the data that a network was trained on, and how far inputs are from it."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import Any

import torch
from torch import Tensor

from worker.graph.recording import Recording, aten

NORMALISATIONS = (
    aten.native_batch_norm,
    aten._native_batch_norm_legit_no_training,
    aten.cudnn_batch_norm,
    aten.miopen_batch_norm,
)
FEWEST = 16  # positions: fewer have no variance to speak of
FLOOR = 1e-2  # of the mean variance of a layer's channels: what a channel that hardly varies counts as
STILL = 1e-3  # share of its variance below which a channel counts as still, or the divergence of one would be infinite


class Moments(torch.autograd.Function):
    """Mean and mean square of every channel of (B, C, ...), both (B, C) in float32: a third of the time of var_mean,
    and the gradient in one go.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> tuple[Tensor, Tensor]:
        ctx.save_for_backward(x)
        dims, single = tuple(range(2, x.ndim)), x.float()
        return single.mean(dims), single.square().mean(dims)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        mean, square = (g.to(x.dtype).view(*g.shape, *[1] * (x.ndim - 2)) / prod(x.shape[2:]) for g in gradients)
        return torch.addcmul(mean, x, square, value=2)


@dataclass(frozen=True)
class Normal:
    """Of each channel (C,) as the normalisation gives it out: its shift and squared scale are the mean and variance
    that it had over the training data.
    """

    mean: Tensor
    variance: Tensor

    def divergence(self, found: Tensor) -> Tensor:
        """How far the channels of each item (B, C, ...) are from normal: (B,), in nats, the mean over channels of

            KL(N(mu, s^2) || N(m, v)) = ((s^2 + (mu - m)^2) / v - 1 - ln(s^2 / v)) / 2

        with mu and s^2 their mean and variance over the item's positions. After Yin et al. 2020 (arXiv 1912.08795),
        who compare the same statistics by their distance.
        """
        mean, square = Moments.apply(found)  # type: ignore[no-untyped-call]
        variance = (square - mean.square()).clamp_min(0)
        ratio, shift = variance / self.variance, (mean - self.mean).square() / self.variance
        divergence: Tensor = (ratio + shift - 1 - (ratio + STILL).log()).mean(1) / 2
        return divergence


def normals(recording: Recording) -> Mapping[int, Normal]:
    """By node. Not that of the target: what is to be driven up need not stay as it was."""
    found: dict[int, Normal] = {}
    for place, node in enumerate(recording.nodes):
        if node.func is None or node.func.overloadpacket not in NORMALISATIONS or place == recording.target:
            continue
        if prod(node.shape[2:]) < FEWEST:
            continue
        given = node.arguments
        if given["running_mean"] is None:
            continue
        mean = torch.zeros_like(given["running_mean"]) if given["bias"] is None else given["bias"].detach()
        scale = torch.ones_like(mean) if given["weight"] is None else given["weight"].detach()
        variance = scale.square()
        found[place] = Normal(mean, variance.clamp_min(float(FLOOR * variance.mean())))
    return found
