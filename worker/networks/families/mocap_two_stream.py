"""The default network and its judge, which this project trains on people animated by motion capture."""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from app.contract.network import Extent, StreamName
from worker.networks.families.mocap_classes import CLASSES
from worker.networks.families.two_stream import Normalise, two_stream, two_stream_inputs
from worker.networks.registry import register
from worker.networks.tap import Tap

SIZE = 112  # pixels a side
FLOW_FIELDS = 10
RGB_MEAN = (0.0, 0.0, 0.0)
RGB_SCALE = 2.0  # colours of the data set have a standard deviation of about 0.5
RGB_COVARIANCE = ((0.149, 0.117, 0.105), (0.117, 0.164, 0.134), (0.105, 0.134, 0.158))  # of 315 clips
MOTION_BOUND = 0.15  # 3 px a frame, more than most motion: at 6 px the judge saw a cartwheel in many stimuli
FLOW_SCALE = 20.0  # the weights see pixels a frame


@register(
    name="mocap_two_stream",
    title="People in motion, conv5 fusion",
    summary="The default: two small VGG-like streams, fused at conv5, trained on people driven by motion capture.",
    streams=two_stream_inputs(SIZE, FLOW_FIELDS, RGB_COVARIANCE, MOTION_BOUND),
    stimulus=Extent(frames=FLOW_FIELDS, height=SIZE, width=SIZE),
    classes=CLASSES,
)
def mocap_two_stream(classes: int) -> nn.Module:
    """Build the default network."""
    return two_stream(
        classes,
        size=SIZE,
        flows=FLOW_FIELDS,
        widths=(32, 64, 96, 128, 128),
        convs=(2, 2, 3, 3, 3),
        first_kernel=5,
        first_stride=2,
        fusion=128,
        fc=(256, 256),
        dropout=0.3,
        pooled=(2, 3, 4),  # fused on a map of 7 x 7, fine enough to tell two people apart
        rgb_mean=RGB_MEAN,
        rgb_scale=RGB_SCALE,
        flow_scale=FLOW_SCALE,
    )


class Block(nn.Module):
    """A convolution, batch normalisation, a tap and a ReLU."""

    def __init__(self, inputs: int, units: int, kernel: int = 3, stride: int = 1) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(inputs, units, kernel, stride, padding=kernel // 2, bias=False)
        self.norm = nn.BatchNorm2d(units)
        self.tap = Tap()

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.tap(self.norm(self.convolution(x))))


class Judge(nn.Module):
    """A network that maps inputs[appearance] (B, 3, H, W) and inputs[motion] (B, 20, H, W) to logits (B, classes).

    Two streams of batch-normalised convolutions with strides are fused by one convolution, averaged over the map, and
    scored.
    """

    def __init__(self, classes: int, widths: Sequence[int], fusion: int) -> None:
        super().__init__()
        self.normalise = nn.ModuleDict(
            {"appearance": Normalise(RGB_MEAN, RGB_SCALE), "motion": Normalise([0.0], FLOW_SCALE)}
        )
        self.appearance = _stream(3, widths)
        self.motion = _stream(2 * FLOW_FIELDS, widths)
        self.fusion = Block(2 * widths[-1], fusion)
        self.dropout = nn.Dropout(0.3)
        self.scores = nn.Linear(fusion, classes)

    def forward(self, inputs: Mapping[StreamName, Tensor]) -> Tensor:
        appearance = self.appearance(self.normalise["appearance"](inputs[StreamName.APPEARANCE]))
        motion = self.motion(self.normalise["motion"](inputs[StreamName.MOTION]))
        fused = self.fusion(torch.cat([appearance, motion], 1))
        return self.scores(self.dropout(fused.mean((2, 3))))  # type: ignore[no-any-return]


def _stream(channels: int, widths: Sequence[int]) -> nn.Sequential:
    """Return a 7 x 7 convolution and then pairs of 3 x 3; the first of each pair halves the map."""
    blocks = {"conv1": Block(channels, widths[0], 7, 2)}
    for number, (before, width) in enumerate(pairwise(widths), 2):
        blocks[f"conv{number}_1"] = Block(before, width, stride=2)
        blocks[f"conv{number}_2"] = Block(width, width)
    return nn.Sequential(OrderedDict(blocks))


@register(
    name="mocap_judge",
    title="The judge of the default network",
    summary="Another architecture for the same classes, trained independently: does it see in a stimulus what we say?",
    streams=two_stream_inputs(SIZE, FLOW_FIELDS, RGB_COVARIANCE, MOTION_BOUND),
    stimulus=Extent(frames=FLOW_FIELDS, height=SIZE, width=SIZE),
    classes=CLASSES,
)
def mocap_judge(classes: int) -> nn.Module:
    """Build the judge."""
    return Judge(classes, widths=(24, 48, 112, 192), fusion=160)
