"""Which stimulus sizes a layer of a network can take, and the error for a size that it cannot take."""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn
from torch.func import functional_call

from app.contract.errors import InvalidRecipe
from app.contract.network import Stream, StreamName
from worker.graph.forward_hook import forward_to
from worker.graph.inputs import Inputs, as_map
from worker.maximize.canvas import Canvas
from worker.networks.network import Network
from worker.networks.trace import zero_inputs

Frame = Mapping[StreamName, Canvas]  # of every stream, whole


def is_own_size(network: Network, frame: Frame) -> bool:
    """Return whether every canvas is as large as the network's own input."""
    return all(
        (c.frames, c.height, c.width) == (s.frames, s.height, s.width)
        for s, c in ((stream, frame[stream.name]) for stream in network.card.streams)
    )


def refuse_size(network: Network, layer: str, frame: Frame, reason: str) -> InvalidRecipe:
    """Return the error that a layer cannot be computed from stimuli of this size, with a size that works."""
    streams = network.card.streams
    size = ", ".join(f"{name} {c.frames} x {c.height} x {c.width}" for name, c in frame.items())
    own = ", ".join(f"{s.frames} x {s.height} x {s.width}" for s in streams)
    return InvalidRecipe(
        f"{layer} cannot be computed from a stimulus of this size (frames x height x width: {size}): "
        f"{reason.rstrip('.')}. {_advice(network, layer, frame)} The network's own size is {own}."
    )


def _advice(network: Network, layer: str, frame: Frame) -> str:
    frames, height = max(c.frames for c in frame.values()), next(iter(frame.values())).height
    streams = network.card.streams
    own_frames, own_height = max(s.frames for s in streams), streams[0].height

    def works(frames: int, height: int) -> bool:
        return accepts(network, layer, _resized(network, frame, frames, height))

    smallest = _smallest(lambda n: works(frames, n), height, own_height)
    if smallest is not None:
        return f"The smallest size that works is {smallest}."
    smallest = _smallest(lambda n: works(n, height), frames, own_frames)
    if smallest is not None:
        return f"The smallest number of frames that works is {smallest}."
    return "Leave size and frames empty."


def _smallest(works: Callable[[int], bool], too_small: int, largest: int) -> int | None:
    """Return the smallest number that works, by bisection; None where even the largest does not."""
    if largest <= too_small or not works(largest):
        return None
    while largest - too_small > 1:
        middle = (largest + too_small) // 2
        too_small, largest = (too_small, middle) if works(middle) else (middle, largest)
    return largest


def _resized(network: Network, frame: Frame, frames: int, height: int) -> list[Stream]:
    """Return the network's streams at another height, and clips with another number of frames."""

    def resize(stream: Stream, canvas: Canvas) -> Stream:
        return stream.model_copy(
            update={
                "frames": frames if stream.name is StreamName.CLIP else canvas.frames,
                "height": height,
                "width": round(height * canvas.width / canvas.height),
            }
        )

    return [resize(stream, frame[stream.name]) for stream in network.card.streams]


class _AsModule(nn.Module):
    """A function of a module, as a module of its own, for functional_call."""

    def __init__(self, module: nn.Module, run: Callable[..., Tensor]) -> None:
        super().__init__()
        self.module = module
        self.run = run

    def forward(self, inputs: Inputs) -> Tensor:
        return self.run(inputs)


def accepts(network: Network, layer: str, streams: list[Stream]) -> bool:
    """Return whether the layer can be computed from inputs of these sizes, by shapes alone, without memory."""
    module, meta = network.module, torch.device("meta")
    tensors = (*module.named_parameters(), *module.named_buffers())
    shapes = {f"module.{name}": tensor.to(meta) for name, tensor in tensors}
    try:
        with torch.no_grad(), forward_to(module, network.points[layer].path) as run, meta:
            activation: Tensor = functional_call(_AsModule(module, run), shapes, (zero_inputs(streams, 1, meta),))
    except Exception:  # whatever it raises: it does not take this size, or cannot say so without values
        return False
    return bool(as_map(activation).numel())
