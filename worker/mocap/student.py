"""A network in training, with a head on each stream that tells how far that stream alone would come."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from app.contract.network import StreamName
from worker.mocap.batches import Inputs
from worker.networks.registry import Family
from worker.networks.tap import Tap
from worker.networks.trace import trace

MAP = 4  # positions a side that a head sees
HIDDEN = 128
FUSED = "fused"
LATE = "late"  # the two heads' votes together, which no fused training can surpass without binding

Logits = dict[str, Tensor]


class Head(nn.Module):
    """The last map of a stream (B, C, H, W) -> logits: knows what is where, as the fused layers do."""

    def __init__(self, units: int, classes: int) -> None:
        super().__init__()
        self.hidden = nn.Linear(units * MAP * MAP, HIDDEN)
        self.scores = nn.Linear(HIDDEN, classes)

    def forward(self, activation: Tensor) -> Tensor:
        pooled = F.adaptive_max_pool2d(torch.relu(activation), MAP).flatten(1)
        hidden = F.dropout(torch.relu(self.hidden(pooled)), 0.5, self.training)
        return self.scores(hidden)  # type: ignore[no-any-return]


class Student(nn.Module):
    """The network proper is `network`; the heads are no part of it."""

    def __init__(self, family: Family, classes: int, *, normalised: bool = False) -> None:
        """`normalised`: with batch normalisation where the network has a convolution and none, until `fold`."""
        super().__init__()
        self.network = family.build(classes)
        layers, points = trace(self.network, family.streams)
        ends = {layer.stream: layer for layer in layers if layer.stream in tuple(StreamName)}
        self.paths: dict[str, str] = {stream: points[layer.name].path for stream, layer in ends.items()}
        self.heads = nn.ModuleDict({stream: Head(layer.units, classes) for stream, layer in ends.items()})
        if normalised:
            for convolution in _tapped(self.network):
                convolution.tap = nn.BatchNorm2d(convolution.out_channels)

    def fold(self) -> None:
        """Moves the normalisation into weights and biases: in eval mode, the same function without it."""
        for convolution in _tapped(self.network):
            if isinstance(convolution.tap, nn.BatchNorm2d):
                folded = fuse_conv_bn_eval(convolution.eval(), convolution.tap.eval())
                convolution.weight, convolution.bias = folded.weight, folded.bias
                convolution.tap = Tap()

    def forward(self, inputs: Inputs) -> Logits:
        """Logits (B, classes) as float: `fused`, and one for each stream's name."""
        with self._ends() as activations:
            logits = {FUSED: self.network(inputs).float()}
            for stream, head in self.heads.items():
                logits[stream] = head(activations[stream]).float()
        return logits

    @contextmanager
    def _ends(self) -> Iterator[dict[str, Tensor]]:
        """What the last layer of each stream gives while it is entered."""
        found: dict[str, Tensor] = {}

        def keep(stream: str) -> torch.utils.hooks.RemovableHandle:
            def hook(part: nn.Module, inputs: object, output: Tensor) -> None:
                found[stream] = output

            return self.network.get_submodule(self.paths[stream]).register_forward_hook(hook)

        handles = [keep(stream) for stream in self.paths]
        try:
            yield found
        finally:
            for handle in handles:
                handle.remove()


def _tapped(network: nn.Module) -> list[nn.Conv2d]:
    """The convolutions that a tap follows at once."""
    return [part for part in network.modules() if isinstance(part, nn.Conv2d) and hasattr(part, "tap")]


def with_late_fusion(logits: Logits) -> Logits:
    votes = [values.log_softmax(1) for stream, values in logits.items() if stream != FUSED]
    return {**logits, LATE: torch.stack(votes).sum(0)}


def initialise(module: nn.Module) -> None:
    """He et al. 2015 (arXiv 1502.01852): activations keep their size through many ReLUs. Scores start near zero."""
    for name, part in module.named_modules():
        if isinstance(part, nn.Conv2d | nn.Linear):
            if name.endswith("scores"):
                nn.init.normal_(part.weight, std=0.01)
            else:
                nn.init.kaiming_normal_(part.weight)
            if part.bias is not None:
                nn.init.zeros_(part.bias)
