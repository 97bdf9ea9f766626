"""A loaded network: its card, its frozen module, and where in the module each layer is."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from app.contract.network import NetworkCard
from worker.graph.forward_hook import probe
from worker.graph.inputs import Inputs, as_map


@dataclass(frozen=True)
class Point:
    """Where a layer's activation is read: the output of the submodule `path`, before a following ReLU."""

    path: str
    rectified: bool  # a ReLU follows


@dataclass(frozen=True)
class Network:
    card: NetworkCard
    module: nn.Module  # frozen, in eval mode; module(inputs) gives logits (B, classes)
    points: Mapping[str, Point]  # by layer name
    precision: torch.dtype = torch.float32  # of gradients; what is measured (without gradient) is always float32

    def activation(self, layer: str, inputs: Inputs) -> Tensor:
        """Activation a_l(x) before a following ReLU, (B, C, T, H, W); nothing beyond the layer is computed.

        Two-dimensional maps have T = 1, fully connected layers T = H = W = 1.
        """
        self.card.layer(layer)
        device = next(iter(inputs.values())).device.type
        reduced = torch.is_grad_enabled() and self.precision is not torch.float32
        with (
            probe(self.module, self.points[layer].path) as activation,
            torch.autocast(device, self.precision, enabled=reduced),
        ):
            return as_map(activation(inputs)).float()

    @torch.no_grad()
    def logits(self, inputs: Inputs) -> Tensor:
        """Class outputs (B, classes) before the softmax."""
        return self.module(inputs)  # type: ignore[no-any-return]
