"""A network of four planted units: mean colour, motion, a product of both, and neither; and clips to show it."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from app.contract.network import Extent, Layer, NetworkCard, Stream, StreamName
from tests.support import two_stream_card
from worker.graph.inputs import Inputs
from worker.networks.network import Network, Point

SIDE, FRAMES = 24, 8
COLOUR, MOTION, PRODUCT, HASH = range(4)  # the units


class PlantedUnits(nn.Module):
    """Give the four units (B, 4) of a clip (B, 3, T, H, W), or of appearance (B, 3, H, W) and motion (B, 2T, H, W)."""

    def forward(self, inputs: Mapping[StreamName, Tensor]) -> Tensor:
        if StreamName.CLIP in inputs:
            frames = inputs[StreamName.CLIP]
            changes = (frames[:, :, 1:] - frames[:, :, :-1]).square().mean((1, 2, 3, 4))
            motion = changes / frames.var(2).mean((1, 2, 3)).clamp_min(1e-6)  # the same in any look that stays
        else:
            frames = inputs[StreamName.APPEARANCE][:, :, None]
            motion = inputs[StreamName.MOTION].abs().mean((1, 2, 3))
        colour = frames[:, 0].mean((1, 2, 3)) + 1
        chaos = (frames.double().flatten(1).square().sum(1) + motion) * 79190.7
        values = [colour, motion, colour * motion.sqrt(), (chaos - chaos.floor()).float()]
        logits: Tensor = self.units(torch.stack(values, 1))
        return logits

    def __init__(self) -> None:
        super().__init__()
        self.units = nn.Identity()


def planted_network(*streams: StreamName) -> Network:
    """Return a network of the planted units, whose inputs are these streams."""
    size = Extent(frames=1, height=1, width=1)
    layers = (Layer(index=0, name="units", stream="fusion", units=4, map=size, receptive_field=size),)
    frames = {StreamName.CLIP: FRAMES, StreamName.MOTION: FRAMES, StreamName.APPEARANCE: 1}
    card = two_stream_card().model_copy(
        update={
            "layers": layers,
            "classes": (),
            "streams": tuple(Stream(name=name, frames=frames[name], height=SIDE, width=SIDE) for name in streams),
        }
    )
    return Network(NetworkCard(**dict(card)), PlantedUnits().eval(), {"units": Point("units", rectified=False)})


def moving_square(number: int) -> Tensor:
    """Return a clip (1, 3, T, H, W): a striped square of random colours moves to the right before a random colour."""
    generator = np.random.default_rng((17, number))
    back, front = generator.uniform(-0.8, 0.8, (2, 3, 1, 1))
    speed = generator.uniform(0, 1.2)
    pixels = np.tile(back[:, None], (1, FRAMES, SIDE, SIDE)).astype(np.float32)
    across = np.arange(SIDE)
    for time in range(FRAMES):
        within = across - 3 - speed * time
        cover = np.clip(np.minimum(within + 1, 10 - within), 0, 1) * (0.5 + 0.5 * np.sin(within * np.pi / 2))
        share = (cover * ((across >= 5) & (across < 17))[:, None]).astype(np.float32)
        pixels[:, time] += (front - back).astype(np.float32) * share
    return torch.from_numpy(pixels)[None]


def clip_of(network: Network, number: int) -> dict[StreamName, Tensor]:
    """Return the inputs of a clip for the network's streams."""
    frames = moving_square(number)
    motion = torch.full((1, 2 * FRAMES, SIDE, SIDE), float(np.random.default_rng((5, number)).uniform(0, 1)))
    inputs = {StreamName.CLIP: frames, StreamName.APPEARANCE: frames[:, :, FRAMES // 2], StreamName.MOTION: motion}
    return {stream.name: inputs[stream.name] for stream in network.card.streams}


def read_planted(network: Network, numbers: Sequence[int]) -> Iterator[tuple[int, Inputs]]:
    """Yield the clips of these numbers."""
    for number in numbers:
        yield number, clip_of(network, number)
