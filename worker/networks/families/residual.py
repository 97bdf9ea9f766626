"""Residual networks of video: ResNets that see frames alone, shifted, inflated or factored, and SlowFast.

One module builds them all from a plan: the shapes of the convolutions, which a checkpoint tells, and their strides,
which it does not. Frames that others fold into the batch, (B T, C, H, W), keep an axis of their own here,
(B, C, T, H, W), with convolutions of one frame: the numbers are the same, and layers are maps of the clip.
"""

from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from app.contract.network import OmittedModule, StreamName
from worker.networks.tap import Tap

Stride = tuple[int, int]  # in time and in space
Shape = tuple[int, ...]  # of a convolution's weights: units, inputs, kernel (of two axes where it sees one frame)
MAX_STAGES = 9
DEFAULT_EPSILON = 1e-5  # of batch normalisation; between the two parts of a factored convolution it is always this one
SHORTCUT_REASON = "projects the input of its block; the sum after the block holds it"


@dataclass(frozen=True)
class Pathway:
    """What the tensors of a residual network do not tell."""

    stem_stride: Stride = (1, 2)
    pool_stride: Stride | None = (1, 2)  # of the maximum pool after the first convolution; None: there is none
    pool_padding: int = 1
    halves_frames: bool = False  # a maximum over every two frames after the first stage
    temporal_strides: tuple[int, ...] = (1, 1, 1, 1)  # of each stage
    spatial_strides: tuple[int, ...] = (1, 2, 2, 2)
    dilations: tuple[int, ...] = (1, 1, 1, 1)
    is_caffe: bool = False  # the stride of a block of three convolutions is that of the first, not of the second


@dataclass(frozen=True)
class Plan:
    """Everything that a residual network is built from, but for its number of classes."""

    stream: StreamName
    shapes: Mapping[str, Shape]  # of the weights of every convolution, by its name in the module
    pathways: Mapping[str, Pathway]  # by name, "slow" and "fast"; or one without a name
    mean: tuple[float, ...]  # of each input channel, in 8-bit values of a pixel
    deviation: tuple[float, ...]
    bytes_per_unit: float = 127.5  # by how much 8-bit values grow with one standard unit, from 127.5 for none
    without_norm: frozenset[str] = frozenset()  # convolutions that no normalisation follows
    epsilon: float = DEFAULT_EPSILON  # of batch normalisation
    shifted: frozenset[str] = frozenset()  # convolutions and blocks that take shifted frames
    shift_div: int = 8  # one in so many channels comes from the next frame, and as many from the one before
    sampling: tuple[int, int] = (1, 1)  # the slow and the fast pathway take one of so many frames
    has_frames: bool = True  # whether maps have an axis of frames

    @property
    def axes(self) -> int:
        return 3 if self.has_frames else 2

    def convolution(
        self, name: str, stride: Stride = (1, 1), dilation: int = 1, *, rectified: bool = True, shown: bool = True
    ) -> nn.Module:
        """Build a convolution with what follows it, or the two of them that it is factored into."""
        if name in self.shapes:
            return Convolution(self, name, stride, dilation, rectified=rectified, shown=shown)
        spatial = Convolution(self, f"{name}.spatial", (1, stride[1]), shown=shown, epsilon=DEFAULT_EPSILON)
        temporal = Convolution(self, f"{name}.temporal", (stride[0], 1), rectified=rectified, shown=shown)
        return nn.Sequential(OrderedDict(spatial=spatial, temporal=temporal))

    def has(self, name: str) -> bool:
        return name in self.shapes or f"{name}.spatial" in self.shapes


class FrameConvolution(nn.Conv2d):
    """A convolution of each frame of a clip: (B, C, T, H, W) -> (B, D, T, H', W')."""

    def forward(self, x: Tensor) -> Tensor:
        stride, padding, dilation = (1, *self.stride), (0, *_pair(self.padding)), (1, *self.dilation)
        return F.conv3d(x, self.weight[:, :, None], self.bias, stride, padding, dilation, self.groups)


def _pair(padding: Any) -> tuple[int, int]:
    height, width = padding
    return height, width


class Convolution(nn.Module):
    """A convolution that pads its input to keep its size, but for its stride; then normalisation, a tap and a ReLU."""

    def __init__(
        self,
        plan: Plan,
        name: str,
        stride: Stride,
        dilation: int = 1,
        *,
        rectified: bool = True,
        shown: bool = True,
        epsilon: float | None = None,
    ) -> None:
        super().__init__()
        units, inputs, *kernel = plan.shapes[name]
        kinds = {(2, 2): nn.Conv2d, (2, 3): FrameConvolution, (3, 3): nn.Conv3d}
        steps, gaps = (stride[0], stride[1], stride[1])[-len(kernel) :], (1, dilation, dilation)[-len(kernel) :]
        padding = tuple((k - 1) // 2 * gap for k, gap in zip(kernel, gaps, strict=True))
        make: Any = kinds[len(kernel), plan.axes]
        self.conv = make(inputs, units, tuple(kernel), steps, padding, gaps, bias=False)
        norm = nn.BatchNorm3d if plan.has_frames else nn.BatchNorm2d
        self.bn = None if name in plan.without_norm else norm(units, epsilon or plan.epsilon)
        self.is_rectified = rectified and self.bn is not None
        self.tap = Tap(rectified=self.is_rectified) if shown else None

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        x = x if self.bn is None else self.bn(x)
        x = x if self.tap is None else self.tap(x)
        return torch.relu(x) if self.is_rectified else x


class TemporalShift(nn.Module):
    """The shift of TSM (Lin, Gan and Han 2019, arXiv 1811.08383) on (B, C, T, H, W).

    Of every `div` channels, one shows the next frame and one the frame before; beyond the clip is zero.
    """

    def __init__(self, channels: int, div: int) -> None:
        super().__init__()
        self.moved = channels // div

    def forward(self, x: Tensor) -> Tensor:
        following, preceding, rest = x[:, : self.moved], x[:, self.moved : 2 * self.moved], x[:, 2 * self.moved :]
        following = F.pad(following, (0, 0, 0, 0, 0, 1))[:, :, 1:]
        preceding = F.pad(preceding, (0, 0, 0, 0, 1, 0))[:, :, :-1]
        return torch.cat([following, preceding, rest], 1)


class Block(nn.Module):
    """A residual block of two or three convolutions; its layer is the sum, before the ReLU."""

    def __init__(self, plan: Plan, name: str, stride: Stride, dilation: int, *, is_caffe: bool) -> None:
        super().__init__()
        count = 3 if plan.has(f"{name}.conv3") else 2
        strided = 1 if count == 2 or is_caffe else 2
        dilated = count - 1
        self.convolutions = tuple(f"conv{number}" for number in range(1, count + 1))
        for number, own in enumerate(self.convolutions, 1):
            options = (stride if number == strided else (1, 1), dilation if number == dilated else 1)
            self.add_module(own, plan.convolution(f"{name}.{own}", *options, rectified=number < count))
        has_shortcut = plan.has(f"{name}.downsample")
        shortcut = (
            plan.convolution(f"{name}.downsample", stride, rectified=False, shown=False) if has_shortcut else None
        )
        self.downsample = shortcut
        channels = next(shape[1] for own, shape in plan.shapes.items() if own.startswith(f"{name}.conv1"))
        shift = TemporalShift(channels, plan.shift_div) if {name, f"{name}.conv1"} & plan.shifted else None
        self.shift, self.shifts_all = shift, name in plan.shifted
        last = f"{name}.conv{count}"
        self.units = (plan.shapes.get(last) or plan.shapes[f"{last}.temporal"])[0]
        self.tap = Tap()

    def forward(self, x: Tensor) -> Tensor:
        y = x if self.shift is None else self.shift(x)
        x = y if self.shifts_all else x
        for name in self.convolutions:
            y = self.get_submodule(name)(y)
        return torch.relu(self.tap(y + (x if self.downsample is None else self.downsample(x))))


class ResidualPathway(nn.Module):
    """The convolutions of a residual network: its stem and its stages, without a head."""

    def __init__(self, plan: Plan, name: str) -> None:
        super().__init__()
        self.pathway = pathway = plan.pathways[name]
        self.axes = plan.axes
        prefix = f"{name}." if name else ""
        self.conv1 = plan.convolution(f"{prefix}conv1", pathway.stem_stride)
        stages: list[str] = []
        units = 0
        for number, stride in enumerate(zip(pathway.temporal_strides, pathway.spatial_strides, strict=True), 1):
            blocks: list[nn.Module] = []
            while plan.has(f"{prefix}layer{number}.{len(blocks)}.conv1"):
                own = f"{prefix}layer{number}.{len(blocks)}"
                steps = (1, 1) if blocks else stride
                block = Block(plan, own, steps, pathway.dilations[number - 1], is_caffe=pathway.is_caffe)
                blocks.append(block)
                units = block.units
            stages.append(f"layer{number}")
            self.add_module(stages[-1], nn.Sequential(*blocks))
        self.stages = tuple(stages)
        self.units = units  # of the last stage

    def stem(self, x: Tensor) -> Tensor:
        """Return what the first stage takes: the first convolution, pooled."""
        x = self.conv1(x)
        if self.pathway.pool_stride is None:
            return x
        (time, space), padding = self.pathway.pool_stride, self.pathway.pool_padding
        return self._max_pool(x, (1, 3, 3), (time, space, space), (0, padding, padding))

    def stage(self, index: int, x: Tensor) -> Tensor:
        """Return the output of a stage, which are counted from 0."""
        x = self.get_submodule(self.stages[index])(x)
        return self._max_pool(x, (2, 1, 1), (2, 1, 1), (0, 0, 0)) if self.pathway.halves_frames and not index else x

    def features(self, x: Tensor) -> Tensor:
        """Return the mean over all positions of the last stage, (B, C)."""
        x = self.stem(x)
        for index in range(len(self.stages)):
            x = self.stage(index, x)
        return mean_of_positions(x)

    def _max_pool(self, x: Tensor, size: Shape, stride: Shape, padding: Shape) -> Tensor:
        pool: Any = F.max_pool3d if self.axes == 3 else F.max_pool2d
        return pool(x, size[-self.axes :], stride[-self.axes :], padding[-self.axes :])  # type: ignore[no-any-return]


def mean_of_positions(x: Tensor) -> Tensor:
    """Return the mean of (B, C, ...) over all positions, (B, C)."""
    pool: Any = F.adaptive_avg_pool3d if x.ndim == 5 else F.adaptive_avg_pool2d
    return pool(x, 1).flatten(1)  # type: ignore[no-any-return]


class PixelInput(nn.Module):
    """Conversion of one stream from standard units to those of the weights: 8-bit values less a mean, over a deviation.

    The bytes 0 to 255 are RGB in [-1, 1], and flow within a bound, [-20, 20] px most often, as data sets store it.
    """

    scale: Tensor
    shift: Tensor

    def __init__(self, plan: Plan, channels: int) -> None:
        super().__init__()
        self.stream, self.channels = plan.stream, channels
        self.has_frames = plan.has_frames
        repeats, sides = channels // len(plan.mean), (1,) * plan.axes
        mean, deviation = (torch.tensor(values * repeats).view(-1, *sides) for values in (plan.mean, plan.deviation))
        self.register_buffer("scale", plan.bytes_per_unit / deviation, persistent=False)
        self.register_buffer("shift", (127.5 - mean) / deviation, persistent=False)

    def forward(self, inputs: Mapping[StreamName, Tensor]) -> Tensor:
        x = inputs[self.stream]
        if self.has_frames and x.ndim == 4:  # flow fields, which lie in the channels of their stream
            x = x.view(len(x), -1, self.channels, *x.shape[2:]).transpose(1, 2)
        return x * self.scale + self.shift


class ResidualNetwork(ResidualPathway):
    """A residual network that maps inputs of one stream to logits (B, classes)."""

    def __init__(self, plan: Plan, classes: int) -> None:
        super().__init__(plan, "")
        self.omitted = omitted_shortcuts(plan)
        self.pixels = PixelInput(plan, first_shape(plan, "conv1")[1])
        self.fc_cls = nn.Linear(self.units, classes)

    def forward(self, inputs: Mapping[StreamName, Tensor]) -> Tensor:
        return self.fc_cls(self.features(self.pixels(inputs)))  # type: ignore[no-any-return]


class SlowFast(nn.Module):
    """SlowFast (Feichtenhofer et al. 2019, arXiv 1812.03982): few frames seen wide, and all of them seen narrow.

    After the stem and each stage but the last, a lateral convolution adds channels of the fast pathway to the slow one.
    """

    def __init__(self, plan: Plan, classes: int) -> None:
        super().__init__()
        self.omitted = omitted_shortcuts(plan)
        self.sampling = plan.sampling
        self.pixels = PixelInput(plan, first_shape(plan, "slow.conv1")[1])
        self.slow, self.fast = ResidualPathway(plan, "slow"), ResidualPathway(plan, "fast")
        ratio = plan.sampling[0] // plan.sampling[1]
        for name in lateral_names(plan):
            self.slow.add_module(name, plan.convolution(f"slow.{name}", (ratio, 1)))
        self.fc_cls = nn.Linear(self.slow.units + self.fast.units, classes)

    def forward(self, inputs: Mapping[StreamName, Tensor]) -> Tensor:
        clip = self.pixels(inputs)
        slow, fast = (clip[:, :, ::step] for step in self.sampling)
        slow, fast = self.slow.stem(slow), self.fast.stem(fast)
        slow = self._join("conv1_lateral", slow, fast)
        for index, stage in enumerate(self.slow.stages):
            slow, fast = self.slow.stage(index, slow), self.fast.stage(index, fast)
            slow = self._join(f"{stage}_lateral", slow, fast)
        return self.fc_cls(torch.cat([mean_of_positions(fast), mean_of_positions(slow)], 1))  # type: ignore[no-any-return]

    def _join(self, name: str, slow: Tensor, fast: Tensor) -> Tensor:
        lateral = self.slow._modules.get(name)
        return slow if lateral is None else torch.cat([slow, lateral(fast)], 1)


def lateral_names(plan: Plan) -> Iterator[str]:
    """Yield the names of the lateral convolutions in the slow pathway."""
    for name in ("conv1", *(f"layer{number}" for number in range(1, MAX_STAGES + 1))):
        if plan.has(f"slow.{name}_lateral"):
            yield f"{name}_lateral"


def first_shape(plan: Plan, name: str) -> Shape:
    """Return the shape of a convolution, or of the first of the two that it is factored into."""
    return plan.shapes.get(name) or plan.shapes[f"{name}.spatial"]


def omitted_shortcuts(plan: Plan) -> tuple[OmittedModule, ...]:
    """Return the convolutions that are no layers of their own, under one name for each pathway."""
    paths = sorted({name.partition("layer")[0] for name in plan.shapes if ".downsample" in name})
    return tuple(OmittedModule(module=f"{path}layer*.0.downsample", reason=SHORTCUT_REASON) for path in paths)


def build(plan: Plan, classes: int) -> nn.Module:
    """Build the network of a plan, with random weights."""
    return SlowFast(plan, classes) if "slow" in plan.pathways else ResidualNetwork(plan, classes)
