"""Swapping streams at their last layers gives the same as swapping their inputs, with fewer passes."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from app.contract.network import Extent, StreamName
from tests.worker.evidence.inputs import random_inputs
from tests.worker.evidence.traced_network import trace_network
from worker.evidence.stream_swaps import StreamSwapper
from worker.evidence.synergy import with_motion_of
from worker.graph.inputs import Inputs
from worker.networks.families.two_stream import two_stream_inputs
from worker.networks.network import Network
from worker.networks.tap import Tap


def three_clips(network: Network) -> list[Inputs]:
    several = random_inputs(network)
    return [{name: x[number : number + 1] for name, x in several.items()} for number in range(3)]


def swapped_logits(swapper: StreamSwapper, clips: list[Inputs]) -> Tensor:
    motions = [swapper.read_motion(clips[1]), swapper.read_motion(clips[2])]
    logits, _ = swapper.swap(clips[0], motions)
    return logits


def logits_by_whole_passes(network: Network, clips: list[Inputs]) -> Tensor:
    return torch.cat([network.logits(with_motion_of(clips[0], other)) for other in clips[1:]])


def test_streams_are_computed_once_a_clip(tiny_two_stream: Network) -> None:
    clips = three_clips(tiny_two_stream)
    swapper = StreamSwapper(tiny_two_stream, *clips[:2])
    before = swapper.passes
    torch.testing.assert_close(swapped_logits(swapper, clips), logits_by_whole_passes(tiny_two_stream, clips))
    assert swapper.passes - before == 3
    many = [swapper.read_motion(clips[1])] * 40
    before = swapper.passes
    logits, own = swapper.swap(clips[0], many)
    assert (swapper.passes - before, len(logits)) == (1, 40)
    torch.testing.assert_close(own, swapper.read_motion(clips[0]))
    assert not any(part._forward_hooks for part in tiny_two_stream.module.modules())


class MeetingTwice(nn.Module):
    """Early motion also reaches the head past the last layers of the streams."""

    def __init__(self) -> None:
        super().__init__()
        self.pictures, self.motion = nn.Conv2d(3, 4, 3), nn.Conv2d(6, 4, 3)
        self.late = nn.ModuleDict({"tap": Tap()})
        self.head = nn.Linear(4, 2)

    def forward(self, inputs: Mapping[StreamName, Tensor]) -> Tensor:
        early = self.motion(inputs[StreamName.MOTION])
        late = self.late["tap"](early * 2)
        met = self.pictures(inputs[StreamName.APPEARANCE]) * late + early.mean((2, 3), keepdim=True)
        logits: Tensor = self.head(met.mean((2, 3)))
        return logits


def test_streams_that_meet_twice_take_whole_passes() -> None:
    torch.manual_seed(0)
    streams = two_stream_inputs(16, 3)
    network = trace_network(MeetingTwice(), streams, Extent(frames=3, height=16, width=16))
    clips = three_clips(network)
    swapper = StreamSwapper(network, *clips[:2])
    assert swapper.last_layers is None
    torch.testing.assert_close(swapped_logits(swapper, clips), logits_by_whole_passes(network, clips))
