"""A loaded network: its card, its frozen module, and where in the module each layer is read."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from app.contract.network import NetworkCard
from worker.graph.forward_hook import forward_to
from worker.graph.inputs import Inputs, as_map


@dataclass(frozen=True)
class Point:
    """Where a layer's activation is read: the output of the submodule at `path`, before a following ReLU."""

    path: str
    rectified: bool  # whether a ReLU follows


@dataclass(frozen=True)
class Network:
    """A loaded network. Layers are read by their names in the card; inputs are in standard units."""

    card: NetworkCard
    module: nn.Module  # frozen, in eval mode; module(inputs) gives logits (B, classes)
    points: Mapping[str, Point]  # by layer name
    precision: torch.dtype = torch.float32  # of gradients; what is measured (without gradient) is always float32

    def activation(self, layer: str, inputs: Inputs, *, precision: torch.dtype = torch.float32) -> Tensor:
        """Return the activation a_l(x) before a following ReLU, (B, C, T, H, W) in float32.

        Nothing beyond the layer is computed. Two-dimensional maps have T = 1, fully connected layers T = H = W = 1.
        `precision` below float32 computes under autocast.
        """
        self.card.layer(layer)
        device, is_reduced = next(iter(inputs.values())).device.type, precision is not torch.float32
        with (
            forward_to(self.module, self.points[layer].path) as activation,
            torch.autocast(device, precision, enabled=is_reduced),
        ):
            return as_map(activation(inputs)).float()

    @torch.no_grad()
    def logits(self, inputs: Inputs) -> Tensor:
        """Return the class outputs (B, classes) before the softmax."""
        return self.module(inputs)  # type: ignore[no-any-return]
