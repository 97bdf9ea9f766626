"""Finds a network's layers by running it once: names, unit counts, map sizes, receptive fields."""

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

CONVOLUTIONS = (nn.Conv2d, nn.Conv3d, nn.Linear)
NORMALISATIONS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)
BATCH = 2  # an axis of this size is the batch still, not frames folded into it


@dataclass
class Found:
    """A layer as met during the forward pass."""

    path: str
    output: Tensor
    tapped: bool | None = None  # what the tap says of a following ReLU

    @property
    def name(self) -> str:
        return self.path if self.tapped is None else self.path.rpartition(".")[0]


def trace(module: nn.Module, streams: Sequence[Stream]) -> tuple[tuple[Layer, ...], dict[str, Point]]:
    """The layers in execution order, the last one `class`, and where each is read.

    Layers are the module's taps where it has any, else every convolution and linear layer (after its batch
    normalisation). The class layer is the output of the module itself.
    """
    try:
        return _trace(module, streams, torch.device("meta"))  # shapes alone: no arithmetic, no memory
    except InvalidRequest:
        raise
    except Exception:  # code that looks at values cannot run without them
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
    inputs = blank(streams, BATCH, device)
    mode = ReceptiveFieldMode(inputs)
    with torch.no_grad(), device, Watch(module) as watch, mode:
        logits = functional_call(module, tensors, (inputs,))
    if not isinstance(logits, Tensor) or logits.ndim != 2 or len(logits) != BATCH:
        shape = tuple(logits.shape) if isinstance(logits, Tensor) else type(logits).__name__
        raise InvalidRequest(f"The network must give logits of shape (batch, classes), but gives {shape}.")
    layers: list[Layer] = []
    points: dict[str, Point] = {}
    for found in watch.layers(logits.shape[1]):
        rectified = mode.rectified(found.output) if found.tapped is None else found.tapped
        points[found.name] = Point(found.path, rectified)
        layers.append(_layer(len(layers), found.name, found.output, mode.receptive_field(found.output), streams))
    points[CLASS_LAYER] = Point("", rectified=False)
    sight = {stream.name: mode.whole_inputs[stream.name] for stream in streams}
    layers.append(_layer(len(layers), CLASS_LAYER, logits, sight, streams))
    return tuple(layers), points


def blank(streams: Sequence[Stream], batch: int, device: torch.device) -> Inputs:
    """Zeros of the shapes that a network takes."""

    def shape(stream: Stream) -> tuple[int, ...]:
        size = (stream.height, stream.width)
        if stream.name is StreamName.CLIP:
            return (batch, stream.depth, stream.frames, *size)
        return (batch, stream.depth * stream.frames, *size)

    return {stream.name: torch.zeros(shape(stream), device=device) for stream in streams}


class Watch:
    """Notes the outputs of modules that may be layers, in execution order, while it is entered."""

    def __init__(self, module: nn.Module) -> None:
        tapped = any(isinstance(part, Tap) for part in module.modules())
        kinds = (Tap,) if tapped else CONVOLUTIONS + NORMALISATIONS
        self._parts = [(path, part) for path, part in module.named_modules() if isinstance(part, kinds)]
        self._found: list[Found] = []
        self._handles: list[Any] = []

    def __enter__(self) -> "Watch":
        for path, part in self._parts:
            self._handles.append(part.register_forward_hook(self._hook(path)))
        return self

    def __exit__(self, *_: object) -> None:
        for handle in self._handles:
            handle.remove()

    def _hook(self, path: str) -> Any:
        def note(part: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
            if any(found.path == path for found in self._found):
                return  # a module that is used again: its first use counts
            if isinstance(part, NORMALISATIONS):
                for found in self._found:
                    if found.output is inputs[0]:
                        found.path, found.output = path, output
                return
            self._found.append(Found(path, output, part.rectified if isinstance(part, Tap) else None))

        return note

    def layers(self, classes: int) -> list[Found]:
        """Those with units at positions of a map. The last is left out where it gives the logits."""
        layers = [found for found in self._found if found.name != CLASS_LAYER and _is_map(found.output)]
        untapped = layers and layers[-1].tapped is None
        if untapped and layers[-1].output.shape[1] == classes:
            layers.pop()
        return layers


def _is_map(output: Tensor) -> bool:
    return output.ndim in (2, 4, 5) and output.shape[0] == BATCH


def _layer(index: int, name: str, output: Tensor, sight: ReceptiveField, streams: Sequence[Stream]) -> Layer:
    kind: Literal["appearance", "motion", "clip", "fusion"]
    kind = "fusion" if len(sight) > 1 else next(iter(sight)).value
    _, units, *size = as_map(output).shape
    field = [0, 0, 0]
    for stream in streams:
        if stream.name in sight:
            whole = (stream.frames, stream.height, stream.width)
            seen = (min(span.size or side, side) for span, side in zip(sight[stream.name], whole, strict=True))
            field = [max(a, b) for a, b in zip(field, seen, strict=True)]
    return Layer(
        index=index,
        name=name,
        stream=kind,
        units=units,
        map=Extent(frames=size[0], height=size[1], width=size[2]),
        receptive_field=Extent(frames=field[0], height=field[1], width=field[2]),
    )
