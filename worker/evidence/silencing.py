"""Silence units by mean ablation: replace their maps by their means over the data set, and run what follows.

A unit is not set to zero but to its mean (a, after a ReLU, over clips and positions), so that what follows gets the
activation that it gets on average, and only loses what the unit says of this clip. Morcos et al. (2018, On the
importance of single directions for generalization) compare both.

Many sets of units are silenced in one pass. `torch.vmap` maps over the sets, and a tensor becomes one for each set
only behind the layer: all before it, and all beside it in a network of several streams or branches, runs once.
"""

import copy
import warnings
from collections.abc import Sequence
from contextlib import nullcontext
from functools import partial

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from app.contract.errors import NotFinite
from app.contract.network import NetworkCard
from worker.devices import device_of
from worker.evidence.output_hook import replace_output
from worker.evidence.separate_sums import SeparateSums, with_separate_sums
from worker.graph.forward_hook import forward_to_all
from worker.graph.inputs import Inputs, as_map
from worker.maximize.microbatches import is_out_of_memory
from worker.networks.network import Network
from worker.networks.trace import zero_inputs

MAX_COPIES_BYTES = 128_000_000  # of the layer's map in all copies; the layers after it take a few times as much


def silenceable_layers(card: NetworkCard) -> tuple[str, ...]:
    """Return the hidden layers of the network itself; none without classes, because nothing can be lost then."""
    return tuple(layer.name for layer in card.own_layers if not layer.is_class) if card.classes else ()


def copies_at_once(card: NetworkCard, layer: str, max_copies_bytes: int = MAX_COPIES_BYTES) -> int:
    """Return how many sets of a layer's units are silenced in one pass of one clip."""
    size = card.layer(layer)
    return max(1, max_copies_bytes // (4 * size.units * size.map.positions))


class MeanActivations:
    """The mean activations of the units of some layers over clips and positions, after a following ReLU."""

    def __init__(self, network: Network, layers: Sequence[str]) -> None:
        self.network, self.layers, self.clips = network, layers, 0
        self._sums: dict[str, Tensor] = {}  # (U,) by layer, over clips

    @torch.no_grad()
    def add(self, inputs: Inputs) -> None:
        """Add a batch of clips, (B, ...) by stream, on the network's device."""
        points = {name: self.network.points[name] for name in self.layers}
        with forward_to_all(self.network.module, [point.path for point in points.values()]) as outputs:
            reached = outputs(inputs)
        self.clips += len(next(iter(inputs.values())))
        for name, point in points.items():
            activation = as_map(reached[point.path]).double()
            summed = (activation.relu() if point.rectified else activation).mean((2, 3, 4)).sum(0)
            self._sums[name] = self._sums[name] + summed if name in self._sums else summed

    def means(self) -> dict[str, Tensor]:
        """Return the means (U,) by layer. Raises NotFinite for a layer that gives NaN."""
        means = {name: (summed / self.clips).float() for name, summed in self._sums.items()}
        for name, mean in means.items():
            if not mean.isfinite().all():
                raise NotFinite(f"The layer {name} gives NaN or infinite activations. Check the network's weights.")
        return means


def silenced_logits(
    network: Network,
    inputs: Inputs,
    layer: str,
    silenced: Tensor,
    means: Tensor,
    *,
    max_copies_bytes: int = MAX_COPIES_BYTES,
) -> Tensor:
    """Return the logits (n, B, classes) of B clips with each of n sets of a layer's units silenced.

    `silenced` (n, U) says which units each set has; one without units gives the logits of the network as it is.
    `means` (U,) are those of `MeanActivations`. The copies of the layer's map take at most `max_copies_bytes`, or one
    copy of the map of one clip. Raises NotFinite where a logit is NaN.
    """
    copies = copies_at_once(network.card, layer, max_copies_bytes)
    clips = len(next(iter(inputs.values())))
    fit = max(1, copies // len(silenced))  # clips with which all sets fit: else what is before the layer runs again
    if clips > fit:
        parts = [{name: x[first : first + fit] for name, x in inputs.items()} for first in range(0, clips, fit)]
        found = [
            silenced_logits(network, part, layer, silenced, means, max_copies_bytes=max_copies_bytes) for part in parts
        ]
        return torch.cat(found, 1)
    groups = torch.split(silenced, max(1, copies // clips))
    logits = torch.cat([_silence_group(network, inputs, layer, group, means) for group in groups])
    if not logits.isfinite().all():
        raise NotFinite(f"Silencing units of the layer {layer} gives NaN or infinite logits. Check the weights.")
    return logits


@torch.no_grad()
def _silence_group(network: Network, inputs: Inputs, layer: str, silenced: Tensor, means: Tensor) -> Tensor:
    """Return the logits (n, B, classes) on the CPU; with half as many sets at once where memory is full."""

    def silence() -> Tensor:
        return _silence_at_once(network, inputs, layer, silenced, means).float().cpu()

    for attempt in (silence, partial(with_separate_sums, network, inputs, silence)):
        try:
            return attempt()
        except RuntimeError as error:
            if is_out_of_memory(error):
                if len(silenced) == 1:
                    raise
                halves = torch.chunk(silenced, 2)
                return torch.cat([_silence_group(network, inputs, layer, half, means) for half in halves])
    # a network that cannot be mapped (it reads values, or writes into what is not copied) runs whole for each set
    return torch.stack([_silence_set(network, inputs, layer, units, means) for units in silenced]).float().cpu()


def _silence_at_once(network: Network, inputs: Inputs, layer: str, silenced: Tensor, means: Tensor) -> Tensor:
    with warnings.catch_warnings():  # operators without a batching rule run one set after the other, and say so
        warnings.filterwarnings("ignore", message=".*performance drop.*")
        logits: Tensor = torch.vmap(
            lambda units: _silence_set(network, inputs, layer, units, means), randomness="same"
        )(silenced)
        return logits


def _silence_set(network: Network, inputs: Inputs, layer: str, units: Tensor, means: Tensor) -> Tensor:
    """Return the logits (B, classes) with the units (U,) of one set silenced."""

    def replace(output: Tensor) -> Tensor:
        channels = (1, -1, *[1] * (output.ndim - 2))
        return torch.where(units.view(channels), means.view(channels).to(output.dtype), output)

    with replace_output(network.module, network.points[layer].path, replace):
        return network.module(inputs)  # type: ignore[no-any-return]


def count_tails(network: Network, layers: Sequence[str]) -> dict[str, float]:
    """Return what silencing one more set of a layer's units costs, as a share of a forward pass.

    Multiplications are counted, on tensors without values; where the network does not run on these, on zeros.
    """
    try:
        module = copy.deepcopy(network.module).to("meta")
        return _count_tails(Network(network.card, module, network.points), layers, torch.device("meta"))
    except (RuntimeError, NotImplementedError):
        return _count_tails(network, layers, device_of(network.module))


@torch.no_grad()
def _count_tails(network: Network, layers: Sequence[str], device: torch.device) -> dict[str, float]:
    inputs = zero_inputs(network.card.streams, 1, device)

    with FlopCounterMode(display=False) as counter:
        network.module(inputs)
    whole = int(counter.get_total_flops())

    def count(layer: str) -> int:
        units = network.card.layer(layer).units
        silenced = torch.zeros(2, units, dtype=torch.bool, device=device)
        for sums in (nullcontext(), SeparateSums()):
            try:
                with FlopCounterMode(display=False) as counter, sums:
                    _silence_at_once(network, inputs, layer, silenced, torch.zeros(units, device=device))
                return int(counter.get_total_flops())
            except RuntimeError as error:
                if is_out_of_memory(error):
                    raise
        return 2 * whole

    return {layer: min(1.0, max(0.0, count(layer) / max(1, whole) - 1)) for layer in layers}
