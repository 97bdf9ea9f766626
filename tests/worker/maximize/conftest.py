"""Tiny real networks, in every shape that the engine meets."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from app.contract.network import Extent, Layer, NetworkCard, Stream, StreamName
from worker.networks.network import Network, Point

SIZE, FRAMES = 24, 8


class Clip(nn.Module):
    """conv1 -> ReLU -> conv2 -> ReLU -> class."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv3d(3, 6, 3, padding=1)
        self.conv2 = nn.Conv3d(6, 6, 3, stride=2, padding=1)
        self.scores = nn.Linear(6, 5)

    def forward(self, inputs: Mapping[StreamName, Tensor]) -> Tensor:
        x = self.conv2(self.conv1(inputs[StreamName.CLIP]).relu()).relu()
        scores: Tensor = self.scores(x.mean((2, 3, 4)))
        return scores


class TwoStream(nn.Module):
    """One convolution a stream, one over both, class."""

    def __init__(self) -> None:
        super().__init__()
        self.appearance = nn.Conv2d(3, 4, 3, padding=1)
        self.motion = nn.Conv2d(2 * FRAMES, 4, 3, padding=1)
        self.fusion = nn.Conv2d(8, 6, 3, padding=1)
        self.scores = nn.Linear(6, 5)

    def forward(self, inputs: Mapping[StreamName, Tensor]) -> Tensor:
        appearance = self.appearance(inputs[StreamName.APPEARANCE]).relu()
        motion = self.motion(inputs[StreamName.MOTION]).relu()
        fused = self.fusion(torch.cat([appearance, motion], 1)).relu()
        scores: Tensor = self.scores(fused.mean((2, 3)))
        return scores


def make_network(
    module: nn.Module, streams: Sequence[Stream], layers: Sequence[tuple[str, str, str, int, int]], **card: Any
) -> Network:
    """Return a network; its layers are given by name, stream, submodule path, units, receptive field (side)."""
    size = max(stream.height for stream in streams)
    module = module.eval().requires_grad_(False)
    return Network(
        card=NetworkCard(
            slug="tiny",
            title="Tiny",
            family="tiny",
            checksum="0" * 64,
            streams=tuple(streams),
            layers=tuple(
                Layer(
                    index=index,
                    name=name,
                    stream=stream,
                    units=units,
                    map=Extent(frames=1, height=1, width=1),
                    receptive_field=Extent(frames=1, height=field, width=field),
                )
                for index, (name, stream, _, units, field) in enumerate(layers)
            ),
            classes=tuple(f"class {index}" for index in range(5)),
            parameters=0,
            stimulus=Extent(frames=card.get("frames", FRAMES), height=size, width=size),
        ),
        module=module,
        points={name: Point(path, rectified=name != "class") for name, _, path, _, _ in layers},
    )


def clip_stream(frames: int = FRAMES, size: int = SIZE) -> Stream:
    return Stream(name=StreamName.CLIP, frames=frames, height=size, width=size)


CLIP_LAYERS = [
    ("conv1", "clip", "conv1", 6, 3),
    ("conv2", "clip", "conv2", 6, 5),
    ("class", "clip", "scores", 5, SIZE),
]


@pytest.fixture
def clip_network() -> Network:
    torch.manual_seed(1)
    return make_network(Clip(), [clip_stream()], CLIP_LAYERS)


@pytest.fixture
def two_stream_network() -> Network:
    torch.manual_seed(2)
    streams = [
        Stream(name=StreamName.APPEARANCE, frames=1, height=SIZE, width=SIZE),
        Stream(name=StreamName.MOTION, frames=FRAMES, height=SIZE, width=SIZE, bound=0.3),
    ]
    layers = [
        ("appearance.conv1", "appearance", "appearance", 4, 3),
        ("motion.conv1", "motion", "motion", 4, 3),
        ("fusion.conv2", "fusion", "fusion", 6, 5),
        ("class", "fusion", "scores", 5, SIZE),
    ]
    return make_network(TwoStream(), streams, layers)


@pytest.fixture
def network_of() -> Callable[..., Network]:
    """Return a function that makes a clip network of any module whose submodule `conv1` has six units."""

    def build(module: nn.Module, units: int = 6, frames: int = FRAMES, size: int = SIZE) -> Network:
        return make_network(
            module, [clip_stream(frames, size)], [("conv1", "clip", "conv1", units, size)], frames=frames
        )

    return build
