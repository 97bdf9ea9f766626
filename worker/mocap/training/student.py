"""A network in training, with an auxiliary head on each stream that classifies by that stream alone."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from app.contract.network import StreamName
from worker.mocap.training.batches import Inputs
from worker.networks.registry import Family
from worker.networks.tap import Tap
from worker.networks.trace import trace

HEAD_MAP_SIDE = 4  # positions a side of the pooled map that a head sees
HEAD_HIDDEN_UNITS = 128
FUSED = "fused"
LATE = "late"  # the sum of the heads' log probabilities; only a network that binds the streams does better

Logits = dict[str, Tensor]


class Head(nn.Module):
    """A classifier of the last map of a stream: (B, C, H, W) -> logits (B, classes).

    Like the fused layers, it knows where in the picture a feature is.
    """

    def __init__(self, units: int, classes: int) -> None:
        super().__init__()
        self.hidden = nn.Linear(units * HEAD_MAP_SIDE * HEAD_MAP_SIDE, HEAD_HIDDEN_UNITS)
        self.scores = nn.Linear(HEAD_HIDDEN_UNITS, classes)

    def forward(self, activation: Tensor) -> Tensor:
        pooled = F.adaptive_max_pool2d(torch.relu(activation), HEAD_MAP_SIDE).flatten(1)
        hidden = F.dropout(torch.relu(self.hidden(pooled)), 0.5, self.training)
        return self.scores(hidden)  # type: ignore[no-any-return]


class Student(nn.Module):
    """A network (`network`) and the auxiliary heads that are trained with it (`heads`)."""

    def __init__(self, family: Family, classes: int, *, batch_norm: bool = False) -> None:
        """Build the network of a family, untrained.

        With `batch_norm`, every tapped convolution is followed by batch normalisation until `fold_batch_norm`.
        """
        super().__init__()
        self.network = family.build(classes)
        layers, points = trace(self.network, family.streams)
        ends = {layer.stream: layer for layer in layers if layer.stream in tuple(StreamName)}
        self.paths: dict[str, str] = {stream: points[layer.name].path for stream, layer in ends.items()}
        self.heads = nn.ModuleDict({stream: Head(layer.units, classes) for stream, layer in ends.items()})
        if batch_norm:
            for convolution in _tapped_convolutions(self.network):
                convolution.tap = nn.BatchNorm2d(convolution.out_channels)

    def fold_batch_norm(self) -> None:
        """Fold the batch normalisation into weights and biases, which keeps the function of the eval mode."""
        for convolution in _tapped_convolutions(self.network):
            if isinstance(convolution.tap, nn.BatchNorm2d):
                folded = fuse_conv_bn_eval(convolution.eval(), convolution.tap.eval())
                convolution.weight, convolution.bias = folded.weight, folded.bias
                convolution.tap = Tap()

    def forward(self, inputs: Inputs) -> Logits:
        """Return logits (B, classes) in float32: of the network as `fused`, and of each head by its stream."""
        with self._record_stream_ends() as activations:
            logits = {FUSED: self.network(inputs).float()}
            for stream, head in self.heads.items():
                logits[stream] = head(activations[stream]).float()
        return logits

    @contextmanager
    def _record_stream_ends(self) -> Iterator[dict[str, Tensor]]:
        """Record the output of each stream's last layer while the context is entered."""
        outputs: dict[str, Tensor] = {}

        def record(stream: str) -> torch.utils.hooks.RemovableHandle:
            def hook(part: nn.Module, inputs: object, output: Tensor) -> None:
                outputs[stream] = output

            return self.network.get_submodule(self.paths[stream]).register_forward_hook(hook)

        handles = [record(stream) for stream in self.paths]
        try:
            yield outputs
        finally:
            for handle in handles:
                handle.remove()


def _tapped_convolutions(network: nn.Module) -> list[nn.Conv2d]:
    """Return the convolutions that hold a tap."""
    return [part for part in network.modules() if isinstance(part, nn.Conv2d) and hasattr(part, "tap")]


def with_late_fusion(logits: Logits) -> Logits:
    """Add the late fusion of the streams to the logits: the sum of the heads' log probabilities."""
    votes = [values.log_softmax(1) for stream, values in logits.items() if stream != FUSED]
    return {**logits, LATE: torch.stack(votes).sum(0)}


def initialise_weights(module: nn.Module) -> None:
    """Initialise weights after He et al. 2015 (arXiv 1502.01852), so that activations keep their size through ReLUs.

    The last layer (`scores`) starts near zero.
    """
    for name, part in module.named_modules():
        if isinstance(part, nn.Conv2d | nn.Linear):
            if name.endswith("scores"):
                nn.init.normal_(part.weight, std=0.01)
            else:
                nn.init.kaiming_normal_(part.weight)
            if part.bias is not None:
                nn.init.zeros_(part.bias)
