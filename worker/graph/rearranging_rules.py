"""What the outputs of operators see that move, pick, repeat or join positions and compute nothing."""

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from worker.graph.layout import other
from worker.graph.operator_call import Call, unknown
from worker.graph.tracked import Tracked, joined


def reshape(call: Call) -> Tracked:
    """Return the field of the same elements in another shape."""
    return call.data.reshaped(call.shape)


def permute(call: Call) -> Tracked:
    """Return the field of a permutation of the dimensions."""
    data, dims = call.data, call.arguments["dims"]
    return data.with_layout([data.layout[dim] for dim in dims])


def transpose(call: Call) -> Tracked:
    """Return the field of a tensor of which two dimensions change places."""
    layout = list(call.data.layout)
    a, b = call.arguments.get("dim0", 0), call.arguments.get("dim1", min(1, len(layout) - 1))
    if layout:
        layout[a], layout[b] = layout[b], layout[a]
    return call.data.with_layout(layout)


def expand(call: Call) -> Tracked:
    """Return the field of a tensor that is repeated along dimensions of length 1."""
    data = call.data.broadcast(call.shape)
    factors = zip(data.layout, data.shape, call.shape, strict=True)
    return data.with_layout([dim if size == wanted else other(wanted) for dim, size, wanted in factors])


def select(call: Call) -> Tracked:
    """Return the field of one position of a dimension, which then is gone."""
    size = call.data.shape[call.dim]
    taken = call.data.take(call.dim, np.array([call.arguments["index"] % size]))
    return taken.with_layout([factors for dim, factors in enumerate(taken.layout) if dim != call.dim])


def unbind(call: Call) -> Tracked:
    """Return the field of one of the positions of a dimension."""
    return select(replace(call, arguments={**call.arguments, "index": call.index}))


def slice_along(call: Call) -> Tracked:
    """Return the field of a slice."""
    a, size = call.arguments, call.data.shape[call.dim]
    positions = np.arange(size)[slice(a["start"], a["end"], a["step"])]
    return call.data if len(positions) == size else call.data.take(call.dim, positions)


def split(call: Call) -> Tracked:
    """Return the field of one of the parts of equal length."""
    start = call.index * call.arguments["split_size"]
    return _part(call, start)


def split_with_sizes(call: Call) -> Tracked:
    """Return the field of one of the parts of given lengths."""
    return _part(call, sum(call.arguments["split_sizes"][: call.index]))


def _part(call: Call, start: int) -> Tracked:
    length = call.shape[call.dim]
    return (
        call.data if length == call.data.shape[call.dim] else call.data.take(call.dim, np.arange(start, start + length))
    )


def flip(call: Call) -> Tracked:
    """Return the field of a tensor that is reversed along dimensions."""
    result = call.data
    for dim in call.arguments["dims"]:
        result = result.take(dim, np.arange(result.shape[dim])[::-1])
    return result


def roll(call: Call) -> Tracked:
    """Return the field of a tensor whose positions move round."""
    result, shifts, dims = call.data, call.arguments["shifts"], call.arguments["dims"]
    if not dims:
        return unknown([result], call.shape)
    for shift, dim in zip(shifts, dims, strict=True):
        result = result.take(dim, np.roll(np.arange(result.shape[dim]), shift))
    return result


def index_select(call: Call) -> Tracked:
    """Return the field of positions of a dimension that an index picks."""
    return _picked(call, call.dim, call.arguments["index"])


def index(call: Call) -> Tracked:
    """Return the field of positions that an index of one dimension picks."""
    indices = [(dim, each) for dim, each in enumerate(call.arguments["indices"]) if each is not None]
    (dim, picked), *more = indices
    return unknown([call.data], call.shape) if more else _picked(call, dim, picked)


def _picked(call: Call, dim: int, picked: Tensor) -> Tracked:
    values = call.known(picked)
    if values is None or values.ndim != 1 or values.is_floating_point():
        return unknown([call.data], call.shape)
    positions = values.nonzero()[:, 0] if values.dtype is torch.bool else values
    return call.data.take(dim, positions.numpy().astype(np.int64) % max(call.data.shape[dim], 1))


def repeat(call: Call) -> Tracked:
    """Return the field of copies of a tensor, one after another."""
    result = call.data.broadcast(call.shape)
    for dim, times in enumerate(call.arguments["repeats"]):
        if times != 1:
            result = result.take(dim, np.tile(np.arange(result.shape[dim]), times))
    return result


def concatenation(call: Call) -> Tracked:
    """Return the field of tensors one after another along a dimension."""
    tensors = [tensor for tensor in call.arguments["tensors"] if tensor.shape != (0,)]
    dim = call.arguments["dim"] % len(call.shape)
    return joined([call.tracked(tensor) for tensor in tensors], dim, [t.shape[dim] for t in tensors], call.shape)


def stack(call: Call) -> Tracked:
    """Return the field of tensors one after another along a new dimension."""
    dim, tensors = call.arguments["dim"] % len(call.shape), call.arguments["tensors"]
    parts = [call.tracked(tensor) for tensor in tensors]
    added = [part.with_layout([*part.layout[:dim], (), *part.layout[dim:]]) for part in parts]
    return joined(added, dim, [1] * len(parts), call.shape)
