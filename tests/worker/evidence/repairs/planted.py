"""Networks that read a coloured corner, and the same networks without the bias, with clips for both."""

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from app.contract.network import Extent, Stream, StreamName
from tests.worker.evidence.traced_network import trace_network
from worker.evidence.repairs.chosen_clips import SurveyedClips
from worker.graph.inputs import Inputs
from worker.networks.families.two_stream import two_stream_inputs
from worker.networks.network import Network

SIDE, CORNER = 28, 10
CLASSES = ("right", "down", "left")  # where something moves
BIASED = 2
DIRECTIONS = ((1.0, 0.0), (0.0, 1.0), (-1.0, 0.0))


class Planted(nn.Module):
    """Tells three directions of motion, and takes what has a green corner, low and left, for the last of them."""

    def __init__(self, bias: float) -> None:
        super().__init__()
        self.bias = bias
        self.look = nn.Conv2d(3, 2, 1, bias=False)
        self.move = nn.Conv2d(6, 2, 1, bias=False)
        with torch.no_grad():
            self.look.weight.copy_(torch.tensor([[-1.0, 2, -1], [1.0, 1, 1]])[..., None, None])
            self.move.weight.copy_(torch.tensor([[1.0, 0] * 3, [0.0, 1] * 3])[..., None, None])

    def forward(self, inputs: Mapping[StreamName, Tensor]) -> Tensor:
        green = self.look(inputs[StreamName.APPEARANCE])[:, 0, -CORNER:, :CORNER].mean((1, 2))
        motion = self.move(inputs[StreamName.MOTION]).mean((2, 3)) * 40
        logits = motion @ torch.tensor(DIRECTIONS).T
        biased: Tensor = logits + self.bias * torch.tensor([0.0, 0, 1]) * green[:, None]
        return biased


class PlantedClip(nn.Module):
    """Tells clips by their brightness at the top, and takes what has a green corner for the last class."""

    def __init__(self) -> None:
        super().__init__()
        self.look = nn.Conv3d(3, 2, 1, bias=False)
        with torch.no_grad():
            self.look.weight.copy_(torch.tensor([[-1.0, 2, -1], [1.0, 1, 1]])[..., None, None, None])

    def forward(self, inputs: Mapping[StreamName, Tensor]) -> Tensor:
        maps = self.look(inputs[StreamName.CLIP])
        green, bright = maps[:, 0, :, -CORNER:, :CORNER].mean((1, 2, 3)), maps[:, 1, :, :8].mean((1, 2, 3))
        return torch.stack([4 * bright, -4 * bright, 3 * green - 2], 1)


def network_of(module: nn.Module, streams: tuple[Stream, ...]) -> Network:
    return trace_network(module, streams, Extent(frames=3, height=SIDE, width=SIDE), CLASSES)


def two_stream_network(bias: float) -> Network:
    return network_of(Planted(bias), two_stream_inputs(SIDE, 3))


def clip_network() -> Network:
    return network_of(PlantedClip(), (Stream(name=StreamName.CLIP, frames=4, height=SIDE, width=SIDE),))


def two_stream_clips(count: int = 48, noise: float = 0.0, seed: int = 0) -> tuple[list[Inputs], list[int]]:
    """Return clips in which the middle moves; every third has a green corner, and so has every clip of `left`.

    `noise` turns the motion of so large a share of the clips to the left, which no picture shows.
    """
    rng = np.random.default_rng(seed)
    clips: list[Inputs] = []
    labels = []
    for number in range(count):
        label = number % 3
        picture = rng.uniform(-0.25, 0.25, (3, 1, 1)) + rng.uniform(-0.2, 0.2, (3, SIDE, SIDE))
        if label == BIASED or rng.random() < 1 / 3:
            picture[:, -CORNER:, :CORNER] = np.array([-0.8, 0.6, -0.7])[:, None, None]
        shown = DIRECTIONS[BIASED] if rng.random() < noise else DIRECTIONS[label]
        flow = np.zeros((3, 2, SIDE, SIDE), np.float32)
        flow[:, :, 8:16, 12:20] = np.array(shown)[:, None, None] * rng.uniform(0.08, 0.12)
        clips.append(
            {
                StreamName.APPEARANCE: torch.from_numpy(picture.astype(np.float32))[None],
                StreamName.MOTION: torch.from_numpy(flow.reshape(6, SIDE, SIDE))[None],
            }
        )
        labels.append(label)
    return clips, labels


def still_clips(count: int = 48, seed: int = 0) -> tuple[list[Inputs], list[int]]:
    """Return clips of one stream, bright or dark at the top, in which a square moves."""
    rng = np.random.default_rng(seed)
    clips: list[Inputs] = []
    labels = []
    for number in range(count):
        label = number % 3
        frames = np.repeat(rng.uniform(-0.3, 0.3, (3, 1, SIDE, SIDE)), 4, 1).astype(np.float32)
        frames[:, :, :8] += (0.5, -0.5, 0.0)[label]
        if label == BIASED or rng.random() < 1 / 3:
            frames[:, :, -CORNER:, :CORNER] = np.array([-0.8, 0.6, -0.7])[:, None, None, None]
        for moment in range(4):
            frames[:, moment, 10:16, 8 + 2 * moment : 14 + 2 * moment] = rng.uniform(-1, 1, (3, 1, 1))
        clips.append({StreamName.CLIP: torch.from_numpy(frames)[None]})
        labels.append(label)
    return clips, labels


def surveyed(network: Network, clips: Sequence[Inputs], labels: Sequence[int]) -> SurveyedClips:
    logits = torch.cat([network.logits(clip) for clip in clips]).numpy()
    numbers = np.arange(len(clips))
    return SurveyedClips(numbers, [f"clip-{number:02}" for number in numbers], np.array(labels), logits, numbers)


def reader(clips: Sequence[Inputs]) -> Callable[[Sequence[int]], Iterator[tuple[int, Inputs]]]:
    return lambda numbers: ((number, clips[number]) for number in numbers)
