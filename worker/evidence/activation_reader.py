"""Read the activations of every layer in one forward pass, keeping a few numbers for each unit and no maps."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from app.contract.errors import NotFinite, WorkError
from worker.evidence.stopwatch import current_stopwatch
from worker.graph.inputs import Inputs, as_map
from worker.networks.network import Network


@dataclass(frozen=True)
class LayerReading:
    """The responses of the C units of one layer to B clips, after a following ReLU; T is the length of its map."""

    peak: Tensor  # (B, C): largest activation over all positions
    position: Tensor  # (B, C, 3): centre of the map cell of the peak as (time, y, x), each in [0, 1]
    trace: Tensor  # (B, C, T): largest activation over y and x, frame by frame
    lowest: "LayerReading | None" = None  # the same of the lowest activations, for units of two signs
    sums: Tensor | None = None  # (B, 2, C) float64: sums of x and of x^2 over all positions, where they were wanted


Readings = Mapping[str, LayerReading]  # by layer
ActivationReader = Callable[[Inputs], Readings]


class _AllRead(BaseException):
    """Ends a forward pass once every wanted layer has been read.

    It is a BaseException because a module of the network might catch Exception.
    """


def reduce_map(activation: Tensor, rectified: bool, *, signed: bool = False) -> LayerReading:
    """Reduce the output of a module, (B, C), (B, C, H, W) or (B, C, T, H, W), to the peaks of its units.

    Where a ReLU follows (`rectified`) it is applied to the reduced values: max(relu(x)) = relu(max(x)), so the whole
    map is read only once. Units of two signs (`signed`) have their lowest activations as well.
    """
    maps = as_map(activation)
    reading = _reduce(maps, maps.amax((3, 4)), torch.max, torch.argmax)
    if rectified:
        return LayerReading(reading.peak.relu(), reading.position, reading.trace.relu())
    return replace(reading, lowest=_reduce(maps, maps.amin((3, 4)), torch.min, torch.argmin)) if signed else reading


def channel_sums(activation: Tensor) -> Tensor:
    """Return the sums of x and of x^2 over all positions of each channel of (B, C, ...): (B, 2, C) in float64."""
    maps = as_map(activation).flatten(2).double()
    return torch.stack([maps.sum(2), maps.square().sum(2)], 1)


def _reduce(
    maps: Tensor, trace: Tensor, extreme: Callable[..., Any], arg_extreme: Callable[..., Tensor]
) -> LayerReading:
    """Return the extreme activations of maps (B, C, T, H, W), whose extremes by frame are the trace (B, C, T)."""
    _, _, frames, height, width = maps.shape
    peak, frame = extreme(trace, 2)
    index = frame[:, :, None, None, None].expand(-1, -1, 1, height, width)
    peak_frame = maps[:, :, 0] if frames == 1 else maps.gather(2, index)[:, :, 0]
    cell = arg_extreme(peak_frame.flatten(2), 2)
    position = ((frame + 0.5) / frames, (cell // width + 0.5) / height, (cell % width + 0.5) / width)
    return LayerReading(peak, torch.stack(position, 2), trace)


@contextmanager
def read_activations(
    network: Network, layers: Sequence[str] | None = None, *, summed: Collection[str] = ()
) -> Iterator[ActivationReader]:
    """Yield a function that maps inputs to the readings of the layers, in the network's order.

    All layers are read unless `layers` names some; those that `summed` names have sums too. A forward pass stops after
    the last wanted layer, and runs in float32. The forward hooks are removed on exit, also after an error.

    Raises UnknownLayer for a name that the network does not have. The yielded function raises NotFinite, naming the
    layer, where a peak is NaN or infinite, and WorkError where the network never runs a wanted layer.
    """
    order = [layer.name for layer in network.card.layers]
    wanted = order if layers is None else sorted({network.card.layer(name).name for name in layers}, key=order.index)
    readings: dict[str, LayerReading] = {}

    def make_hook(name: str, rectified: bool, signed: bool) -> Callable[[nn.Module, Any, Tensor], None]:
        def hook(module: nn.Module, inputs: Any, output: Tensor) -> None:
            if name in readings:
                return  # only the first use of a module counts
            reading = reduce_map(output, rectified, signed=signed)
            if name in summed:
                reading = replace(reading, sums=channel_sums(output))
            readings[name] = reading
            if not reading.peak.isfinite().all():
                raise NotFinite(
                    f"The layer {name} gives NaN or infinite activations. Check the network's weights, and the clip "
                    "that it was given."
                )
            if len(readings) == len(wanted) and module is not network.module:
                raise _AllRead

        return hook

    @torch.no_grad()
    def read(inputs: Inputs) -> Readings:
        readings.clear()
        device = next(iter(inputs.values())).device.type
        try:
            with torch.autocast(device, enabled=False):
                network.module(inputs)
        except _AllRead:
            current_stopwatch().stop_pass()
        missing = [name for name in wanted if name not in readings]
        if missing:
            raise WorkError(f"The network never runs {', '.join(missing)}: there is no activation to read.")
        return {name: readings[name] for name in wanted}

    handles = []
    try:
        for name in wanted:
            point = network.points[name]
            submodule = network.module.get_submodule(point.path)
            handles.append(
                submodule.register_forward_hook(make_hook(name, point.rectified, network.card.layer(name).signed))
            )
        yield read
    finally:
        for handle in handles:
            handle.remove()
