"""What a network takes a clip for."""

from pathlib import Path

from worker.devices import device_of
from worker.graph.inputs import Inputs, on_device
from worker.networks.network import Network
from worker.networks.preprocessing import make_inputs, read_frames


def predict(network: Network, clip: Path, count: int = 5) -> list[tuple[str, float]]:
    """The most probable classes of a video's centre, with their softmax share."""
    probabilities = network.logits(clip_inputs(network, clip)).softmax(-1)[0]
    top = probabilities.topk(min(count, len(network.card.classes)))
    return [
        (network.card.classes[index], probability)
        for index, probability in zip(top.indices.tolist(), top.values.tolist(), strict=True)
    ]


def clip_inputs(network: Network, clip: Path) -> Inputs:
    """The centre of a video on the network's device, for every stream that it sees."""
    device = device_of(network.module)
    return on_device(make_inputs(network.card, read_frames(network.card, clip)), device)
