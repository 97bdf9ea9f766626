"""Which sizes of a stimulus a layer can take."""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn
from torch.func import functional_call

from app.contract.errors import InvalidRecipe
from app.contract.network import Stream, StreamName
from worker.graph.forward_hook import probe
from worker.graph.inputs import Inputs, as_map
from worker.maximize.canvas import Canvas
from worker.networks.network import Network
from worker.networks.trace import blank


def refusal(network: Network, layer: str, frame: Mapping[StreamName, Canvas], reason: str) -> InvalidRecipe:
    """That a layer cannot be computed from a stimulus of this size, and what size it can be computed from."""
    canvases = frame.values()
    size = ", ".join(f"{c.stream.name} {c.frames} x {c.height} x {c.width}" for c in canvases)
    own = ", ".join(f"{c.stream.frames} x {c.stream.height} x {c.stream.width}" for c in canvases)
    return InvalidRecipe(
        f"{layer} cannot be computed from a stimulus of this size (frames x height x width: {size}): "
        f"{reason.rstrip('.')}. {_advice(network, layer, frame)} The network's own size is {own}."
    )


def _advice(network: Network, layer: str, frame: Mapping[StreamName, Canvas]) -> str:
    one = next(iter(frame.values()))
    frames, height = max(c.frames for c in frame.values()), one.height
    own_frames, own_height = max(c.stream.frames for c in frame.values()), one.stream.height

    def fits(frames: int, height: int) -> bool:
        return takes(network, layer, _streams(frame, frames, height))

    enough = _smallest(lambda n: fits(frames, n), height, own_height)
    if enough is not None:
        return f"The smallest size that works is {enough}."
    enough = _smallest(lambda n: fits(n, height), frames, own_frames)
    if enough is not None:
        return f"The smallest number of frames that works is {enough}."
    return "Leave size and frames empty."


def _smallest(works: Callable[[int], bool], too_small: int, most: int) -> int | None:
    """By bisection; None where even the most does not work."""
    if most <= too_small or not works(most):
        return None
    while most - too_small > 1:
        middle = (most + too_small) // 2
        too_small, most = (too_small, middle) if works(middle) else (middle, most)
    return most


def _streams(frame: Mapping[StreamName, Canvas], frames: int, height: int) -> list[Stream]:
    return [
        c.stream.model_copy(
            update={
                "frames": frames if name is StreamName.CLIP else c.frames,
                "height": height,
                "width": round(height * c.width / c.height),
            }
        )
        for name, c in frame.items()
    ]


class _As(nn.Module):
    """A function of a module, as a module of its own."""

    def __init__(self, module: nn.Module, run: Callable[..., Tensor]) -> None:
        super().__init__()
        self.module = module
        self.run = run

    def forward(self, inputs: Inputs) -> Tensor:
        return self.run(inputs)


def takes(network: Network, layer: str, streams: list[Stream]) -> bool:
    """Whether the layer can be computed from inputs of these sizes, by shapes alone: no arithmetic, no memory."""
    module, meta = network.module, torch.device("meta")
    tensors = (*module.named_parameters(), *module.named_buffers())
    shapes = {f"module.{name}": tensor.to(meta) for name, tensor in tensors}
    try:
        with torch.no_grad(), probe(module, network.points[layer].path) as run, meta:
            activation: Tensor = functional_call(_As(module, run), shapes, (blank(streams, 1, meta),))
    except Exception:  # whatever it raises: it does not take this size, or cannot say so without values
        return False
    return bool(as_map(activation).numel())
