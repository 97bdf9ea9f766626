"""The shipped default network, and its appearance stream as a plain module with the same weights."""

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.shipped_networks import load_shipped
from benchmarks.vgg import MEAN, STD
from worker.networks.families.two_stream import TwoStream
from worker.networks.network import Network

LAYERS = ("appearance.conv2_2", "appearance.conv3_3", "appearance.conv4_3", "appearance.conv5_3")


class Appearance(nn.Module):
    """The appearance stream as a plain module, each layer a submodule before its ReLU.

    Images (B, 3, H, W), normalised for ImageNet as the libraries hand them over, to the stream's last activation.
    """

    def __init__(self, network: TwoStream) -> None:
        super().__init__()
        normalise: Any = network.normalise["appearance"]
        # those that the weights were trained with, of values in [0, 1]
        self.mean = (normalise.mean.flatten() / 2 + 0.5).tolist()
        self.std = [0.5 / normalise.scale] * 3
        self.steps: list[str] = []
        for name, layer in network.appearance.items():
            if name in network.pooled:
                self.steps.append("pool")
            assert isinstance(layer, nn.Conv2d)
            sizes: Any = (layer.kernel_size, layer.stride, layer.padding)
            plain = nn.Conv2d(layer.in_channels, layer.out_channels, *sizes)
            plain.load_state_dict(layer.state_dict())
            self.add_module(name, plain)
            self.steps.append(name)
        imagenet, own = (torch.tensor(values).view(2, 3, 1, 1) for values in ((MEAN, STD), (self.mean, self.std)))
        self.scale: Tensor
        self.offset: Tensor
        self.register_buffer("scale", imagenet[1] / own[1])
        self.register_buffer("offset", (imagenet[0] - own[0]) / own[1])

    def forward(self, x: Tensor) -> Tensor:
        x = x * self.scale + self.offset  # from ImageNet's normalisation to its own
        for name in self.steps:
            if name == "pool":
                x = nn.functional.max_pool2d(x, 2, ceil_mode=True)  # libraries vary the size
            else:
                x = torch.relu(self.get_submodule(name)(x))
        return x


def make_default(precision: torch.dtype) -> Network:
    """Return the shipped default network, with gradients in that precision."""
    return replace(load_shipped("default"), precision=precision)
