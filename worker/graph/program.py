"""Run a network as far as one of its layers, on no more of its inputs than the wanted positions need.

What does not reach those positions is not computed: other streams, layers beyond, positions outside of their receptive
fields. For many runs, `optimized` folds batch normalisation into the convolution before it and casts weights once.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils import fuse_conv_bn_weights
from torch.utils._pytree import tree_map

from app.contract.network import StreamName
from worker.graph.bn_statistics import BATCH_NORM_OPERATORS, ChannelStatistics
from worker.graph.inputs import Inputs, as_map, at_least_float32
from worker.graph.operator_rules import RestrictedOperator, restrict
from worker.graph.recording import Node, Recording, Ref, aten
from worker.graph.windows import Window, bounding_window, crop, full_window

WEIGHTED_OPERATORS = (aten.convolution, aten.addmm, aten.mm, aten.bmm)  # faster in reduced precision


class Program:
    """A recorded network restricted to a window of its activation: `program(inputs)` computes that window.

    `inputs` are the windows `input_windows` of the network's inputs, for any batch size.
    """

    def __init__(
        self,
        recording: Recording,
        window: Window,
        input_windows: Mapping[StreamName, Window] | None = None,
        statistics: Mapping[int, ChannelStatistics] | None = None,
    ) -> None:
        """Restrict a recording to a window of its activation.

        `input_windows` are those that the inputs will be, where larger than needed. `statistics` are those of the
        nodes that `with_bn_divergence` compares, by node index.
        """
        self.nodes = recording.nodes
        self.target, self.window = recording.target, window
        shapes = [node.shape for node in self.nodes]
        windows: dict[int, Window] = {self.target: window}  # of each node's output that is needed
        steps: list[tuple[int, RestrictedOperator]] = []
        for index in range(len(self.nodes) - 1, -1, -1):
            if index not in windows or self.nodes[index].func is None:
                continue
            operator = restrict(self.nodes[index], windows[index], shapes)
            windows[index] = operator.output
            for source, needed in operator.inputs:
                windows[source] = bounding_window(windows.get(source, needed), needed)
            steps.insert(0, (index, operator))
        self.inputs = {name: index for name, index in recording.inputs.items() if index in windows}
        self.input_windows = {name: windows[index] for name, index in self.inputs.items()}
        windows |= {self.inputs[name]: wider for name, wider in (input_windows or {}).items() if name in self.inputs}
        self._windows, self._steps = windows, steps
        self._last_use = {source: index for index, operator in steps for source, _ in operator.inputs}
        self._statistics = {index: known for index, known in (statistics or {}).items() if index in windows}

    def __call__(self, inputs: Inputs) -> Tensor:
        """Return the wanted window of the activation, (B, C, T, H, W) in float32 or the weights' float64."""
        return self._run(inputs, {}, [])

    def with_bn_divergence(self, inputs: Inputs) -> tuple[Tensor, Tensor | None]:
        """Return the activation and the mean divergence of the features from their statistics, (B,) in nats.

        The divergence is None where no node has statistics.
        """
        divergences: list[Tensor] = []
        activation = self._run(inputs, self._statistics, divergences)
        return activation, torch.stack(divergences).mean(0) if divergences else None

    def _run(self, inputs: Inputs, statistics: Mapping[int, ChannelStatistics], divergences: list[Tensor]) -> Tensor:
        values = {index: inputs[name] for name, index in self.inputs.items()}
        for index, operator in self._steps:
            needed = [crop(values[source], self._windows[source], window) for source, window in operator.inputs]
            values[index] = operator.run(*needed)
            if index in statistics:
                divergences.append(statistics[index].divergence(values[index]))
            for source in {source for source, _ in operator.inputs if self._last_use[source] == index}:
                del values[source]
        return at_least_float32(as_map(crop(values[self.target], self._windows[self.target], self.window)))

    def crop(self, activation: Tensor) -> Tensor:
        """Return the wanted window of the whole activation, (B, C, T, H, W), as the program returns it."""
        return at_least_float32(as_map(crop(activation, full_window(activation.shape), self.window)))


def optimized(recording: Recording, dtype: torch.dtype) -> Recording:
    """Return the recording for many runs: batch normalisation folded, weights in that precision and with channels last.

    Operators between convolutions and matrix products follow their precision. Channels last took a tenth to a quarter
    off the time of VGG-16's convolutions, forward and back, in both precisions.
    """
    nodes = list(fold_batch_norm(recording))
    for index, node in enumerate(nodes):
        if node.func is not None and node.func.overloadpacket in WEIGHTED_OPERATORS:
            arguments = tree_map(lambda leaf: _cast_channels_last(leaf, dtype), dict(node.arguments))
            nodes[index] = replace(node, arguments=arguments)
    return replace(recording, nodes=tuple(nodes))


def _cast_channels_last(leaf: object, dtype: torch.dtype) -> object:
    if not isinstance(leaf, Tensor) or not leaf.is_floating_point():
        return leaf
    layout = {4: torch.channels_last, 5: torch.channels_last_3d}.get(leaf.ndim, torch.preserve_format)
    return leaf.detach().to(dtype, memory_format=layout)


def fold_batch_norm(recording: Recording) -> tuple[Node, ...]:
    """Return the nodes with each batch normalisation folded into its convolution, where nothing else uses that."""
    nodes = list(recording.nodes)
    uses = Counter(ref.node for node in nodes for ref in node.refs)
    for index, node in enumerate(nodes):
        if node.func is None or node.func.overloadpacket not in BATCH_NORM_OPERATORS or node.arguments.get("training"):
            continue
        source = node.arguments["input"]
        if not isinstance(source, Ref) or uses[source.node] > 1:
            continue
        if source.node in (recording.target, *recording.marks.values()):
            continue  # its own output is wanted
        before = nodes[source.node]
        if before.func is None or before.func.overloadpacket is not aten.convolution or before.arguments["transposed"]:
            continue
        if any(isinstance(before.arguments[name], Ref) for name in ("weight", "bias")):
            continue
        nodes[index] = replace(before, arguments={**before.arguments, **_fused_weights(before, node)})
    return tuple(nodes)


def _fused_weights(convolution: Node, batch_norm: Node) -> dict[str, Tensor]:
    a, b = convolution.arguments, batch_norm.arguments
    epsilon = b["eps"] if "eps" in b else b["epsilon"]

    def double(x: Tensor | None) -> Any:
        return None if x is None else x.detach().double()

    fused = fuse_conv_bn_weights(
        double(a["weight"]),
        double(a["bias"]),
        double(b["running_mean"]),
        double(b["running_var"]),
        epsilon,
        double(b["weight"]),
        double(b["bias"]),
    )
    return {name: x.detach().to(a["weight"].dtype) for name, x in zip(("weight", "bias"), fused, strict=True)}
