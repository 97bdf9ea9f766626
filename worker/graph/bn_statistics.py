"""Channel statistics of features over data, and how far features are from them.

Batch normalisation keeps those of the training data; other networks have those that a survey measured.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import torch
from torch import Tensor

from app.contract.network import MIN_STATISTICS_POSITIONS
from worker.graph.inputs import at_least_float32
from worker.graph.recording import Recording, aten

BATCH_NORM_OPERATORS = (
    aten.native_batch_norm,
    aten._native_batch_norm_legit_no_training,
    aten.cudnn_batch_norm,
    aten.miopen_batch_norm,
)
MIN_VARIANCE_SHARE = 1e-2  # of the mean variance of a layer's channels: a channel's variance counts as no less
MIN_VARIANCE_RATIO = 1e-3  # added to s^2 / v before the logarithm, which is infinite for a constant channel


class ChannelMoments(torch.autograd.Function):
    """Mean and mean square of every channel of (B, C, ...), both (B, C), in float32 at least.

    Takes a third of the time of torch.var_mean, and computes the gradient of both in one pass.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> tuple[Tensor, Tensor]:
        ctx.save_for_backward(x)
        dims, precise = tuple(range(2, x.ndim)), at_least_float32(x)
        return precise.mean(dims), precise.square().mean(dims)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        mean, square = (g.to(x.dtype).view(*g.shape, *[1] * (x.ndim - 2)) / prod(x.shape[2:]) for g in gradients)
        return torch.addcmul(mean, x, square, value=2)


@dataclass(frozen=True)
class ChannelStatistics:
    """Mean m and variance v of each channel over data, both (C,).

    After a batch normalisation they are its shift and its squared scale.
    """

    mean: Tensor
    variance: Tensor

    def divergence(self, features: Tensor) -> Tensor:
        """Return how far the channels of each item of (B, C, ...) are from these statistics: (B,), in nats.

        It is the mean over channels of

            KL(N(mu, s^2) || N(m, v)) = ((s^2 + (mu - m)^2) / v - 1 - ln(s^2 / v)) / 2

        with mu and s^2 a channel's mean and variance over the item's positions. After Yin et al. 2020 (arXiv
        1912.08795), who penalise the distance between the same statistics.
        """
        mean, square = ChannelMoments.apply(features)  # type: ignore[no-untyped-call]
        variance = (square - mean.square()).clamp_min(0)
        ratio, shift = variance / self.variance, (mean - self.mean).square() / self.variance
        divergence: Tensor = (ratio + shift - 1 - (ratio + MIN_VARIANCE_RATIO).log()).mean(1) / 2
        return divergence

    def to(self, like: Tensor) -> "ChannelStatistics":
        """Return the statistics on the device of a tensor, in float32 at least."""
        precise = at_least_float32(like)
        return ChannelStatistics(self.mean.to(precise), self.variance.to(precise))


def bn_statistics(recording: Recording) -> Mapping[int, ChannelStatistics]:
    """Return the statistics of every batch normalisation of a recording, by index of its node.

    Left out are maps of fewer than MIN_STATISTICS_POSITIONS positions, and the target itself: a unit that is to be
    maximized need not stay as it was over the training data.
    """
    statistics: dict[int, ChannelStatistics] = {}
    for index, node in enumerate(recording.nodes):
        if node.func is None or node.func.overloadpacket not in BATCH_NORM_OPERATORS or index == recording.target:
            continue
        arguments = node.arguments
        if prod(node.shape[2:]) < MIN_STATISTICS_POSITIONS or arguments["running_mean"] is None:
            continue
        running_mean = arguments["running_mean"]
        mean = torch.zeros_like(running_mean) if arguments["bias"] is None else arguments["bias"].detach()
        scale = torch.ones_like(mean) if arguments["weight"] is None else arguments["weight"].detach()
        variance = scale.square()
        statistics[index] = ChannelStatistics(mean, variance.clamp_min(float(MIN_VARIANCE_SHARE * variance.mean())))
    return statistics


def marked_statistics(
    recording: Recording, by_path: Mapping[str, ChannelStatistics]
) -> Mapping[int, ChannelStatistics]:
    """Return the statistics of the outputs of submodules, given by path, by index of their node in a recording.

    Left out is what `bn_statistics` leaves out, and submodules that do not run before the target. Raises ValueError
    where the channels of an output (1, C, ...) are not as many as its statistics.
    """
    statistics: dict[int, ChannelStatistics] = {}
    for path, index in recording.marks.items():
        if index != recording.target and is_compared(path, by_path[path], recording.nodes[index].shape):
            statistics[index] = by_path[path]
    return statistics


def is_compared(path: str, statistics: ChannelStatistics, shape: Sequence[int]) -> bool:
    """Return whether an output of this shape, (B, C, ...), has positions enough to be compared with its statistics.

    Raises ValueError where its channels are not as many as the statistics.
    """
    if len(shape) < 2 or shape[1] != len(statistics.mean):
        raise ValueError(
            f"The statistics of {path!r} are those of {len(statistics.mean)} channels, and its output is "
            f"{' x '.join(map(str, shape))}: channels must be on the second axis."
        )
    return prod(shape[2:]) >= MIN_STATISTICS_POSITIONS
