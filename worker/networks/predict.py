"""What a network takes a clip for."""

from pathlib import Path

import torch

from app.contract.catalog import StreamName
from app.contract.errors import InvalidRequest
from worker.networks.network import Inputs, Network
from worker.video.decode import read_clip


def predict(network: Network, clip: Path, count: int = 5) -> list[tuple[str, float]]:
    """The most probable classes of a video's centre, with their softmax share."""
    probabilities = network.logits(clip_inputs(network, clip)).softmax(-1)[0]
    top = probabilities.topk(min(count, len(network.card.classes)))
    return [
        (network.card.classes[index], probability)
        for index, probability in zip(top.indices.tolist(), top.values.tolist(), strict=True)
    ]


def clip_inputs(network: Network, clip: Path) -> Inputs:
    """The centre of a video as the one input of a clip network, (1, 3, T, H, W) in [-1, 1], 25 frames a second.

    The short side is scaled to 8/7 of the input before the central crop, as in I3D's own evaluation (256 to 224).
    """
    names = [stream.name for stream in network.card.streams]
    if names != [StreamName.CLIP]:
        raise InvalidRequest(
            f"{network.card.slug} sees {' and '.join(names)}; whole videos can be given to clip networks alone so far."
        )
    stream = network.card.streams[0]
    side = stream.height
    frames = read_clip(clip, frames=stream.frames, short_side=side * 8 // 7, crop=side)
    device = next(network.module.parameters()).device
    x = torch.from_numpy(frames).to(device).permute(3, 0, 1, 2)[None].float()
    return {StreamName.CLIP: x / 127.5 - 1}
