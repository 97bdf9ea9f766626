"""The classes that a network assigns to clips."""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from worker.devices import device_of
from worker.graph.inputs import Inputs, on_device
from worker.networks.network import Network
from worker.networks.preprocessing import clips_per_batch, join_clips, make_inputs, read_frames


def predict(network: Network, clip: Path, count: int = 5) -> list[tuple[str, float]]:
    """Return the `count` most probable classes of a video's middle, each with its softmax probability.

    Raises NoClasses for an encoder.
    """
    network.card.require_classes()
    probabilities = network.logits(clip_inputs(network, clip)).softmax(-1)[0]
    top = probabilities.topk(min(count, len(network.card.classes)))
    return [
        (network.card.classes[index], probability)
        for index, probability in zip(top.indices.tolist(), top.values.tolist(), strict=True)
    ]


def clip_inputs(network: Network, clip: Path) -> Inputs:
    """Read the middle of a video as the inputs (1, ...) of the network's streams, on its device. Raises VideoError."""
    device = device_of(network.module)
    return on_device(make_inputs(network.card, read_frames(network.card, clip)), device)


def batched_logits(network: Network, clips: Sequence[Inputs]) -> Tensor:
    """Return the logits (N, classes) of N clips, (1, ...) each, on the CPU; computed in batches that memory holds."""
    device, size = device_of(network.module), clips_per_batch(network.card)
    batches = (join_clips(clips[start : start + size]) for start in range(0, len(clips), size))
    return torch.cat([network.logits(on_device(batch, device)).cpu() for batch in batches])
