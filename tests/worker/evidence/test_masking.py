"""How a class is recognised by foreground and background, on a network that looks at a known half of the picture."""

from collections.abc import Iterator, Mapping, Sequence

import pytest
import torch
from torch import Tensor, nn

from app.contract.network import Extent, Stream, StreamName
from tests.worker.evidence.traced_network import trace_network
from worker.evidence.foreground import clip_foreground
from worker.evidence.masking import (
    FOREGROUND_PX,
    MAX_CLIPS_PER_CLASS,
    block_mask,
    masked_classes,
    sample_clips,
)
from worker.graph.inputs import Inputs
from worker.networks.network import Network
from worker.networks.tap import Tap

SIZE = 56
APPEARANCE = Stream(name=StreamName.APPEARANCE, frames=1, height=SIZE, width=SIZE)
MOTION = Stream(name=StreamName.MOTION, frames=2, height=SIZE, width=SIZE)
CLIP = Stream(name=StreamName.CLIP, frames=4, height=SIZE, width=SIZE)


class Halves(nn.Module):
    """The first class is how bright the left half is, the second the right one; blind to motion."""

    def __init__(self) -> None:
        super().__init__()
        self.seen = nn.ModuleDict({"tap": Tap(rectified=False)})
        self.scores = nn.Linear(2, 2, bias=False)
        self.scores.weight.data = 8 * torch.eye(2)

    def forward(self, inputs: Mapping[StreamName, Tensor]) -> Tensor:
        picture = inputs.get(StreamName.APPEARANCE)
        if picture is None:
            picture = inputs[StreamName.CLIP].mean(2)
        halves = torch.stack([half.mean((1, 2, 3)) for half in picture.chunk(2, 3)], 1)
        logits: Tensor = self.scores(self.seen["tap"](halves))
        return logits


def network_of(*streams: Stream) -> Network:
    return trace_network(Halves(), streams, Extent(frames=1, height=SIZE, width=SIZE), ("left", "right"))


def picture(bright: slice) -> Tensor:
    image = torch.zeros(1, 3, SIZE, SIZE)
    image[..., bright] = 1
    return image


LEFT, RIGHT = slice(0, SIZE // 2), slice(SIZE // 2, SIZE)


def moved(px: float) -> Tensor:
    """Return flow that moves in the left half."""
    flow = torch.zeros(1, 4, SIZE, SIZE)
    flow[..., :24] = px / 20  # with its margin and its blocks all of the half
    return flow


CLIPS: dict[int, Inputs] = {
    0: {StreamName.APPEARANCE: picture(LEFT), StreamName.MOTION: moved(4)},
    1: {StreamName.APPEARANCE: picture(RIGHT), StreamName.MOTION: moved(4)},
    2: {StreamName.APPEARANCE: picture(RIGHT), StreamName.MOTION: moved(0)},
}


def read(numbers: Sequence[int]) -> Iterator[tuple[int, Inputs]]:
    for number in numbers:
        yield number, CLIPS[number]


def test_a_class_of_its_foreground_and_one_of_its_background() -> None:
    seen: list[tuple[int, int]] = []
    actual = masked_classes(
        network_of(APPEARANCE, MOTION),
        read,
        [0, 1, 1],
        {0: 0.9, 1: 0.9, 2: 0.9},
        lambda done, total: seen.append((done, total)),
    )
    left, right = actual
    assert (left.class_index, left.clips, left.unmasked) == (0, 1, 0.9)
    assert left.foreground > 0.9
    assert left.background == pytest.approx(0.5), "nothing of it is left"
    assert (right.class_index, right.clips) == (1, 1), "where nothing moves there is nothing to tell apart"
    assert right.background > 0.9
    assert right.foreground == pytest.approx(0.5)
    assert seen[-1] == (3, 3)


def test_the_foreground_of_a_clip_without_a_motion_stream() -> None:
    random = torch.Generator().manual_seed(0)
    smooth = nn.Upsample(scale_factor=4, mode="bilinear")
    still, mover = (smooth(torch.rand(1, 3, side, side, generator=random))[0] * 2 - 1 for side in (40, 10))
    clip = still[None, :, None].repeat(1, 1, 4, 1, 1)
    for moment in range(4):
        clip[0, :, moment, 60:100, 10 + 3 * moment : 50 + 3 * moment] = mover
    part = block_mask(clip_foreground({StreamName.CLIP: clip}, FOREGROUND_PX))[0, 0]
    assert part[6, 2] == 1
    assert part[:, 9:].sum() == 0


def test_a_few_clips_of_every_class() -> None:
    labels = [0] * 30 + [1] * 3
    recognised = dict.fromkeys([*range(25), 30, 32], 0.5)
    numbers = sample_clips(labels, recognised)
    assert [sum(labels[number] == label for number in numbers) for label in (0, 1)] == [MAX_CLIPS_PER_CLASS, 2]
    three = sample_clips(labels, recognised, max_clips=3)
    assert [sum(labels[number] == label for number in three) for label in (0, 1)] == [2, 1]
