"""The judge: a network of another family than those that stimuli are made for, trained on restyled clips alone.

Its convolutions are depthwise and large between pointwise ones, as in ConvNeXt (Liu et al. 2022, arXiv 2201.03545); the
streams are joined on a map of 14 x 14 and averaged at the end.
"""

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from app.contract.network import Extent, Stream, StreamName
from worker.networks.families.mocap_classes import CLASS_NAMES
from worker.networks.families.mocap_two_stream import FLOW_FIELDS, SIZE
from worker.networks.registry import Family, same_name
from worker.networks.tap import Tap
from worker.video.flow import FARNEBACK

WIDTHS = (32, 72, 144)  # channels on maps of 28 x 28, 14 x 14 and 7 x 7
FLOW_SCALE = 10.0  # a motion of 2 px a frame is 1
KERNEL = 5


class Mixer(nn.Module):
    """A residual block: a depthwise convolution over space, then two pointwise ones over channels."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.spatial = nn.Conv2d(width, width, KERNEL, padding=KERNEL // 2, groups=width, bias=False)
        self.norm = nn.BatchNorm2d(width)
        self.expand = nn.Conv2d(width, 3 * width, 1)
        self.reduce = nn.Conv2d(3 * width, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        mixed = self.norm(self.spatial(x))
        return x + self.reduce(F.gelu(self.expand(mixed)))  # type: ignore[no-any-return]


def _halve(inputs: int, units: int) -> nn.Sequential:
    return nn.Sequential(nn.BatchNorm2d(inputs), nn.Conv2d(inputs, units, 2, 2))


def _stream(channels: int) -> nn.Sequential:
    """Return the layers from the input to a map of 14 x 14."""
    first, second, _ = WIDTHS
    stem = nn.Sequential(nn.Conv2d(channels, first, 8, 4, padding=2, bias=False), nn.BatchNorm2d(first))
    return nn.Sequential(stem, Mixer(first), Mixer(first), _halve(first, second), Mixer(second), Tap(rectified=False))


class LegibilityJudge(nn.Module):
    """A network that maps inputs[appearance] (B, 3, H, W) and inputs[motion] (B, 20, H, W) to logits (B, classes)."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        _, second, third = WIDTHS
        self.appearance, self.motion = _stream(3), _stream(2 * FLOW_FIELDS)
        self.fusion = nn.Sequential(
            nn.Conv2d(2 * second, second, 1),
            Mixer(second),
            Mixer(second),
            _halve(second, third),
            Mixer(third),
            Mixer(third),
            nn.BatchNorm2d(third),
        )
        self.dropout = nn.Dropout(0.3)
        self.scores = nn.Linear(third, classes)

    def maps(self, inputs: Mapping[StreamName, Tensor]) -> dict[StreamName, Tensor]:
        """Return the last map of each stream, (B, C, 14, 14)."""
        return {
            StreamName.APPEARANCE: self.appearance(inputs[StreamName.APPEARANCE] * 2),
            StreamName.MOTION: self.motion(inputs[StreamName.MOTION] * FLOW_SCALE),
        }

    def features(self, maps: Mapping[StreamName, Tensor]) -> Tensor:
        """Return the penultimate features (B, F) of the streams' maps."""
        joined = torch.cat([maps[StreamName.APPEARANCE], maps[StreamName.MOTION]], 1)
        return F.gelu(self.fusion(joined)).mean((2, 3))

    def forward(self, inputs: Mapping[StreamName, Tensor]) -> Tensor:
        return self.scores(self.dropout(self.features(self.maps(inputs))))  # type: ignore[no-any-return]


JUDGE = Family(
    name="legibility_judge",
    title="The judge of legibility",
    summary="Depthwise and pointwise convolutions, trained on restyled clips.",
    build=LegibilityJudge,
    streams=(
        Stream(name=StreamName.APPEARANCE, frames=1, height=SIZE, width=SIZE),
        Stream(name=StreamName.MOTION, frames=FLOW_FIELDS, height=SIZE, width=SIZE),
    ),
    stimulus=Extent(frames=FLOW_FIELDS, height=SIZE, width=SIZE),
    labels=CLASS_NAMES,
    sentences=(),
    rename=same_name,
    short_side=None,
    flow=FARNEBACK,
)


@torch.inference_mode()
def classify(judge: LegibilityJudge, inputs: Mapping[StreamName, Tensor]) -> tuple[Tensor, Tensor]:
    """Return the classes (N,) that the judge names, and its penultimate features (N, F)."""
    features = judge.features(judge.maps(inputs))
    return judge.scores(features).argmax(1), features


@torch.inference_mode()
def classify_stream(
    judge: LegibilityJudge, inputs: Mapping[StreamName, Tensor], shown: StreamName, neutral: Mapping[StreamName, Tensor]
) -> Tensor:
    """Return the classes (N,) that the judge names by one stream of N clips, whatever the other one is.

    The other stream is that of each of the M neutral clips in turn, and log-probabilities are averaged over them. With
    one neutral clip of every class, that stream is real and says nothing of the class.
    """
    maps, others = judge.maps(inputs), judge.maps(neutral)
    total = torch.zeros(len(maps[shown]), judge.scores.out_features)
    for number in range(len(others[shown])):
        pair = {name: other[number : number + 1].expand_as(maps[name]) for name, other in others.items()}
        total += judge.scores(judge.features(pair | {shown: maps[shown]})).log_softmax(1)
    return total.argmax(1)
