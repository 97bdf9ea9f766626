"""A three-dimensional convolution in float32 on the CPU, computed by oneDNN directly.

For small maps and for pointwise kernels, PyTorch on a CPU without matrix units copies every window before it
multiplies; oneDNN takes a third of the time. With frozen weights and stride 1 the gradient of the input is a
convolution too, by the flipped weight:

    y = conv(x, w, padding p)        dJ/dx = conv(dJ/dy, w', padding k - 1 - p)        w'[c, d, i] = w[d, c, k - 1 - i]
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor


def is_supported(weight: Tensor, stride: Sequence[int], dilation: Sequence[int], groups: int) -> bool:
    """Return whether a convolution by a weight (D, C, T, H, W) can be computed this way."""
    is_plain = {*stride, *dilation, groups} == {1} and weight.ndim == 5
    is_float32_on_cpu = weight.device.type == "cpu" and weight.dtype is torch.float32
    return is_plain and is_float32_on_cpu and torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]


def flip_weight(weight: Tensor) -> Tensor:
    """Return w' (C, D, T, H, W) of a weight w (D, C, T, H, W)."""
    return weight.flip(2, 3, 4).transpose(0, 1).contiguous(memory_format=torch.channels_last_3d)


class OnednnConvolution(torch.autograd.Function):
    """The convolution as `OnednnConvolution.apply(x, w, w', bias, padding)`, differentiable with respect to x alone."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, flipped: Tensor, bias: Tensor | None, padding: Sequence[int]
    ) -> Tensor:
        ctx.flipped, ctx.padding = flipped, [k - 1 - p for k, p in zip(weight.shape[2:], padding, strict=True)]
        return _convolve(x, weight, bias, padding)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None, None, None]:
        return _convolve(gradients[0], ctx.flipped, None, ctx.padding), None, None, None, None


def _convolve(x: Tensor, weight: Tensor, bias: Tensor | None, padding: Sequence[int]) -> Tensor:
    x = x.contiguous(memory_format=torch.channels_last_3d)
    y: Tensor = torch.mkldnn_convolution(x, weight, bias, list(padding), [1] * 3, [1] * 3, 1)
    return y
