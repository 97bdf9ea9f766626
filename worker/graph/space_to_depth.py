"""A strided convolution of few channels as one of more channels that strides less.

    conv(x, w, stride s) = conv(phases(x), phases(w), stride 1)

where the s x s phases of height and width become channels, w padded with zeros to a multiple of s. CPUs compute a
convolution of three channels no faster than one of twelve, and its gradient slower: the first convolution of I3D, back
to a clip of 16 x 160 x 160, took half as long by its phases (one thread, fp32 and bf16).
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

FEW = 4  # channels


def has_phases(weight: Tensor, stride: Sequence[int], dilation: Sequence[int], groups: int) -> bool:
    """Whether it pays: a CPU, few channels, and a stride in height and width."""
    is_few = weight.shape[1] <= FEW and groups == 1 and weight.device.type == "cpu"
    return is_few and weight.ndim > 3 and min(stride[-2:]) > 1 and set(dilation) == {1}


def phases(x: Tensor, stride: Sequence[int]) -> Tensor:
    """(B, C, ..., H, W) to (B, C s s, ..., H / s, W / s), H and W first padded with zeros to a multiple of s."""
    high, wide = stride[-2:]
    x = F.pad(x, [0, -x.shape[-1] % wide, 0, -x.shape[-2] % high])
    *rest, height, width = x.shape[2:]
    split = x.reshape(*x.shape[:2], *rest, height // high, high, width // wide, wide)
    moved = split.movedim((-3, -1), (2, 3))
    return moved.flatten(1, 3)


def in_phases(weight: Tensor, stride: Sequence[int]) -> Tensor:
    """Those of a weight, laid out with channels last, as the convolution's output then is."""
    layout = torch.channels_last if weight.ndim == 4 else torch.channels_last_3d
    return phases(weight, stride).contiguous(memory_format=layout)
