"""The blocks of MatConvNet as modules, on maps (B, C, H, W) or, with `rank` 3, on (B, C, T, H, W).

The formulas are those of its manual (Vedaldi and Lenc 2015, arXiv 1412.4564) and, for the blocks that work along time,
those of the networks that have them (Feichtenhofer et al. 2016, arXiv 1604.06573 and 1611.02155).
"""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from worker.networks.tap import Tap

Options = Mapping[str, Any]  # of a block, as in the network's config; sizes are in the order (T,) H, W
Padding = Sequence[int]  # before and after each axis, the last axis first, as torch's `pad` takes it

CONVOLUTIONS: dict[int, Any] = {2: nn.Conv2d, 3: nn.Conv3d}
NORMS: dict[int, Any] = {2: nn.BatchNorm2d, 3: nn.BatchNorm3d}


def split_padding(padding: Padding, windows: Sequence[int] | None = None) -> tuple[list[int], list[int]]:
    """Return the padding that an operator takes itself, one number an axis, and what must be padded before it.

    `windows` are the sizes of a pool, which takes half a window at most.
    """
    before, after = padding[-2::-2], padding[-1::-2]  # of each axis, the first axis first
    is_own = list(before) == list(after)
    if windows is not None:
        is_own = is_own and all(2 * pad <= size for pad, size in zip(before, windows, strict=True))
    return (list(before), []) if is_own else ([0] * len(before), list(padding))


class Convolution(nn.Module):
    """A convolution, the batch normalisation that alone reads it, if there is one, and a tap, if it is a layer.

    The normalisation has the moments of the file, mean and standard deviation; MatConvNet adds epsilon before it stores
    the latter, so that none is added here.
    """

    def __init__(self, rank: int, options: Options) -> None:
        super().__init__()
        units, channels, *kernel = options["shape"]
        own, self.outer = split_padding(options["pad"])
        self.conv = CONVOLUTIONS[rank](
            channels * options["groups"],
            units,
            tuple(kernel),
            tuple(options["stride"]),
            tuple(own),
            tuple(options["dilate"]),
            options["groups"],
            options["bias"],
        )
        self.norm = NORMS[rank](units, eps=0) if options["norm"] else nn.Identity()
        self.tap = make_tap(options)

    def forward(self, x: Tensor) -> Tensor:
        if self.outer:
            x = F.pad(x, self.outer)
        return self.tap(self.norm(self.conv(x)))  # type: ignore[no-any-return]


class Normalization(nn.Module):
    """A batch normalisation that follows no convolution, or one that others read too."""

    def __init__(self, rank: int, options: Options) -> None:
        super().__init__()
        self.norm = NORMS[rank](options["channels"], eps=0)

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(x)  # type: ignore[no-any-return]


class Pooling(nn.Module):
    """The maximum or mean of windows. A window that straddles the border is cropped, and its mean is of what is left.

    Only windows that lie within the padded map count, so a map whose last row has no whole window loses it.
    """

    def __init__(self, rank: int, options: Options) -> None:
        super().__init__()
        self.rank, self.is_max = rank, options["method"] == "max"
        self.size, self.stride = options["size"], options["stride"]
        windows = [size or 1 for size in self.size]
        self.own, self.outer = split_padding(options["pad"], windows)

    def forward(self, x: Tensor) -> Tensor:
        size = [size or length for size, length in zip(self.size, x.shape[2:], strict=True)]  # 0: all there are
        if self.is_max:
            pool = F.max_pool2d if self.rank == 2 else F.max_pool3d
            if self.outer:
                x = F.pad(x, self.outer, value=float("-inf"))
            return pool(x, size, self.stride, self.own)
        mean = F.avg_pool2d if self.rank == 2 else F.avg_pool3d
        if not self.outer:
            return mean(x, size, self.stride, self.own, count_include_pad=False)
        inside = F.pad(torch.ones_like(x[:1, :1]), self.outer)
        return mean(F.pad(x, self.outer), size, self.stride) / mean(inside, size, self.stride)


class Rectifier(nn.Module):
    """max(x, 0), and `leak` times x below 0."""

    def __init__(self, rank: int, options: Options) -> None:
        super().__init__()
        self.leak = options["leak"]

    def forward(self, x: Tensor) -> Tensor:
        return F.leaky_relu(x, self.leak) if self.leak else torch.relu(x)


class Sigmoid(nn.Module):
    """1 / (1 + exp(-x))."""

    def __init__(self, rank: int, options: Options) -> None:
        super().__init__()

    def forward(self, x: Tensor) -> Tensor:
        return torch.sigmoid(x)


class SoftMax(nn.Module):
    """The softmax over units, where something follows it."""

    def __init__(self, rank: int, options: Options) -> None:
        super().__init__()

    def forward(self, x: Tensor) -> Tensor:
        return x.softmax(1)


class ResponseNormalization(nn.Module):
    """x / (kappa + alpha * sum of squares over a window of N units) ** beta, the window cropped at the ends."""

    def __init__(self, rank: int, options: Options) -> None:
        super().__init__()
        window, self.kappa, self.alpha, self.beta = options["param"]
        self.below, self.above = int((window - 1) // 2), int(-((1 - window) // 2))

    def forward(self, x: Tensor) -> Tensor:
        units = x.shape[1]
        below, above = min(self.below, units - 1), min(self.above, units - 1)
        ends = [0, 0] * (x.ndim - 2)
        ends.extend((below, above))  # the axis of units is the last but these
        squares = F.pad(x.square(), ends)
        total = squares[:, :units]
        for offset in range(1, below + above + 1):
            total = total + squares[:, offset : offset + units]
        scaled: Tensor = x / (self.kappa + self.alpha * total) ** self.beta
        return scaled


class Scale(nn.Module):
    """x times a factor plus an offset, each of a unit; or the product of two maps."""

    factor: Tensor
    offset: Tensor

    def __init__(self, rank: int, options: Options) -> None:
        super().__init__()
        self.names = [name for name in ("factor", "offset") if options[name]]
        for name in self.names:
            self.register_parameter(name, nn.Parameter(torch.ones(options[name], *[1] * rank)))

    def forward(self, x: Tensor, *others: Tensor) -> Tensor:
        values = [*others, *map(self.get_parameter, self.names)]
        x = x * values[0]
        return x + values[1] if len(values) > 1 else x


class Merge(nn.Module):
    """The sum, product or concatenation of maps, and a tap, if it is a layer."""

    def __init__(self, rank: int, options: Options) -> None:
        super().__init__()
        self.how = options["how"]
        self.tap = make_tap(options)

    def forward(self, x: Tensor, *others: Tensor) -> Tensor:
        if self.how == "concat":
            return torch.cat([x, *others], 1)
        for other in others:
            x = x + other if self.how == "sum" else x * other
        return self.tap(x)  # type: ignore[no-any-return]


class Same(nn.Module):
    """Nothing, as dropout does when it is not trained."""

    def __init__(self, rank: int, options: Options) -> None:
        super().__init__()

    def forward(self, x: Tensor) -> Tensor:
        return x


def make_tap(options: Options) -> nn.Module:
    """Return the tap of a layer; an identity for a block that is none."""
    return nn.Identity() if options["rectified"] is None else Tap(rectified=options["rectified"])


MODULES: dict[str, Any] = {
    "convolution": Convolution,
    "normalization": Normalization,
    "pooling": Pooling,
    "relu": Rectifier,
    "sigmoid": Sigmoid,
    "softmax": SoftMax,
    "lrn": ResponseNormalization,
    "scale": Scale,
    "merge": Merge,
    "same": Same,
}
