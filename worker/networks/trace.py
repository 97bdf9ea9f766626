"""Find the layers of a network by running it once: names, unit counts, map sizes, receptive fields."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.func import functional_call

from app.contract.errors import InvalidRequest
from app.contract.network import CLASS_LAYER, Extent, Layer, Stream, StreamName
from worker.graph.inputs import Inputs, as_map
from worker.graph.receptive_field import ReceptiveField, ReceptiveFieldMode
from worker.networks.network import Point
from worker.networks.tap import Tap

LAYER_TYPES = (nn.Conv2d, nn.Conv3d, nn.Linear)
BATCH_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)
TRACE_BATCH = 2  # clips; more than one, to distinguish the batch axis from frames that are folded into it


@dataclass
class RecordedOutput:
    """The output of a module that may be a layer, as it was when the module returned it.

    What runs later may write into it (`out += identity`): shape, version and receptive field are those from before.
    """

    path: str
    output: Tensor
    shape: torch.Size
    version: int
    field: ReceptiveField
    tap_rectified: bool | None = None  # whether a ReLU follows, according to the tap; None without a tap

    @property
    def name(self) -> str:
        return self.path if self.tap_rectified is None else self.path.rpartition(".")[0] or self.path


def trace(module: nn.Module, streams: Sequence[Stream]) -> tuple[tuple[Layer, ...], dict[str, Point]]:
    """Return the layers in execution order, the last one `class`, and where the activation of each is read.

    If the module contains taps, these are its layers; otherwise every convolution and linear layer is one, read after
    the batch normalisation that follows it. The class layer is the output of the module itself. A module that writes
    into its inputs (`x -= mean`) is given copies of them from then on, because inputs are used for several passes.

    Raises InvalidRequest if the module does not run on inputs of these streams, or does not give logits (B, classes).
    """
    try:
        return _trace(module, streams, torch.device("meta"))  # only shapes: no arithmetic, no memory
    except InvalidRequest:
        raise
    except Exception:  # code that depends on values cannot run on the meta device
        try:
            return _trace(module, streams, None)
        except Exception as error:
            raise InvalidRequest(
                f"The network cannot run on inputs of the sizes that its family states: {type(error).__name__}: {error}"
            ) from error


def _trace(
    module: nn.Module, streams: Sequence[Stream], device: torch.device | None
) -> tuple[tuple[Layer, ...], dict[str, Point]]:
    tensors = {**dict(module.named_parameters()), **dict(module.named_buffers())}
    if device is None:
        device = next((tensor.device for tensor in tensors.values()), torch.device("cpu"))
    else:
        tensors = {name: tensor.to(device) for name, tensor in tensors.items()}
    inputs = zero_inputs(streams, TRACE_BATCH, device)
    versions = {name: tensor._version for name, tensor in inputs.items()}
    mode = ReceptiveFieldMode(inputs)
    with torch.no_grad(), device, LayerRecorder(module, mode) as recorder, mode:
        logits = functional_call(module, tensors, (inputs,))
    if any(tensor._version != versions[name] for name, tensor in inputs.items()):
        module.register_forward_pre_hook(_copy_inputs)
    if not isinstance(logits, Tensor) or logits.ndim != 2 or len(logits) != TRACE_BATCH:
        shape = tuple(logits.shape) if isinstance(logits, Tensor) else type(logits).__name__
        raise InvalidRequest(f"The network must give logits of shape (batch, classes), but gives {shape}.")
    layers: list[Layer] = []
    points: dict[str, Point] = {}
    found = recorder.layers(logits.shape[1])
    names = Counter(layer.name for layer in found)
    for layer in found:
        rectified = layer.tap_rectified
        if rectified is None:
            rectified = mode.rectified(layer.output, layer.version)
        name = layer.name if names[layer.name] == 1 else layer.path  # of several taps in one module
        points[name] = Point(layer.path, rectified)
        layers.append(_make_layer(len(layers), name, layer.shape, layer.field, streams))
    points[CLASS_LAYER] = Point("", rectified=False)
    whole_field = {stream.name: mode.whole_inputs[stream.name] for stream in streams}
    layers.append(_make_layer(len(layers), CLASS_LAYER, logits.shape, whole_field, streams))
    return tuple(layers), points


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


class LayerRecorder:
    """A context manager that records the outputs of modules that may be layers, in execution order."""

    def __init__(self, module: nn.Module, mode: ReceptiveFieldMode) -> None:
        self._mode = mode
        has_taps = any(isinstance(part, Tap) for part in module.modules())
        types = (Tap,) if has_taps else LAYER_TYPES + BATCH_NORMS
        self._parts = [(path, part) for path, part in module.named_modules() if isinstance(part, types)]
        self._outputs: list[RecordedOutput] = []
        self._handles: list[Any] = []

    def __enter__(self) -> "LayerRecorder":
        for path, part in self._parts:
            self._handles.append(part.register_forward_hook(self._hook(path)))
        return self

    def __exit__(self, *_: object) -> None:
        for handle in self._handles:
            handle.remove()

    def _hook(self, path: str) -> Any:
        def record(part: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
            if any(earlier.path == path for earlier in self._outputs):
                return  # a module may be used several times: its first use counts
            now = RecordedOutput(path, output, output.shape, output._version, self._mode.receptive_field(output))
            if isinstance(part, BATCH_NORMS):
                for place, earlier in enumerate(self._outputs):
                    if earlier.output is inputs[0] and earlier.version == inputs[0]._version:
                        self._outputs[place] = now
                return
            if isinstance(part, Tap):
                now.tap_rectified = part.rectified
            self._outputs.append(now)

        return record

    def layers(self, classes: int) -> list[RecordedOutput]:
        """Return the outputs that are maps of units, without the last one if it is the logits themselves."""
        layers = [output for output in self._outputs if output.name != CLASS_LAYER and _is_map(output.shape)]
        without_taps = layers and layers[-1].tap_rectified is None
        if without_taps and layers[-1].shape[1] == classes:
            layers.pop()
        return layers


def _is_map(shape: torch.Size) -> bool:
    return len(shape) in (2, 4, 5) and shape[0] == TRACE_BATCH


def _make_layer(index: int, name: str, shape: torch.Size, field: ReceptiveField, streams: Sequence[Stream]) -> Layer:
    kind: Literal["appearance", "motion", "clip", "fusion"]
    kind = "fusion" if len(field) > 1 else next(iter(field)).value
    _, units, *size = as_map(torch.empty(shape, device="meta")).shape
    largest = [0, 0, 0]  # frames, height, width
    for stream in streams:
        if stream.name in field:
            whole = (stream.frames, stream.height, stream.width)
            sizes = (min(span.size or side, side) for span, side in zip(field[stream.name], whole, strict=True))
            largest = [max(a, b) for a, b in zip(largest, sizes, strict=True)]
    return Layer(
        index=index,
        name=name,
        stream=kind,
        units=units,
        map=Extent(frames=size[0], height=size[1], width=size[2]),
        receptive_field=Extent(frames=largest[0], height=largest[1], width=largest[2]),
    )
