"""Windows of tensors: ranges of positions along the axes after batch and channels, and how a sliding window maps them.

Positions beyond the frame are padding. A window's own part of the padding is computed as the whole frame would have
it: where a window lies within the frame, no padding enters.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor

Window = tuple[tuple[int, int], ...]  # (start, stop) along each axis from the third on; batch and channels are whole


def full_window(shape: Sequence[int]) -> Window:
    """Return the window of every position of a tensor (B, C, ...)."""
    return tuple((0, size) for size in shape[2:])


def center_window(shape: Sequence[int]) -> Window:
    """Return the window of the central position of a map (B, C, ...), position size // 2 along each axis."""
    return position_window(shape, [size // 2 for size in shape[2:]])


def position_window(shape: Sequence[int], position: Sequence[int]) -> Window:
    """Return the window of one position of a map (B, C, ...)."""
    return tuple((at, at + 1) for at, _ in zip(position, shape[2:], strict=True))


def bounding_window(a: Window, b: Window) -> Window:
    """Return the smallest window that holds both."""
    return tuple((min(p, r), max(q, s)) for (p, q), (r, s) in zip(a, b, strict=True))


def crop(x: Tensor, window: Window, wanted: Window) -> Tensor:
    """Return the part `wanted` of a tensor that is the part `window` of a whole."""
    if window == wanted:
        return x
    inner = tuple(slice(a - start, b - start) for (start, _), (a, b) in zip(window, wanted, strict=True))
    return x[(slice(None), slice(None), *inner)]


@dataclass(frozen=True)
class SlidingWindow:
    """A window of `size` positions along each axis that moves by `stride`, from `padding` before the first position."""

    size: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[int, ...]

    def input_window(self, output: Window, input_shape: Sequence[int]) -> tuple[Window, list[int]]:
        """Return the window of the input that a window of the output needs, and the padding around it for F.pad.

        Along each axis, outputs start .. stop - 1 need inputs start * stride - padding .. (stop - 1) * stride - padding
        + size - 1; those beyond the input are padding.
        """
        window: list[tuple[int, int]] = []
        sides: list[int] = []
        axes = zip(output, self.size, self.stride, self.padding, input_shape[2:], strict=True)
        for (start, stop), size, stride, padding, length in axes:
            low, high = start * stride - padding, (stop - 1) * stride - padding + size
            window.append((max(low, 0), min(high, length)))
            sides = [max(-low, 0), max(high - length, 0), *sides]
        return tuple(window), sides


def pad(x: Tensor, sides: Sequence[int], value: float = 0.0) -> Tensor:
    """Return the tensor padded by F.pad, or the tensor itself where there is nothing to pad."""
    return F.pad(x, list(sides), value=value) if any(sides) else x


def split_padding(sides: list[int], kernel: Sequence[int] | None = None) -> tuple[tuple[int, ...], list[int]]:
    """Return the padding that the operator itself can add without a copy, and the padding to be added before it.

    The operator pads both ends of an axis alike; a pool (`kernel` given) by no more than half of its kernel.
    """
    low, high = sides[0::2][::-1], sides[1::2][::-1]
    if low == high and (kernel is None or all(p <= k // 2 for p, k in zip(low, kernel, strict=True))):
        return tuple(low), []
    return (0,) * len(low), sides
