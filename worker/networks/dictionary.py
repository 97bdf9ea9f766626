"""Dictionaries in a network: K directions in the activations of a layer, read and written as a layer of their own.

At each position the activation a (C,), after the ReLU where one follows the layer, has the code (K,)

    linear   code = E a + e
    relu     code = max(E a + e, 0)
    topk     the k largest values of max(E a + e, 0), the others 0
    nnls     the code >= 0 that minimizes |max(a, 0) - D^T code|^2, approached by `NNLS_STEPS` steps of FISTA

and the reconstruction D^T code + d. Where somebody changes the code by x, the layer's activation becomes a + D^T x;
where nobody does, the layer's output is passed on as the very same tensor, and where nobody reads the code, it is not
computed. So a network with dictionaries computes the same bits as without.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor, nn
from torch.nn import functional as F

from app.contract.errors import WeightsUnreadable
from worker.networks.network import Point
from worker.networks.stored_config import read_stored_config, store_with_config
from worker.networks.tap import Tap

NNLS_STEPS = 40  # docs/directions.md has the error that they leave

Encoder = Literal["linear", "relu", "topk", "nnls"]


@dataclass(frozen=True)
class Directions:
    """The numbers of a dictionary: E (K, C), e (K,), D (K, C), d (C,), and how the code follows from them."""

    encoder: Tensor
    encoder_bias: Tensor
    decoder: Tensor
    decoder_bias: Tensor
    kind: Encoder = "linear"
    active: int = 0  # k of topk

    @property
    def size(self) -> int:
        return len(self.encoder)

    def to_bytes(self) -> bytes:
        """Return the directions as a safetensors file."""
        copies = {name: tensor.float().clone() for name, tensor in self._tensors().items()}  # one may be another
        return store_with_config(copies, json.dumps({"kind": self.kind, "active": self.active}))

    @staticmethod
    def from_bytes(data: bytes) -> "Directions":
        """Return the directions in a file that `to_bytes` wrote. Raises WeightsUnreadable for any other."""
        try:
            state, config = safetensors.torch.load(data), json.loads(read_stored_config(data) or "{}")
            if config.get("kind") not in get_args(Encoder):
                raise KeyError("kind")
            return Directions(**state, kind=config["kind"], active=config["active"])
        except (SafetensorError, ValueError, KeyError, TypeError) as error:
            raise WeightsUnreadable(f"A stored dictionary is damaged ({error}): remove it and add it again.") from None

    def _tensors(self) -> dict[str, Tensor]:
        return {name: getattr(self, name) for name in ("encoder", "encoder_bias", "decoder", "decoder_bias")}


class DictionaryLayer(nn.Module):
    """A dictionary over the output of one submodule, with a tap where its code is read and may be replaced.

    `follows_relu` says whether the layer is read before a ReLU, which is then applied here before the code.
    """

    encoder: Tensor
    encoder_bias: Tensor
    decoder: Tensor
    decoder_bias: Tensor
    gram: Tensor  # D D^T of nnls
    step: Tensor  # 1 / the largest eigenvalue of D D^T

    def __init__(self, directions: Directions, *, follows_relu: bool) -> None:
        super().__init__()
        self.kind, self.active, self.follows_relu = directions.kind, directions.active, follows_relu
        self.rectified = directions.kind != "linear"
        self.tap = Tap(rectified=self.rectified)
        for name, tensor in directions._tensors().items():
            self.register_buffer(name, tensor.float())
        gram = directions.decoder.double() @ directions.decoder.double().T
        largest = torch.linalg.eigvalsh(gram)[-1].clamp_min(1e-12) if self.kind == "nnls" else gram.new_ones(())
        self.register_buffer("gram", gram.float() if self.kind == "nnls" else None)
        self.register_buffer("step", (1 / largest).float())

    def attach(self, module: nn.Module) -> None:
        """Read whatever the module outputs, and pass it on, with what is written into the code."""
        module.register_forward_hook(self._pass)

    def _pass(self, module: nn.Module, inputs: Any, output: Tensor) -> Tensor | None:
        if not self.tap._forward_hooks:
            return None  # nobody reads the code or writes into it
        activation = output.relu() if self.follows_relu else output
        code = self.encode(activation)
        written = self.tap(code)
        if written is code:
            return None
        if self.rectified:
            code, written = code.relu(), written.relu()
        change = mix_channels(written - code, self.decoder.T)
        changed = activation + change
        if self.follows_relu:  # what is below zero stays there where nothing is written
            changed = changed + (output - activation) * (change == 0)
        return changed

    def encode(self, activation: Tensor) -> Tensor:
        """Return the code before its ReLU, (B, K, ...), of activations (B, C, ...).

        A value that topk leaves out is what it lacks to the smallest one taken, so that its gradient says how to grow.
        """
        if self.kind == "nnls":
            return self._solve(activation.relu())
        code = mix_channels(activation, self.encoder, self.encoder_bias)
        if self.kind != "topk" or self.active >= code.shape[1]:
            return code
        smallest = code.topk(self.active, 1).values[:, -1:]
        return torch.where(code >= smallest, code, code - smallest)

    def decode(self, code: Tensor) -> Tensor:
        """Return the reconstruction (B, C, ...) of a code (B, K, ...) after its ReLU."""
        return mix_channels(code, self.decoder.T, self.decoder_bias)

    def _solve(self, target: Tensor) -> Tensor:
        """Return the last step of FISTA before its projection onto codes >= 0 (Beck and Teboulle, 2009)."""
        aim = mix_channels(target, self.decoder * self.step)
        descend = torch.eye(len(self.gram), device=self.gram.device) - self.gram * self.step
        code, ahead, momentum = torch.zeros_like(aim), aim, 1.0
        for _ in range(NNLS_STEPS):
            before, code = code, ahead.relu()
            following = (1 + (1 + 4 * momentum**2) ** 0.5) / 2
            searched = code + (momentum - 1) / following * (code - before)
            ahead, momentum = mix_channels(searched, descend) + aim, following
        return ahead


def mix_channels(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Return weight x + bias at each position: x (B, C, ...) and weight (K, C) to (B, K, ...).

    A convolution where there are positions, because a recorded network can run that on a part of them.
    """
    weight = weight.to(x.dtype)
    bias = None if bias is None else bias.to(x.dtype)
    if x.ndim == 2:
        return F.linear(x, weight, bias)
    convolve = {3: F.conv1d, 4: F.conv2d, 5: F.conv3d}[x.ndim]
    return convolve(x, weight.reshape(*weight.shape, *[1] * (x.ndim - 2)), bias)


class WithDictionaries(nn.Module):
    """A network whose layers are read by dictionaries.

    A wrapper, because a module may run all of its submodules one after the other.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network
        self.dictionaries = nn.ModuleList()

    def forward(self, inputs: Any) -> Any:
        return self.network(inputs)


def attach_dictionaries(
    module: nn.Module, points: Mapping[str, Point], dictionaries: Mapping[str, tuple[str, Directions]]
) -> tuple[nn.Module, dict[str, Point]]:
    """Return the network with dictionaries, given by layer as their base and directions, and all its points."""
    if not dictionaries:
        return module, dict(points)
    whole = WithDictionaries(module)
    found = {name: Point(f"network.{point.path}".rstrip("."), point.rectified) for name, point in points.items()}
    found = {name: Point("", point.rectified) if not points[name].path else point for name, point in found.items()}
    for name, (base, directions) in dictionaries.items():
        layer = DictionaryLayer(directions, follows_relu=points[base].rectified)
        layer.attach(module.get_submodule(points[base].path))
        found[name] = Point(f"dictionaries.{len(whole.dictionaries)}.tap", layer.rectified)
        whole.dictionaries.append(layer)
    return whole.eval().requires_grad_(False), found
