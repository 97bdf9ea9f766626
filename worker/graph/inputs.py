"""The inputs of a network by stream, and the layouts of their tensors and of activations."""

from collections.abc import Mapping

import torch
from torch import Tensor

from app.contract.network import StreamName

# Inputs by stream, in standard units (see app.contract.network.Stream):
#   appearance (B, 3, H, W) · motion (B, 2L, H, W) in the order u1 v1 u2 v2 ... · clip (B, 3, T, H, W)
Inputs = Mapping[StreamName, Tensor]


def on_device(inputs: Inputs, device: torch.device) -> Inputs:
    """Return the inputs with every tensor on that device."""
    return {name: values.to(device) for name, values in inputs.items()}


def as_input(name: StreamName, x: Tensor) -> Tensor:
    """Return values (B, D, T, H, W) in the layout that the stream has among a network's inputs."""
    if name is StreamName.APPEARANCE:
        return x[:, :, 0]
    return x.transpose(1, 2).flatten(1, 2) if name is StreamName.MOTION else x


def from_input(name: StreamName, x: Tensor) -> Tensor:
    """Return a stream's input in the layout (B, D, T, H, W): undo `as_input`."""
    if name is StreamName.APPEARANCE:
        return x[:, :, None]
    return x.reshape(len(x), -1, 2, *x.shape[2:]).transpose(1, 2) if name is StreamName.MOTION else x


def at_least_float32(x: Tensor) -> Tensor:
    """Return a tensor of reduced precision in float32, any other as it is."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


def as_map(activation: Tensor) -> Tensor:
    """Return an activation (B, C), (B, C, H, W) or (B, C, T, H, W) as (B, C, T, H, W); missing axes have size 1."""
    if activation.ndim == 2:
        return activation[:, :, None, None, None]
    if activation.ndim == 4:
        return activation[:, :, None]
    return activation
