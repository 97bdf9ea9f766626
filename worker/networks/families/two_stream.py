"""VGG-like two-stream networks fused by convolution (Feichtenhofer, Pinz, Zisserman 2016, arXiv 1604.06573).

`vgg16_two_stream` is the network of "What have we learned from deep representations for action recognition?"
(arXiv 1801.01415).
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from app.contract.network import Extent, Stream, StreamName
from worker.networks.registry import register
from worker.networks.tap import Tap
from worker.video.flow import TVL1

MOTION_BOUND = 0.3  # 6 px a frame: few real displacements are larger


class Conv(nn.Conv2d):
    """A convolution that keeps the map's size (except for its stride), a tap and a ReLU."""

    def __init__(self, inputs: int, units: int, kernel: int = 3, stride: int = 1) -> None:
        super().__init__(inputs, units, kernel, stride, padding=kernel // 2)
        self.tap = Tap()

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.tap(super().forward(x)))


class FullyConnected(nn.Linear):
    """A fully connected layer, a tap and a ReLU."""

    def __init__(self, inputs: int, units: int) -> None:
        super().__init__(inputs, units)
        self.tap = Tap()

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.tap(super().forward(x)))


class Normalise(nn.Module):
    """Conversion from standard units to those that the weights expect: (x - mean) * scale, channel by channel."""

    mean: Tensor

    def __init__(self, mean: Sequence[float], scale: float) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(mean).view(-1, 1, 1), persistent=False)
        self.scale = scale

    def forward(self, x: Tensor) -> Tensor:
        return (x - self.mean) * self.scale


class TwoStream(nn.Module):
    """A network that maps inputs[appearance] (B, 3, H, W) and inputs[motion] (B, 2L, H, W) to logits (B, classes)."""

    def __init__(
        self,
        normalise: nn.ModuleDict,
        streams: tuple[nn.ModuleDict, nn.ModuleDict],
        fusion: nn.ModuleDict,
        full: Mapping[str, FullyConnected],
        scores: nn.Linear,
        dropout: float,
        pooled: Sequence[int],
    ) -> None:
        super().__init__()
        self.pooled = frozenset(f"conv{stage}_1" for stage in pooled)
        self.normalise = normalise
        self.appearance, self.motion = streams
        self.fusion = fusion
        for name, layer in full.items():
            self.add_module(name, layer)
        self.full = tuple(full)
        self.scores = scores
        self.dropout = nn.Dropout(dropout)

    def forward(self, inputs: Mapping[StreamName, Tensor]) -> Tensor:
        appearance = self.normalise["appearance"](inputs[StreamName.APPEARANCE])
        motion = self.normalise["motion"](inputs[StreamName.MOTION])
        x = torch.cat([self._run_stream(self.appearance, appearance), self._run_stream(self.motion, motion)], 1)
        x = F.max_pool2d(self._run_stream(self.fusion, x), 2, ceil_mode=True).flatten(1)
        for name in self.full:
            x = self.dropout(self.get_submodule(name)(x))
        return self.scores(x)  # type: ignore[no-any-return]

    def _run_stream(self, convolutions: nn.ModuleDict, x: Tensor) -> Tensor:
        """Apply the convolutions one after the other, with a pool before each stage that has one."""
        for name, convolution in convolutions.items():
            if name in self.pooled:
                x = F.max_pool2d(x, 2, ceil_mode=True)  # with ceil_mode a map of odd size keeps its last row
            x = convolution(x)
        return x


def two_stream(
    classes: int,
    *,
    size: int = 112,
    flows: int = 10,
    widths: Sequence[int] = (32, 64, 96, 128, 128),
    convs: Sequence[int] = (2, 2, 3, 3, 3),
    first_kernel: int = 5,
    first_stride: int = 2,
    fusion: int = 128,
    fc: Sequence[int] = (256, 256),
    dropout: float = 0.5,
    pooled: Sequence[int] = (2, 3, 4, 5),
    rgb_mean: Sequence[float] = (0.0, 0.0, 0.0),
    rgb_scale: float = 1.0,
    flow_scale: float = 1.0,
) -> TwoStream:
    """Build a network for `size` x `size` pixels and L = `flows` flow fields.

    Stage s of each stream has `convs[s]` convolutions of `widths[s]` units. The stages in `pooled` (counted from 1)
    begin with a 2 x 2 pool; another pool follows the fusion. The weights see (input - mean) * scale, with `rgb_mean`
    in standard units.
    """

    def stream(channels: int) -> nn.ModuleDict:
        layers = nn.ModuleDict()
        for stage, (width, count) in enumerate(zip(widths, convs, strict=True), 1):
            for number in range(1, count + 1):
                shape = (3, 1) if layers else (first_kernel, first_stride)
                layers[f"conv{stage}_{number}"] = Conv(channels, width, *shape)
                channels = width
        return layers

    last = len(widths)
    side = -(-size // (first_stride * 2 ** (len(pooled) + 1)))
    edges = [fusion * side * side, *fc]
    return TwoStream(
        normalise=nn.ModuleDict({"appearance": Normalise(rgb_mean, rgb_scale), "motion": Normalise([0.0], flow_scale)}),
        streams=(stream(3), stream(2 * flows)),
        fusion=nn.ModuleDict({f"conv{last}": Conv(2 * widths[-1], fusion)}),
        full={f"fc{last + 1 + i}": FullyConnected(*pair) for i, pair in enumerate(pairwise(edges))},
        scores=nn.Linear(edges[-1], classes),
        dropout=dropout,
        pooled=pooled,
    )


def two_stream_inputs(
    size: int, flows: int, colours: tuple[tuple[float, ...], ...] | None = None, fastest: float = MOTION_BOUND
) -> tuple[Stream, Stream]:
    """Return the appearance and the motion stream of a two-stream network.

    `colours` is the covariance (3 x 3) of the RGB values in the training data. `fastest` is a displacement, in
    standard units, that motion in the training data rarely exceeds.
    """
    return (
        Stream(name=StreamName.APPEARANCE, frames=1, height=size, width=size, covariance=colours),
        Stream(name=StreamName.MOTION, frames=flows, height=size, width=size, bound=fastest),
    )


@register(
    name="vgg16_two_stream",
    title="Two-stream VGG-16, conv5 fusion",
    summary="VGG-16 on one RGB frame and on ten optical-flow fields, fused at conv5.",
    streams=two_stream_inputs(224, 10),
    stimulus=Extent(frames=10, height=224, width=224),
    classes=101,
    flow=TVL1,
)
def vgg16_two_stream(classes: int) -> nn.Module:
    """Build the VGG-16 network. Its weights expect 8-bit RGB less the ImageNet mean, flow in [-127.5, 127.5]."""
    return two_stream(
        classes,
        size=224,
        flows=10,
        widths=(64, 128, 256, 512, 512),
        first_kernel=3,
        first_stride=1,
        fusion=512,
        fc=(4096, 4096),
        rgb_mean=(123.68 / 127.5 - 1, 116.779 / 127.5 - 1, 103.939 / 127.5 - 1),
        rgb_scale=127.5,
        flow_scale=127.5,
    )
