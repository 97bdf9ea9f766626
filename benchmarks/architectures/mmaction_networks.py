"""Residual networks with the tensors of MMAction2, in plain PyTorch, with frames folded into the batch as there.

They are written apart from worker/networks/families, which they are to test.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

CLASSES = 3

Triple = tuple[int, int, int]  # in time, height and width


class ConvModule(nn.Module):
    """A convolution of one or three dimensions more than channels, its normalisation and perhaps a ReLU."""

    def __init__(self, conv: nn.Module, units: int, *, relu: bool = True, epsilon: float = 1e-5) -> None:
        super().__init__()
        self.conv, self.relu = conv, relu
        flat = isinstance(conv, nn.Conv2d | Shifted)
        self.bn = nn.BatchNorm2d(units, epsilon) if flat else nn.BatchNorm3d(units, epsilon)

    def forward(self, x: Tensor) -> Tensor:
        x = self.bn(self.conv(x))
        return functional.relu(x) if self.relu else x


class Shifted(nn.Module):
    """A convolution whose input has an eighth of its channels from the next frame, and one from the frame before."""

    def __init__(self, net: nn.Module, segments: int) -> None:
        super().__init__()
        self.net, self.segments = net, segments

    def forward(self, x: Tensor) -> Tensor:
        clips = x.view(-1, self.segments, *x.shape[1:])
        fold = clips.shape[2] // 8
        moved = torch.zeros_like(clips)
        moved[:, :-1, :fold] = clips[:, 1:, :fold]
        moved[:, 1:, fold : 2 * fold] = clips[:, :-1, fold : 2 * fold]
        moved[:, :, 2 * fold :] = clips[:, :, 2 * fold :]
        return self.net(moved.flatten(0, 1))  # type: ignore[no-any-return]


class Factored(nn.Module):
    """A convolution in space and one in time, with fewer channels between them."""

    def __init__(self, inputs: int, units: int, kernel: Triple, stride: Triple) -> None:
        super().__init__()
        (t, h, w), (steps, down, across) = kernel, stride
        middle = 3 * inputs * units * h * w // (inputs * h * w + 3 * units)
        self.conv_s = nn.Conv3d(inputs, middle, (1, h, w), (1, down, across), (0, h // 2, w // 2), bias=False)
        self.bn_s = nn.BatchNorm3d(middle)
        self.conv_t = nn.Conv3d(middle, units, (t, 1, 1), (steps, 1, 1), (t // 2, 0, 0), bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv_t(functional.relu(self.bn_s(self.conv_s(x))))  # type: ignore[no-any-return]


Convolve = Callable[[int, int, Triple, Triple], nn.Module]  # inputs, units, kernel and stride (t, h, w)


def conv2d(inputs: int, units: int, kernel: Triple, stride: Triple) -> nn.Module:
    """Return a convolution of single frames."""
    _, h, w = kernel
    return nn.Conv2d(inputs, units, (h, w), stride[1:], (h // 2, w // 2), bias=False)


def conv3d(inputs: int, units: int, kernel: Triple, stride: Triple) -> nn.Module:
    """Return a convolution of frames."""
    t, h, w = kernel
    return nn.Conv3d(inputs, units, kernel, stride, (t // 2, h // 2, w // 2), bias=False)


@dataclass(frozen=True)
class Kind:
    """How a residual network is made of blocks."""

    convolve: Convolve
    inputs: int = 3
    width: int = 64
    stem: tuple[int, int] = (1, 1)  # frames of its first convolution, and their stride
    pool_step: int = 1  # of the stem's pool in time
    is_bottleneck: bool = False
    stages: int = 2
    inflated: tuple[bool, ...] = (False,) * 4  # for each stage
    steps: tuple[int, ...] = (1,) * 4  # of each stage in time
    halves_frames: bool = False
    segments: int = 0  # whose frames are shifted
    joined: int = 0  # channels of the other pathway that come to the first stage beside its own
    blocks: int = 1  # of each stage
    epsilon: float = 1e-5


class Block(nn.Module):
    def __init__(self, kind: Kind, inputs: int, stage: int, number: int) -> None:
        super().__init__()
        width = kind.width * 2**stage
        units = width * (4 if kind.is_bottleneck else 1)
        t = 3 if kind.inflated[stage] else 1
        space, step = (2 if stage and not number else 1), (1 if number else kind.steps[stage])
        stride, one = (step, space, space), (1, 1, 1)
        if kind.is_bottleneck:
            shapes = [(inputs, width, (t, 1, 1), one), (width, width, (1, 3, 3), stride), (width, units, one, one)]
        else:
            shapes = [(inputs, width, (t, 3, 3), stride), (width, units, (t, 3, 3), one)]
        self.count = len(shapes)
        for number, (before, after, kernel, own) in enumerate(shapes, 1):
            conv = kind.convolve(before, after, kernel, own)
            conv = Shifted(conv, kind.segments) if kind.segments and number == 1 else conv
            self.add_module(f"conv{number}", ConvModule(conv, after, relu=number < self.count, epsilon=kind.epsilon))
        self.downsample: nn.Module | None = None
        if space > 1 or inputs != units:
            conv = kind.convolve(inputs, units, one, stride)
            self.downsample = ConvModule(conv, units, relu=False, epsilon=kind.epsilon)

    def forward(self, x: Tensor) -> Tensor:
        y = x
        for number in range(1, self.count + 1):
            y = self.get_submodule(f"conv{number}")(y)
        return functional.relu(y + (x if self.downsample is None else self.downsample(x)))


class Backbone(nn.Module):
    """A stem and its stages of blocks."""

    def __init__(self, kind: Kind) -> None:
        super().__init__()
        self.kind = kind
        frames, step = kind.stem
        stem = kind.convolve(kind.inputs, kind.width, (frames, 7, 7), (step, 2, 2))
        self.conv1 = ConvModule(stem, kind.width, epsilon=kind.epsilon)
        inputs = kind.width + kind.joined
        for stage in range(kind.stages):
            self.units = kind.width * 2**stage * (4 if kind.is_bottleneck else 1)
            blocks = [Block(kind, self.units if number else inputs, stage, number) for number in range(kind.blocks)]
            self.add_module(f"layer{stage + 1}", nn.Sequential(*blocks))
            inputs = self.units + kind.joined * self.units // kind.width

    def stem(self, x: Tensor) -> Tensor:
        x = self.conv1(x)
        if x.ndim == 4:
            return functional.max_pool2d(x, 3, 2, 1)
        return functional.max_pool3d(x, (1, 3, 3), (self.kind.pool_step, 2, 2), (0, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        for stage in range(self.kind.stages):
            x = self.get_submodule(f"layer{stage + 1}")(x)
            x = functional.max_pool3d(x, (2, 1, 1), (2, 1, 1)) if self.kind.halves_frames and not stage else x
        return x


class Head(nn.Module):
    def __init__(self, units: int) -> None:
        super().__init__()
        self.fc_cls = nn.Linear(units, CLASSES)


class Recognizer(nn.Module):
    """A network as the library runs it, on pixels that are scaled."""

    def __init__(self, kind: Kind) -> None:
        super().__init__()
        self.backbone = Backbone(kind)
        self.cls_head = Head(self.backbone.units)

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits of clips (B, C, T, H, W), or of frames (B, T, C, H, W) where it sees frames alone."""
        if isinstance(self.backbone.conv1.bn, nn.BatchNorm3d):
            return self.cls_head.fc_cls(self.backbone(x).mean((2, 3, 4)))  # type: ignore[no-any-return]
        scores = self.cls_head.fc_cls(self.backbone(x.flatten(0, 1)).mean((2, 3)))
        return scores.view(*x.shape[:2], -1).mean(1)  # type: ignore[no-any-return]


class SlowFastBackbone(nn.Module):
    def __init__(self, slow: Kind, fast: Kind, ratio: int) -> None:
        super().__init__()
        self.ratio = ratio
        self.slow_path, self.fast_path = Backbone(slow), Backbone(fast)
        for name, units in (("conv1_lateral", fast.width), ("layer1_lateral", 4 * fast.width)):
            lateral = nn.Module()
            lateral.conv = nn.Conv3d(units, 2 * units, (5, 1, 1), (ratio, 1, 1), (2, 0, 0), bias=False)
            self.slow_path.add_module(name, lateral)

    def forward(self, x: Tensor) -> Tensor:
        """Return the mean of both pathways' features, the fast one's first."""
        slow, fast = self.slow_path.stem(x[:, :, :: self.ratio]), self.fast_path.stem(x)
        for number in (1, 2):
            lateral = self.slow_path.get_submodule("conv1_lateral" if number == 1 else "layer1_lateral").conv
            slow = torch.cat([slow, lateral(fast)], 1)  # type: ignore[operator]
            stage = f"layer{number}"
            slow, fast = self.slow_path.get_submodule(stage)(slow), self.fast_path.get_submodule(stage)(fast)
        return torch.cat([fast.mean((2, 3, 4)), slow.mean((2, 3, 4))], 1)


class SlowFastRecognizer(nn.Module):
    def __init__(self, slow: Kind, fast: Kind, ratio: int) -> None:
        super().__init__()
        self.backbone = SlowFastBackbone(slow, fast, ratio)
        self.cls_head = Head(self.backbone.slow_path.units + self.backbone.fast_path.units)

    def forward(self, x: Tensor) -> Tensor:
        return self.cls_head.fc_cls(self.backbone(x))  # type: ignore[no-any-return]
