"""Tiny two-stream networks that put their streams together in a known way, and clips of one colour and one motion."""

from collections.abc import Callable, Mapping

import numpy as np
import torch
from torch import Tensor, nn

from app.contract.network import Extent, StreamName
from tests.worker.evidence.traced_network import trace_network
from worker.evidence.fusion_study import FusionStudy, study_fusion
from worker.evidence.resampling import GroupedClips
from worker.evidence.types import Floats, Labels
from worker.networks.families.two_stream import two_stream_inputs
from worker.networks.network import Network
from worker.networks.tap import Tap

SIDE, UNITS = 4, 6
STREAMS = two_stream_inputs(SIDE, 1)
Combine = Callable[[Tensor, Tensor], Tensor]


class Planted(nn.Module):
    """A stream each for colour and motion, (B, 6) values that `combine` puts together, a ReLU and two classes.

    The logits are plus and minus the first combined value.
    """

    def __init__(self, combine: Combine) -> None:
        super().__init__()
        self.combine = combine
        self.pictures = nn.ModuleDict({"convolution": nn.Conv2d(3, UNITS, 1, bias=False), "tap": Tap(rectified=False)})
        self.fields = nn.ModuleDict({"convolution": nn.Conv2d(2, UNITS, 1, bias=False), "tap": Tap(rectified=False)})
        self.meeting = nn.ModuleDict({"tap": Tap()})
        self.head = nn.Linear(2 * UNITS, 2, bias=False)
        with torch.no_grad():
            self.head.weight.zero_()
            self.head.weight[0, 0] = self.head.weight[1, UNITS] = 1

    def forward(self, inputs: Mapping[StreamName, Tensor]) -> Tensor:
        streams = []
        for part, name in ((self.pictures, StreamName.APPEARANCE), (self.fields, StreamName.MOTION)):
            streams.append(part["tap"](part["convolution"](inputs[name])).mean((2, 3)))
        combined = self.combine(*streams)
        met = torch.relu(self.meeting["tap"](torch.cat([combined, -combined], 1)))
        logits: Tensor = self.head(met)
        return logits


class LateFusion(nn.Module):
    """The sum of what each stream says by itself."""

    def __init__(self) -> None:
        super().__init__()
        self.pictures, self.fields = nn.Conv2d(3, 2, 1), nn.Conv2d(2, 2, 1)

    def forward(self, inputs: Mapping[StreamName, Tensor]) -> Tensor:
        pictures, fields = self.pictures(inputs[StreamName.APPEARANCE]), self.fields(inputs[StreamName.MOTION])
        return torch.relu(pictures).mean((2, 3)) + torch.relu(fields).mean((2, 3))


def make_network(module: nn.Module) -> Network:
    return trace_network(module, STREAMS, Extent(frames=1, height=SIDE, width=SIDE))


def make_clips(count: int, seed: int = 0) -> list[dict[StreamName, Tensor]]:
    """Return clips of random colours with random motion; colour and motion are independent."""
    generator = torch.Generator().manual_seed(seed)
    return [
        {
            StreamName.APPEARANCE: torch.randn(1, 3, 1, 1, generator=generator).expand(1, 3, SIDE, SIDE).clone(),
            StreamName.MOTION: torch.randn(1, 2, 1, 1, generator=generator).expand(1, 2, SIDE, SIDE).clone(),
        }
        for _ in range(count)
    ]


def study(
    network: Network,
    count: int = 48,
    labels: Labels | None = None,
    groups: Labels | None = None,
    control: Network | None = None,
) -> FusionStudy:
    """Study a network on planted clips; without `labels` the clips have the classes that it predicts."""
    clips = make_clips(count)
    logits: dict[int, Floats] = {number: network.logits(clip)[0].numpy() for number, clip in enumerate(clips)}
    predicted = np.array([logits[number].argmax() for number in range(count)], np.int64)
    chosen = GroupedClips(
        predicted if labels is None else labels, np.arange(count, dtype=np.int64) if groups is None else groups
    )
    names = [f"clip {number}" for number in range(count)]
    return study_fusion(
        network,
        control,
        lambda numbers: ((number, clips[number]) for number in numbers),
        list(range(count)),
        names,
        chosen,
        logits,
    )
