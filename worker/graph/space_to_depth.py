"""A strided convolution of few channels, computed as a convolution of more channels with stride 1.

    conv(x, w, stride s) = conv(space_to_depth(x), space_to_depth(w), stride 1)

The s x s positions of each cell of height and width become channels; w is padded with zeros to a multiple of s. CPUs
compute a convolution of three channels no faster than one of twelve, and its gradient slower: the first convolution of
I3D, back to a clip of 16 x 160 x 160, took half as long this way (one thread, fp32 and bf16).
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

MAX_CHANNELS = 4  # input channels up to which the rearrangement is faster


def is_worthwhile(weight: Tensor, stride: Sequence[int], dilation: Sequence[int], groups: int) -> bool:
    """Return whether this is faster for a weight (D, C, ..., H, W): a CPU, few channels, strided in both H and W."""
    is_few = weight.shape[1] <= MAX_CHANNELS and groups == 1 and weight.device.type == "cpu"
    return is_few and weight.ndim > 3 and min(stride[-2:]) > 1 and set(dilation) == {1}


def space_to_depth(x: Tensor, stride: Sequence[int]) -> Tensor:
    """Return (B, C, ..., H, W) as (B, C s s, ..., H / s, W / s), H and W padded with zeros to a multiple of s."""
    row_stride, column_stride = stride[-2:]
    x = F.pad(x, [0, -x.shape[-1] % column_stride, 0, -x.shape[-2] % row_stride])
    *rest, height, width = x.shape[2:]
    cells = x.reshape(*x.shape[:2], *rest, height // row_stride, row_stride, width // column_stride, column_stride)
    return cells.movedim((-3, -1), (2, 3)).flatten(1, 3)


def weight_to_depth(weight: Tensor, stride: Sequence[int]) -> Tensor:
    """Return a weight rearranged in the same way, with channels last, as the convolution's output then is."""
    layout = torch.channels_last if weight.ndim == 4 else torch.channels_last_3d
    return space_to_depth(weight, stride).contiguous(memory_format=layout)
