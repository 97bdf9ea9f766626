"""The control of a network: the same architecture with its weights shuffled, so that nothing learned is left.

Each tensor keeps its values and loses their order, so that activations keep their size better than with weights drawn
anew. Batch normalisations get the means and variances of the control itself. Where shuffling leaves no unit of a layer
live, nothing behind it would depend on the clip, and the control would meet no claim whatever: such a layer is shifted
until half of the clips move each of its units.
"""

import copy
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn

from worker.graph.forward_hook import observe_outputs
from worker.graph.inputs import Inputs, as_map
from worker.networks.layer_recorder import BATCH_NORMS
from worker.networks.network import Network

SEED = 0
CALIBRATION_CLIPS = 32  # of which batch normalisations take their statistics
MAX_KEPT_BYTES = 256_000_000  # of clips with which silent layers are shifted: all 32, or six of a large clip network


def shuffle_weights(network: Network, clips: Iterable[Inputs], seed: int = SEED) -> Network:
    """Return a copy of the network with every parameter's values in random order.

    `clips` are inputs on the network's device, with which its batch normalisations are calibrated.
    """
    module = copy.deepcopy(network.module)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in module.parameters():
            order = torch.randperm(parameter.numel(), generator=generator).to(parameter.device)
            parameter.copy_(parameter.flatten()[order].view_as(parameter))
    kept: list[Inputs] = []
    watched = _keep(clips, kept)

    def show() -> None:
        with torch.no_grad():
            for inputs in watched:
                module(inputs)

    calibrate_norms(module.modules(), show)
    deque(watched, maxlen=0)  # without normalisations nothing has asked for the clips yet
    control = replace(network, module=module)
    _shift_silent_layers(control, kept)
    return control


def _keep(clips: Iterable[Inputs], kept: list[Inputs]) -> Iterable[Inputs]:
    """Yield the clips, and add those to `kept` that fit in MAX_KEPT_BYTES."""
    size = 0
    for inputs in clips:
        size += sum(x.nbytes for x in inputs.values())
        if size <= MAX_KEPT_BYTES:
            kept.append(inputs)
        yield inputs


class Shift:
    """Adds a number to each unit of what a module outputs, as a hook."""

    def __init__(self, values: Tensor) -> None:
        self.values = values  # (U,)

    def add(self, module: nn.Module, inputs: object, output: Tensor) -> Tensor:
        """Return the output (B, U, ...) with the values added."""
        return output + self.values.to(output).view(1, -1, *[1] * (output.ndim - 2))


def remove_shifts(module: nn.Module) -> None:
    """Remove the shifts of a module's output, and leave its other hooks."""
    for handle, hook in list(module._forward_hooks.items()):
        if isinstance(getattr(hook, "__self__", None), Shift):
            del module._forward_hooks[handle]


def _shift_silent_layers(control: Network, clips: Sequence[Inputs]) -> None:
    """Shift each layer, followed by a ReLU, of which no clip makes a unit positive; the first comes first."""
    layers = [layer.name for layer in control.card.own_layers]
    paths = [control.points[name].path for name in layers if name in control.points and control.points[name].rectified]
    for _ in paths:
        peaks = _read_peaks(control.module, [path for path in paths if path], clips)
        silent = next((path for path in paths if path in peaks and bool((peaks[path] <= 0).all())), None)
        if silent is None:
            return
        control.module.get_submodule(silent).register_forward_hook(Shift(-peaks[silent].median(0).values).add)


def _read_peaks(module: nn.Module, paths: Sequence[str], clips: Sequence[Inputs]) -> dict[str, Tensor]:
    """Return the largest activations (n, U) of each submodule's units on each of the clips, (1, ...) by stream."""
    peaks: dict[str, list[Tensor]] = {}

    def observe(path: str, output: Tensor) -> None:
        peaks.setdefault(path, []).append(as_map(output).amax((2, 3, 4)))

    for inputs in clips:
        with torch.no_grad(), observe_outputs(module, paths, observe):  # which sees each submodule once
            module(inputs)
    return {path: torch.cat(found) for path, found in peaks.items()}


def _has_statistics(norm: nn.Module) -> bool:
    """Return whether a batch normalisation has running statistics that it was not made with."""
    mean, variance = norm.running_mean, norm.running_var
    return isinstance(mean, Tensor) and isinstance(variance, Tensor) and bool(mean.any() or (variance != 1).any())


def calibrate_norms(parts: Iterable[nn.Module], run: Callable[[], object]) -> None:
    """Set the running statistics of the batch normalisations among the parts to the averages over what `run` shows.

    Those that are as they were made (mean 0, variance 1) stay so: a network that was never trained differs from its
    control in nothing but the order of its weights.
    """
    norms = [part for part in parts if isinstance(part, BATCH_NORMS) and _has_statistics(part)]
    momenta = [part.momentum for part in norms]
    for part in norms:
        part.reset_running_stats()
        part.momentum = None  # an average over all batches
        part.train()
    if norms:
        run()
    for part, momentum in zip(norms, momenta, strict=True):
        part.eval()
        part.momentum = momentum
