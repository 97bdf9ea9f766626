"""Flow Gated Network (Cheng, Cai and Li 2019, arXiv 1911.05913): RGB features multiplied by a gate from optical flow.

Trained to detect fights in clips of surveillance cameras.
"""

from collections.abc import Callable, Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from app.contract.network import Extent, Stream, StreamName
from worker.networks.families.two_stream import MOTION_BOUND, FullyConnected
from worker.networks.registry import register
from worker.networks.tap import Tap
from worker.video.flow import FARNEBACK

FRAMES = 64
SIZE = 224  # pixels a side
FUSION_POOL_FRAMES = 8  # reduced to one by the fusion

Nonlinearity = Callable[[Tensor], Tensor]


class Block(nn.Module):
    """A convolution in space, then one in time, each with a nonlinearity; the tap is before the last one."""

    def __init__(self, inputs: int, units: int, nonlinearity: Nonlinearity = torch.relu) -> None:
        super().__init__()
        self.spatial = nn.Conv3d(inputs, units, (1, 3, 3), padding=(0, 1, 1))
        self.temporal = nn.Conv3d(units, units, (3, 1, 1), padding=(1, 0, 0))
        self.tap = Tap(rectified=nonlinearity is torch.relu)
        self.nonlinearity = nonlinearity

    def forward(self, x: Tensor) -> Tensor:
        return self.nonlinearity(self.tap(self.temporal(self.nonlinearity(self.spatial(x)))))


class GatedFusion(nn.Module):
    """The fusion of the streams: appearance times motion, then the maximum over every eight frames."""

    def __init__(self) -> None:
        super().__init__()
        self.tap = Tap(rectified=False)

    def forward(self, rgb: Tensor, flow: Tensor) -> Tensor:
        return self.tap(F.max_pool3d(rgb * flow, (FUSION_POOL_FRAMES, 1, 1)))  # type: ignore[no-any-return]


class FlowGated(nn.Module):
    """A network that maps inputs[clip] (B, 3, 64, 224, 224) and inputs[motion] (B, 128, 224, 224) to logits."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.rgb = nn.ModuleList([Block(3, 16), Block(16, 16), Block(16, 32), Block(32, 32)])
        self.flow = nn.ModuleList([Block(2, 16), Block(16, 16), Block(16, 32), Block(32, 32, torch.sigmoid)])
        self.meeting = GatedFusion()  # `meeting` is also the name of the layer in stored cards
        self.merge = nn.ModuleList([Block(32, 64), Block(64, 64), Block(64, 128)])
        self.fc1, self.fc2, self.fc3 = FullyConnected(128, 128), FullyConnected(128, 32), nn.Linear(32, classes)

    def forward(self, inputs: Mapping[StreamName, Tensor]) -> Tensor:
        rgb = standardise(inputs[StreamName.CLIP])
        motion = inputs[StreamName.MOTION]
        fields = motion.reshape(len(motion), -1, 2, *motion.shape[2:])
        flow = standardise(normalise_range(fields.transpose(1, 2)))
        for block in self.rgb:
            rgb = F.max_pool3d(block(rgb), (1, 2, 2))
        for block in self.flow:
            flow = F.max_pool3d(block(flow), (1, 2, 2))
        x = self.meeting(rgb, flow)
        for block, pool in zip(self.merge, ((2, 2, 2), (2, 2, 2), (2, 3, 3)), strict=True):
            x = F.max_pool3d(block(x), pool)
        x = x.permute(0, 2, 3, 4, 1).flatten(1)  # the weights of fc1 expect the channels last
        return self.fc3(self.fc2(self.fc1(x)))  # type: ignore[no-any-return]


def normalise_range(flow: Tensor) -> Tensor:
    """Scale each component of each flow field (B, 2, T, H, W) to [0, 1], from its minimum to its maximum.

    A constant field becomes 0. The network therefore cannot see how fast anything moves.
    """
    minimum, maximum = flow.amin((3, 4), keepdim=True), flow.amax((3, 4), keepdim=True)
    return (flow - minimum) / (maximum - minimum).clamp_min(1e-6)


def standardise(x: Tensor) -> Tensor:
    """Scale each clip of (B, C, T, H, W) to mean 0 and standard deviation 1; a constant clip becomes 0."""
    centred = x - x.mean((1, 2, 3, 4), keepdim=True)
    return centred / (centred.square().mean((1, 2, 3, 4), keepdim=True) + 1e-10).sqrt()


@register(
    name="flow_gated",
    title="Flow Gated Network",
    summary="RGB and optical flow, multiplied (Cheng, Cai and Li 2019): fight or no fight.",
    streams=(
        Stream(name=StreamName.CLIP, frames=FRAMES, height=SIZE, width=SIZE),
        Stream(name=StreamName.MOTION, frames=FRAMES, height=SIZE, width=SIZE, bound=MOTION_BOUND),
    ),
    stimulus=Extent(frames=FRAMES, height=SIZE, width=SIZE),
    classes=("Fight", "NonFight"),
    short_side=SIZE,
    flow=FARNEBACK,
)
def flow_gated(classes: int) -> nn.Module:
    """Build the Flow Gated Network."""
    return FlowGated(classes)
