"""The appearance stream of the shipped default network, with the same trained weights for everybody."""

from dataclasses import replace

import torch
from torch import Tensor, nn

from benchmarks.vgg import MEAN, STD
from worker.networks.families.two_stream import TwoStream
from worker.networks.load import describe_network, load_network
from worker.networks.network import Network
from worker.shipped.networks import WEIGHTS, find_shipped

LAYERS = ("appearance.conv2_2", "appearance.conv3_3", "appearance.conv4_3", "appearance.conv5_3")


class Appearance(nn.Module):
    """Images (B, 3, H, W), normalised for ImageNet as peers hand them over, to the stream's last layer. Every layer is
    a module, before its ReLU.
    """

    def __init__(self, network: TwoStream) -> None:
        super().__init__()
        normalise = network.normalise["appearance"]
        # of values in [0, 1], what the weights are used to
        self.mean = (normalise.mean.flatten() / 2 + 0.5).tolist()
        self.std = [0.5 / normalise.scale] * 3
        self.steps: list[str] = []
        for name, layer in network.appearance.items():
            if name in network.pooled:
                self.steps.append("pool")
            plain = nn.Conv2d(layer.in_channels, layer.out_channels, layer.kernel_size, layer.stride, layer.padding)
            plain.load_state_dict(layer.state_dict())
            self.add_module(name, plain)
            self.steps.append(name)
        given, wanted = (torch.tensor(values).view(2, 3, 1, 1) for values in ((MEAN, STD), (self.mean, self.std)))
        self.register_buffer("scale", given[1] / wanted[1])
        self.register_buffer("offset", (given[0] - wanted[0]) / wanted[1])

    def forward(self, x: Tensor) -> Tensor:
        x = x * self.scale + self.offset  # from the one normalisation to the other
        for name in self.steps:
            if name == "pool":
                x = nn.functional.max_pool2d(x, 2, ceil_mode=True)  # peers vary the size
            else:
                x = torch.relu(self.get_submodule(name)(x))
        return x


def make_default(precision: torch.dtype) -> Network:
    """The network itself."""
    shipped = find_shipped("default")
    weights = WEIGHTS / shipped.weights
    card = describe_network(family=shipped.family, weights=weights)
    return replace(load_network(card, weights.read_bytes()), precision=precision)
