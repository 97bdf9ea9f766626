"""One forward pass that reads every layer at once and reduces each unit at once: no map outlives its layer."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from app.contract.errors import NotFinite, WorkError
from worker.graph.inputs import Inputs, as_map
from worker.networks.network import Network


@dataclass(frozen=True)
class Reading:
    """What the C units of a layer did on B clips, after a following ReLU."""

    peak: Tensor  # (B, C): largest activation over positions
    place: Tensor  # (B, C, 3): centre of the peak's cell of the map, as shares of length, height and width
    trace: Tensor  # (B, C, T): largest activation over the positions of each moment


Readings = Mapping[str, Reading]  # by layer
Record = Callable[[Inputs], Readings]


class _Done(BaseException):
    """Ends a forward pass of which all has been read. Not an Exception, which a module might catch."""


def reduced(activation: Tensor, rectified: bool) -> Reading:
    """Of an activation as a module gives it. max(relu(x)) is relu(max(x)): the whole map is read once."""
    maps = as_map(activation)
    _, _, frames, height, width = maps.shape
    trace = maps.amax((3, 4))
    peak, moment = trace.max(2)
    at_peak = maps[:, :, 0] if frames == 1 else maps.gather(2, _everywhere(moment, height, width))[:, :, 0]
    cell = at_peak.flatten(2).argmax(2)
    shares = ((moment + 0.5) / frames, (cell // width + 0.5) / height, (cell % width + 0.5) / width)
    if rectified:
        peak, trace = peak.relu(), trace.relu()
    return Reading(peak, torch.stack(shares, 2), trace)


def _everywhere(moment: Tensor, height: int, width: int) -> Tensor:
    return moment[:, :, None, None, None].expand(-1, -1, 1, height, width)


@contextmanager
def recorder(network: Network, layers: Sequence[str] | None = None) -> Iterator[Record]:
    """Gives a function from inputs to the readings of the layers (all unless told otherwise), in their order.

    The pass stops once all is read, and computes in float32. Raises UnknownLayer, NotFinite naming the layer, and
    WorkError where a layer is never run. The hooks are given back also after a failure.
    """
    order = [layer.name for layer in network.card.layers]
    wanted = order if layers is None else sorted({network.card.layer(name).name for name in layers}, key=order.index)
    found: dict[str, Reading] = {}

    def hook(name: str, rectified: bool) -> Callable[[nn.Module, Any, Tensor], None]:
        def read(module: nn.Module, inputs: Any, output: Tensor) -> None:
            if name in found:
                return  # a module that is used again: its first use counts
            reading = found[name] = reduced(output, rectified)
            if not reading.peak.isfinite().all():
                raise NotFinite(
                    f"The layer {name} gives NaN or infinite activations. Check the network's weights, and the clip "
                    "that it was given."
                )
            if len(found) == len(wanted) and module is not network.module:
                raise _Done

        return read

    @torch.no_grad()
    def record(inputs: Inputs) -> Readings:
        found.clear()
        device = next(iter(inputs.values())).device.type
        try:
            with torch.autocast(device, enabled=False):
                network.module(inputs)
        except _Done:
            pass
        missing = [name for name in wanted if name not in found]
        if missing:
            raise WorkError(f"The network never runs {', '.join(missing)}: there is no activation to read.")
        return {name: found[name] for name in wanted}

    handles = []
    try:
        for name in wanted:
            point = network.points[name]
            part = network.module.get_submodule(point.path)
            handles.append(part.register_forward_hook(hook(name, point.rectified)))
        yield record
    finally:
        for handle in handles:
            handle.remove()
