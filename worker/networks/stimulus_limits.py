"""Measure from which sizes of a stimulus each layer can be computed, so that a request for another is refused at once.

The network runs on shapes alone, without memory: at few sizes, and between two that differ at those in between. One
pass tells of all layers.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from itertools import pairwise
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call
from torch.overrides import TorchFunctionMode

from app.contract.network import Extent, Layer, Range, Stream, StreamName
from app.contract.recipe import MAX_FRAMES, MAX_SIZE, MIN_SIZE
from worker.graph.inputs import as_map
from worker.networks.network import Point
from worker.networks.trace import zero_inputs

SIZES = (16, 17, 24, 25, 32, 33, 48, 49, 64, 65, 96, 97, 128, 129, 192, 193, 256, 257, 384, 385, 512)
LENGTHS = (1, 2, 3, 4, 5, 8, 9, 16, 17, 32, 33, 64, 65, 128)
MAX_RANGES = 3  # more mean that a network takes multiples of a number, which few sizes cannot tell
POINTWISE = {
    F.batch_norm,
    *(F.relu, F.relu_, torch.relu, torch.relu_, Tensor.relu, Tensor.relu_, F.leaky_relu, F.leaky_relu_),
    *(F.gelu, F.silu, F.hardswish, torch.sigmoid, F.sigmoid, Tensor.sigmoid, torch.tanh, F.tanh, Tensor.tanh),
    *(F.dropout, F.dropout2d, F.dropout3d, F.softmax, torch.softmax, Tensor.softmax),
}

Names = frozenset[str]  # of layers


def with_limits(
    module: nn.Module,
    layers: Sequence[Layer],
    points: Mapping[str, Point],
    streams: Sequence[Stream],
    stimulus: Extent,
) -> tuple[Layer, ...]:
    """Return the layers with the sizes and lengths that they take, none where only trying tells.

    The length is that of a clip: other streams have a fixed one.
    """
    paths = {name: point.path for name, point in points.items()}
    tensors = (*module.named_parameters(), *module.named_buffers())
    shapes = {name: tensor.to("meta") for name, tensor in tensors}

    @cache
    def take(size: int, frames: int) -> Names:
        return computed_layers(module, shapes, paths, resize(streams, stimulus, size, frames))

    own_size, own_frames = stimulus.height, stimulus.frames
    at_own = take(own_size, own_frames)
    sizes = _ranges(lambda size: take(size, own_frames), SIZES, own_size, MIN_SIZE, MAX_SIZE)
    lengths: dict[str, tuple[Range, ...]] = {}
    if any(stream.name is StreamName.CLIP for stream in streams):
        lengths = _ranges(lambda frames: take(own_size, frames), LENGTHS, own_frames, 1, MAX_FRAMES)

    def limits(name: str, ranges: Mapping[str, tuple[Range, ...]]) -> tuple[Range, ...]:
        found = ranges.get(name, ())
        return found if name in at_own and len(found) <= MAX_RANGES else ()

    return tuple(
        layer.model_copy(update={"sizes": limits(layer.name, sizes), "lengths": limits(layer.name, lengths)})
        for layer in layers
    )


def resize(streams: Sequence[Stream], stimulus: Extent, size: int, frames: int) -> list[Stream]:
    """Return the streams as high as `size`, as wide in proportion as the stimulus, and clips of so many frames."""
    width = round(size * stimulus.width / stimulus.height)

    def length(stream: Stream) -> int:
        return frames if stream.name is StreamName.CLIP else stream.frames

    return [stream.model_copy(update={"frames": length(stream), "height": size, "width": width}) for stream in streams]


class SkipPointwise(TorchFunctionMode):
    """Leave out what changes no shape and fails at no size: it takes most of the time of a pass on shapes alone."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return args[0] if args and func in POINTWISE else func(*args, **(kwargs or {}))


def computed_layers(
    module: nn.Module, shapes: Mapping[str, Tensor], paths: Mapping[str, str], streams: Sequence[Stream]
) -> Names:
    """Return the layers that are computed from inputs of these sizes, and that have a position then.

    `shapes` are the network's parameters and buffers without memory.
    """
    meta = torch.device("meta")
    reached: dict[str, bool] = {}

    def make_hook(name: str) -> Callable[..., None]:
        def record(part: nn.Module, inputs: object, output: object) -> None:
            reached.setdefault(name, isinstance(output, Tensor) and bool(as_map(output).numel()))

        return record

    hooks = [module.get_submodule(path).register_forward_hook(make_hook(name)) for name, path in paths.items()]
    try:
        with torch.no_grad(), meta, SkipPointwise():
            functional_call(module, dict(shapes), (zero_inputs(streams, 1, meta),))
    except Exception:  # noqa: S110 - whatever it raises: the layers from there on are not computed
        pass
    finally:
        for hook in hooks:
            hook.remove()
    return frozenset(name for name, is_computed in reached.items() if is_computed)


def _ranges(
    take: Callable[[int], Names], grid: Sequence[int], own: int, smallest: int, largest: int
) -> dict[str, tuple[Range, ...]]:
    """Return the numbers that each layer takes, as ranges with both ends."""
    wanted = {*grid, smallest, largest, own - 1, own, own + 1}
    taken = {number: take(number) for number in wanted if number >= 1}

    def fill(low: int, high: int) -> None:
        if high - low > 1 and taken[low] != taken[high]:
            middle = (low + high) // 2
            taken[middle] = take(middle)
            fill(low, middle)
            fill(middle, high)

    for low, high in pairwise(sorted(taken)):
        fill(low, high)
    ranges: dict[str, list[Range]] = {}
    open_ranges: dict[str, int] = {}
    numbers = sorted(taken)
    for before, number in zip([0, *numbers], [*numbers, numbers[-1] + 1], strict=True):
        names = taken.get(number, frozenset())
        for name in [name for name in open_ranges if name not in names]:
            ranges.setdefault(name, []).append((open_ranges.pop(name), before))
        for name in names - open_ranges.keys():
            open_ranges[name] = number
    return {name: tuple(found) for name, found in ranges.items()}
