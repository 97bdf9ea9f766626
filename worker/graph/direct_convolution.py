"""A three-dimensional convolution in float32 on the CPU, straight through oneDNN.

PyTorch's own choice for small maps and for pointwise kernels, without matrix units, copies every window first; oneDNN
takes a third of the time. With frozen weights and stride 1 the gradient to the input is a convolution too, by the
weights turned around:

    y = conv(x, w, padding p)        dJ/dx = conv(dJ/dy, w', padding k - 1 - p)        w'[c, d, i] = w[d, c, k - 1 - i]
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor


def goes_direct(weight: Tensor, stride: Sequence[int], dilation: Sequence[int], groups: int) -> bool:
    is_plain = {*stride, *dilation, groups} == {1} and weight.ndim == 5
    is_single = weight.device.type == "cpu" and weight.dtype is torch.float32
    return is_plain and is_single and torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]


def turned(weight: Tensor) -> Tensor:
    """w', (C, D, ...) of a weight (D, C, ...)."""
    return weight.flip(2, 3, 4).transpose(0, 1).contiguous(memory_format=torch.channels_last_3d)


class Direct(torch.autograd.Function):
    """Direct.apply(x, w, w', bias, padding): no gradient but that of x."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, back: Tensor, bias: Tensor | None, padding: Sequence[int]
    ) -> Tensor:
        ctx.back, ctx.padding = back, [k - 1 - p for k, p in zip(weight.shape[2:], padding, strict=True)]
        return _convolved(x, weight, bias, padding)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None, None, None]:
        return _convolved(gradients[0], ctx.back, None, ctx.padding), None, None, None, None


def _convolved(x: Tensor, weight: Tensor, bias: Tensor | None, padding: Sequence[int]) -> Tensor:
    x = x.contiguous(memory_format=torch.channels_last_3d)
    y: Tensor = torch.mkldnn_convolution(x, weight, bias, list(padding), [1] * 3, [1] * 3, 1)
    return y
