"""I3D: Inception-v1 inflated to three dimensions (Carreira and Zisserman 2017, arXiv 1705.07750), RGB stream.

Tensor names are those of the public PyTorch release of the Kinetics weights.
"""

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from app.contract.network import Extent, Stream, StreamName
from worker.networks.registry import register
from worker.networks.tap import Tap

Size = tuple[int, int, int]  # frames, height, width

Pool = tuple[Size, Size]  # kernel, stride
# by name: the maximum pool before the block, then the channels of its branches 0, 1a, 1b, 2a, 2b, 3b
INCEPTION_BLOCKS: dict[str, tuple[Pool | None, tuple[int, int, int, int, int, int]]] = {
    "Mixed_3b": (((1, 3, 3), (1, 2, 2)), (64, 96, 128, 16, 32, 32)),
    "Mixed_3c": (None, (128, 128, 192, 32, 96, 64)),
    "Mixed_4b": (((3, 3, 3), (2, 2, 2)), (192, 96, 208, 16, 48, 64)),
    "Mixed_4c": (None, (160, 112, 224, 24, 64, 64)),
    "Mixed_4d": (None, (128, 128, 256, 24, 64, 64)),
    "Mixed_4e": (None, (112, 144, 288, 32, 64, 64)),
    "Mixed_4f": (None, (256, 160, 320, 32, 128, 128)),
    "Mixed_5b": (((2, 2, 2), (2, 2, 2)), (256, 160, 320, 32, 128, 128)),
    "Mixed_5c": (None, (384, 192, 384, 48, 128, 128)),
}


def same_padding(size: torch.Size, kernel: Size, stride: Size) -> tuple[Size, list[int]]:
    """Return TensorFlow's SAME padding of the last three axes: the operator's argument, and the argument of F.pad.

    Where both sides of every axis need the same padding, the operator pads (which costs no copy) and the second list
    is empty. Otherwise F.pad must pad beforehand, and the operator does not.
    """
    total = [max((-(n // -s) - 1) * s + k - n, 0) for n, k, s in zip(size[-3:], kernel, stride, strict=True)]
    if all(t % 2 == 0 for t in total):
        return (total[0] // 2, total[1] // 2, total[2] // 2), []
    return (0, 0, 0), [side for t in reversed(total) for side in (t // 2, t - t // 2)]


def max_pool(x: Tensor, kernel: Size, stride: Size) -> Tensor:
    """Apply a maximum pool with TensorFlow's SAME padding to x (B, C, T, H, W).

    Zeros may stand for -inf in the padding, because every pooled tensor has passed a ReLU.
    """
    padding, explicit = same_padding(x.shape, kernel, stride)
    if explicit and not any(explicit[0::2]):  # only after the last position: rounding up instead costs no copy
        return F.max_pool3d(x, kernel, stride, ceil_mode=True)
    return F.max_pool3d(F.pad(x, explicit) if explicit else x, kernel, stride, padding)


class ConvNorm(nn.Module):
    """A convolution and batch normalisation, without the ReLU that follows."""

    def __init__(self, inputs: int, units: int, kernel: int = 1, stride: int = 1) -> None:
        super().__init__()
        self.conv3d = nn.Conv3d(inputs, units, kernel, stride, bias=False)
        self.bn = nn.BatchNorm3d(units, eps=1e-3)
        self.kernel, self.stride = (kernel,) * 3, (stride,) * 3

    def forward(self, x: Tensor) -> Tensor:
        padding, explicit = same_padding(x.shape, self.kernel, self.stride)
        x = F.pad(x, explicit) if explicit else x
        x = F.conv3d(x, self.conv3d.weight, None, self.stride, padding)
        return self.bn(x)  # type: ignore[no-any-return]


class TappedConvNorm(ConvNorm):
    """A convolution, batch normalisation, a tap and a ReLU."""

    def __init__(self, inputs: int, units: int, kernel: int = 1, stride: int = 1) -> None:
        super().__init__(inputs, units, kernel, stride)
        self.tap = Tap()

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.tap(super().forward(x)))


class Mixed(nn.Module):
    """An Inception block: four branches side by side.

    One ReLU follows the concatenation instead of one on each branch, which is the same function, so that the tap sees
    every unit before its ReLU.
    """

    def __init__(self, inputs: int, channels: tuple[int, int, int, int, int, int]) -> None:
        super().__init__()
        c0, c1a, c1b, c2a, c2b, c3b = channels
        self.b0 = ConvNorm(inputs, c0)
        self.b1a, self.b1b = ConvNorm(inputs, c1a), ConvNorm(c1a, c1b, 3)
        self.b2a, self.b2b = ConvNorm(inputs, c2a), ConvNorm(c2a, c2b, 3)
        self.b3b = ConvNorm(inputs, c3b)
        self.tap = Tap()
        self.units = c0 + c1b + c2b + c3b

    def forward(self, x: Tensor) -> Tensor:
        branches = [
            self.b0(x),
            self.b1b(torch.relu(self.b1a(x))),
            self.b2b(torch.relu(self.b2a(x))),
            self.b3b(max_pool(x, (3, 3, 3), (1, 1, 1))),
        ]
        return torch.relu(self.tap(torch.cat(branches, 1)))


class I3D(nn.Module):
    """A network that maps inputs[clip] (B, 3, T, H, W) to logits (B, classes), averaged over time and space."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.Conv3d_1a_7x7 = TappedConvNorm(3, 64, 7, 2)
        self.Conv3d_2b_1x1 = TappedConvNorm(64, 64)
        self.Conv3d_2c_3x3 = TappedConvNorm(64, 192, 3)
        units = 192
        for name, (_, channels) in INCEPTION_BLOCKS.items():
            mixed = Mixed(units, channels)
            self.add_module(name, mixed)
            units = mixed.units
        self.logits = nn.ModuleDict({"conv3d": nn.Conv3d(units, classes, 1)})

    def forward(self, inputs: Mapping[StreamName, Tensor]) -> Tensor:
        x = self.Conv3d_1a_7x7(inputs[StreamName.CLIP])
        x = self.Conv3d_2b_1x1(max_pool(x, (1, 3, 3), (1, 2, 2)))
        x = self.Conv3d_2c_3x3(x)
        for name, (pool, _) in INCEPTION_BLOCKS.items():
            if pool:
                x = max_pool(x, *pool)
            x = self.get_submodule(name)(x)
        frames, height, width = x.shape[-3:]
        x = F.avg_pool3d(x, (min(2, frames), min(7, height), min(7, width)), stride=1)
        return self.logits["conv3d"](x).mean((2, 3, 4))  # type: ignore[no-any-return]


@register(
    name="i3d",
    title="I3D, Kinetics, RGB",
    summary="Inception-v1 inflated to 3D (Carreira and Zisserman 2017), on clips of RGB frames.",
    streams=(Stream(name=StreamName.CLIP, frames=64, height=224, width=224),),
    stimulus=Extent(frames=16, height=160, width=160),
    classes=400,
)
def i3d(classes: int) -> nn.Module:
    """Build I3D."""
    return I3D(classes)
