"""Find the layers of a network by running it once: names, unit counts, map sizes, receptive fields, signs."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.func import functional_call

from app.contract.errors import InvalidRequest
from app.contract.network import CLASS_LAYER, Extent, Layer, OmittedModule, Stream, StreamName
from worker.graph.constants import Literals
from worker.graph.inputs import Inputs, as_map
from worker.graph.nonnegative import NonnegativeMode
from worker.graph.receptive_field import ReceptiveFieldMode
from worker.graph.tracked import ReceptiveField
from worker.networks.inserted_maps import insert_map
from worker.networks.layer_recorder import TRACE_BATCH, LayerRecorder
from worker.networks.network import Point
from worker.networks.omitted import find_omitted


@dataclass(frozen=True)
class TracedNetwork:
    """What one run of a network has found."""

    layers: tuple[Layer, ...]  # in execution order, the last one `class`
    points: dict[str, Point]  # where the activation of each layer is read
    omitted: tuple[OmittedModule, ...]  # modules that may be layers and are none


def trace(
    module: nn.Module, streams: Sequence[Stream], *, has_classes: bool = True
) -> tuple[tuple[Layer, ...], dict[str, Point]]:
    """Return the layers and where they are read; see `trace_network`."""
    traced = trace_network(module, streams, has_classes=has_classes)
    return traced.layers, traced.points


def trace_network(
    module: nn.Module, streams: Sequence[Stream], known: Collection[str] = (), *, has_classes: bool = True
) -> TracedNetwork:
    """Run the module once and return its layers, where each is read, and which modules are none.

    If the module contains taps, these are its layers; otherwise every convolution and linear layer is one, read after
    the batch normalisation that follows it, and every map that a submodule returns which joins others: the sum of a
    residual block, the concatenation of branches. The class layer is the output of the module itself. A module
    without classes (`has_classes`) has no class layer, and what it returns does not matter. `known` are names of
    layers that an earlier trace has found.

    The module is changed where layers could not be read otherwise: a layer whose frames are folded into the batch, or
    that a block returns after a ReLU, passes a map from then on (see inserted_maps.py). A module that writes into its
    inputs (`x -= mean`) is given copies of them, because inputs are used for several passes.

    Raises InvalidRequest if the module does not run on inputs of these streams, or does not give logits (B, classes).
    """
    try:
        # only shapes: no arithmetic, no memory
        return _trace(module, streams, torch.device("meta"), frozenset(known), has_classes)
    except InvalidRequest:
        raise
    except Exception:  # code that depends on values cannot run on the meta device
        try:
            return _trace(module, streams, None, frozenset(known), has_classes)
        except Exception as error:
            raise InvalidRequest(
                f"The network cannot run on inputs of the sizes that its family states: {type(error).__name__}: {error}"
            ) from error


def _trace(
    module: nn.Module,
    streams: Sequence[Stream],
    device: torch.device | None,
    known: frozenset[str],
    has_classes: bool,
) -> TracedNetwork:
    tensors = {**dict(module.named_parameters()), **dict(module.named_buffers())}
    if device is None:
        device = next((tensor.device for tensor in tensors.values()), torch.device("cpu"))
    else:
        tensors = {name: tensor.to(device) for name, tensor in tensors.items()}
    inputs = zero_inputs(streams, TRACE_BATCH, device)
    versions = {name: tensor._version for name, tensor in inputs.items()}
    constants = {
        tensors[name]: buffer
        for name, buffer in module.named_buffers()
        if not buffer.is_floating_point() and buffer.device.type != "meta"
    }
    mode, nonnegative = ReceptiveFieldMode(inputs, constants), NonnegativeMode()
    recorder = LayerRecorder(module, mode)
    with torch.no_grad(), device, Literals(mode.constants), recorder, mode, nonnegative:
        output = functional_call(module, tensors, (inputs,))
    if any(tensor._version != versions[name] for name, tensor in inputs.items()):
        module.register_forward_pre_hook(_copy_inputs, prepend=True)
    logits = _logits(output) if has_classes else None
    layers: list[Layer] = []
    points: dict[str, Point] = {}
    found = recorder.layers(None if logits is None else logits.shape[1], known)
    names = Counter(layer.name for layer in found)
    for layer in found:
        rectified = layer.tap_rectified
        if rectified is None:
            rectified = layer.relu is not None or mode.rectified(layer.output, layer.version)
        name = layer.name if names[layer.name] == 1 else layer.path  # of several taps in one module
        path = layer.path
        if layer.clips_first is not None or layer.relu is not None:
            path = insert_map(module, layer.path, layer.clips_first, layer.relu)
        points[name] = Point(path, rectified)
        signed = not rectified and not nonnegative.is_nonnegative(layer.output, layer.version)
        shape = layer.map_shape or layer.shape
        layers.append(_make_layer(len(layers), name, shape, layer.field, streams, signed=signed))
    if logits is not None:
        points[CLASS_LAYER] = Point("", rectified=False)
        whole_field = {stream.name: mode.whole_inputs[stream.name] for stream in streams}
        layers.append(_make_layer(len(layers), CLASS_LAYER, logits.shape, whole_field, streams, signed=False))
    if not layers:
        raise InvalidRequest("The network has no layer that is a map of its input: there is nothing to show.")
    return TracedNetwork(tuple(layers), points, find_omitted(module, recorder, {layer.path for layer in found}))


def _logits(output: object) -> Tensor:
    """Return the output of a classifier. Raises InvalidRequest where it is not (B, classes)."""
    if isinstance(output, Tensor) and output.ndim == 2 and len(output) == TRACE_BATCH:
        return output
    shape = tuple(output.shape) if isinstance(output, Tensor) else type(output).__name__
    raise InvalidRequest(f"The network must give logits of shape (batch, classes), but gives {shape}.")


def _copy_inputs(module: nn.Module, arguments: tuple[Inputs]) -> tuple[Inputs]:
    return ({name: tensor.clone() for name, tensor in arguments[0].items()},)


def zero_inputs(streams: Sequence[Stream], batch: int, device: torch.device) -> Inputs:
    """Return zeros in the shapes of a network's inputs, by stream."""

    def shape(stream: Stream) -> tuple[int, ...]:
        size = (stream.height, stream.width)
        if stream.name is StreamName.CLIP:
            return (batch, stream.depth, stream.frames, *size)
        return (batch, stream.depth * stream.frames, *size)

    return {stream.name: torch.zeros(shape(stream), device=device) for stream in streams}


def _make_layer(
    index: int, name: str, shape: torch.Size, field: ReceptiveField, streams: Sequence[Stream], *, signed: bool
) -> Layer:
    kind: Literal["appearance", "motion", "clip", "fusion"]
    kind = "fusion" if len(field) > 1 else next(iter(field)).value
    _, units, *size = as_map(torch.empty(shape, device="meta")).shape
    largest = [0, 0, 0]  # frames, height, width
    for stream in streams:
        if stream.name in field:
            whole = (stream.frames, stream.height, stream.width)
            sizes = (min(span.size, side) for span, side in zip(field[stream.name], whole, strict=True))
            largest = [max(a, b) for a, b in zip(largest, sizes, strict=True)]
    return Layer(
        index=index,
        name=name,
        stream=kind,
        units=units,
        map=Extent(frames=size[0], height=size[1], width=size[2]),
        receptive_field=Extent(frames=largest[0], height=largest[1], width=largest[2]),
        signed=signed,
    )
