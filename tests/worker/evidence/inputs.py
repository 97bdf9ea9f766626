"""Random inputs for the tests of this folder."""

import torch

from app.contract.network import StreamName
from worker.networks.network import Network


def random_inputs(network: Network, clips: int = 3, seed: int = 0) -> dict[StreamName, torch.Tensor]:
    torch.manual_seed(seed)
    inputs = {}
    for stream in network.card.streams:
        size = (stream.height, stream.width)
        channels = (stream.depth, stream.frames) if stream.name is StreamName.CLIP else (stream.depth * stream.frames,)
        inputs[stream.name] = torch.rand(clips, *channels, *size) * 2 - 1
    return inputs
