"""Flow Gated Network (Cheng, Cai and Li 2019, arXiv 1911.05913): RGB and optical flow that multiply each other.

Trained to tell fights from everything else in the clips of surveillance cameras.
"""

from collections.abc import Callable, Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from app.contract.network import Extent, Stream, StreamName
from worker.networks.registry import register
from worker.networks.tap import Tap
from worker.networks.two_stream import MOTION_BOUND, Full
from worker.video.flow import FARNEBACK

FRAMES = 64
SIZE = 224
TOGETHER = 8  # frames that are pooled where the streams meet

Nonlinearity = Callable[[Tensor], Tensor]


class Block(nn.Module):
    """A convolution in space, then one in time. The tap is before the last nonlinearity."""

    def __init__(self, inputs: int, units: int, after: Nonlinearity = torch.relu) -> None:
        super().__init__()
        self.spatial = nn.Conv3d(inputs, units, (1, 3, 3), padding=(0, 1, 1))
        self.temporal = nn.Conv3d(units, units, (3, 1, 1), padding=(1, 0, 0))
        self.tap = Tap(rectified=after is torch.relu)
        self.after = after

    def forward(self, x: Tensor) -> Tensor:
        return self.after(self.tap(self.temporal(self.after(self.spatial(x)))))


class Meeting(nn.Module):
    """Where the streams meet: appearance times motion, the largest of eight frames."""

    def __init__(self) -> None:
        super().__init__()
        self.tap = Tap(rectified=False)

    def forward(self, rgb: Tensor, flow: Tensor) -> Tensor:
        return self.tap(F.max_pool3d(rgb * flow, (TOGETHER, 1, 1)))  # type: ignore[no-any-return]


class FlowGated(nn.Module):
    """inputs[clip] (B, 3, 64, 224, 224) and inputs[motion] (B, 128, 224, 224) -> logits (B, classes)."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.rgb = nn.ModuleList([Block(3, 16), Block(16, 16), Block(16, 32), Block(32, 32)])
        self.flow = nn.ModuleList([Block(2, 16), Block(16, 16), Block(16, 32), Block(32, 32, torch.sigmoid)])
        self.meeting = Meeting()
        self.merge = nn.ModuleList([Block(32, 64), Block(64, 64), Block(64, 128)])
        self.fc1, self.fc2, self.fc3 = Full(128, 128), Full(128, 32), nn.Linear(32, classes)

    def forward(self, inputs: Mapping[StreamName, Tensor]) -> Tensor:
        rgb = standardised(inputs[StreamName.CLIP])
        motion = inputs[StreamName.MOTION]
        fields = motion.reshape(len(motion), -1, 2, *motion.shape[2:])
        flow = standardised(stretched(fields.transpose(1, 2)))
        for block in self.rgb:
            rgb = F.max_pool3d(block(rgb), (1, 2, 2))
        for block in self.flow:
            flow = F.max_pool3d(block(flow), (1, 2, 2))
        x = self.meeting(rgb, flow)
        for block, pool in zip(self.merge, ((2, 2, 2), (2, 2, 2), (2, 3, 3)), strict=True):
            x = F.max_pool3d(block(x), pool)
        x = x.permute(0, 2, 3, 4, 1).flatten(1)  # channels come last in the weights
        return self.fc3(self.fc2(self.fc1(x)))  # type: ignore[no-any-return]


def stretched(flow: Tensor) -> Tensor:
    """Each component of each field from its least to its greatest value, as 0 to 1: (B, 2, T, H, W).

    Still fields stay still, which makes the network blind to how fast anything moves.
    """
    least, greatest = flow.amin((3, 4), keepdim=True), flow.amax((3, 4), keepdim=True)
    return (flow - least) / (greatest - least).clamp_min(1e-6)


def standardised(x: Tensor) -> Tensor:
    """Mean 0 and standard deviation 1 over the whole clip; zero where nothing differs."""
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
    return FlowGated(classes)
