"""What the output of an operator sees of the inputs, operator by operator.

An operator without a rule, or whose weights or indices are not known, sees everything that its inputs see together.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from worker.graph.layout import Axis, along, axes_of, other, unknown_layout
from worker.graph.spans import Positions, adaptive, reflected, sliding, transposed
from worker.graph.tracked import Tracked, joined, union

aten = torch.ops.aten


@dataclass(frozen=True)
class Call:
    """One use of an operator, and one of its outputs."""

    arguments: Mapping[str, Any]  # by the names of the schema
    tracked: Callable[[Tensor], Tracked]
    known: Callable[[Tensor], Tensor | None]  # the values of a tensor that does not depend on the inputs
    output: Tensor
    index: int  # of the output among several

    @property
    def data(self) -> Tracked:
        """The tensor that the operator works on."""
        return self.tracked(self.arguments.get("self", self.arguments.get("input")))

    @property
    def dim(self) -> int:
        return int(self.arguments["dim"]) % max(len(self.data.layout), 1)

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.output.shape)


def per_axis(value: list[int], axes: int) -> list[int]:
    """Return an operator's size argument with one number for each axis, where one may stand for all."""
    return list(value) * axes if len(value) == 1 else list(value)


def unknown(parts: list[Tracked], shape: tuple[int, ...]) -> Tracked:
    """Return the field of an operator that may mix everything; a shape that stays says that its dimensions do too."""
    mixed = [replace(part.mixed(), layout=part.layout) for part in parts]
    layout = mixed[0].layout if mixed[0].shape == shape else unknown_layout(shape)
    return Tracked(layout, union([replace(part, layout=()) for part in mixed], ()).field)


def pointwise(call: Call, parts: list[Tracked]) -> Tracked:
    """Return the field of an elementwise operator, whose inputs are broadcast."""
    return union(parts, call.shape)


def window(call: Call, axes: int, positions: Callable[[int, int, int], Positions]) -> Tracked:
    """Return the field of windows over the last axes; `positions` of an axis, its input and output lengths."""
    result = call.data
    first = len(result.layout) - axes
    for axis in range(axes):
        dim = first + axis
        inputs, outputs = result.shape[dim], call.shape[dim]
        taken = positions(axis, inputs, outputs)
        if inputs != outputs or (taken != np.arange(outputs)[:, None]).any():
            result = result.take(dim, taken)
    return result


def convolution(call: Call) -> Tracked:
    """Return the field of a convolution, transposed or not: all channels, and a window along every other axis."""
    a = call.arguments
    kernel = a["weight"].shape[2:]
    axes = len(kernel)
    dilation, stride = per_axis(a["dilation"], axes), per_axis(a["stride"], axes)
    padding = per_axis(a["padding"], axes)

    def positions(axis: int, inputs: int, outputs: int) -> Positions:
        size, step = kernel[axis], stride[axis]
        if a["transposed"]:
            return transposed(outputs, inputs, size, dilation[axis], step, padding[axis])
        return sliding(outputs, size, dilation[axis], step, padding[axis])

    result, channels = window(call, axes, positions), len(call.shape) - axes - 1
    layout = list(result.layout)
    layout[channels] = other(call.shape[channels])
    return result.with_layout(layout)


def pool(call: Call) -> Tracked:
    """Return the field of a maximum or average pool."""
    a = call.arguments
    axes = len(a["kernel_size"]) if len(a["kernel_size"]) > 1 else len(call.shape) - 2
    kernel, dilation = per_axis(a["kernel_size"], axes), per_axis(a.get("dilation", [1]), axes)
    stride, padding = per_axis(a["stride"], axes) or kernel, per_axis(a["padding"], axes)
    return window(call, axes, lambda i, _, outputs: sliding(outputs, kernel[i], dilation[i], stride[i], padding[i]))


def adaptive_pool(call: Call) -> Tracked:
    """Return the field of an adaptive pool."""
    axes = len(call.arguments["output_size"])
    return window(call, axes, lambda axis, inputs, outputs: adaptive(outputs, inputs))


def pad(call: Call) -> Tracked:
    """Return the field of a padding by a constant."""
    return _padded(call, call.arguments["pad"], lambda before, after, n: np.arange(-before, n + after))


def reflection_pad(call: Call) -> Tracked:
    """Return the field of a padding by reflection."""
    return _padded(call, call.arguments["padding"], reflected)


def replication_pad(call: Call) -> Tracked:
    """Return the field of a padding by the outermost positions."""
    return _padded(call, call.arguments["padding"], lambda b, a, n: np.arange(-b, n + a).clip(0, n - 1))


def _padded(call: Call, sides: list[int], positions: Callable[[int, int, int], Positions]) -> Tracked:
    result = call.data
    for axis, (before, after) in enumerate(zip(sides[0::2], sides[1::2], strict=True)):
        dim = len(result.layout) - 1 - axis  # the argument starts at the last axis
        if before or after:
            result = result.take(dim, positions(before, after, result.shape[dim]))
    return result


def same_positions(call: Call) -> Tracked:
    """Return the field of an operator whose output positions see the same input positions."""
    return call.data


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


def reduction(call: Call) -> Tracked:
    """Return the field of a sum, mean or maximum along dimensions."""
    data, dims = call.data, call.arguments.get("dim")
    dims = [dims] if isinstance(dims, int) else dims
    reduced = {dim % len(data.layout) for dim in dims} if dims else set(range(len(data.layout)))
    kept = [() if dim in reduced else factors for dim, factors in enumerate(data.layout)]
    if not call.arguments.get("keepdim"):
        kept = [factors for dim, factors in enumerate(kept) if dim not in reduced]
    return data.with_layout(kept)


def along_dimension(call: Call) -> Tracked:
    """Return the field of an operator that mixes the positions of one dimension, as a softmax does."""
    return replace(call.data.mixed_along(call.dim), layout=call.data.layout)


def layer_norm(call: Call) -> Tracked:
    """Return the field of a normalisation over the last dimensions."""
    data = call.data
    last = data.layout[len(data.layout) - len(call.arguments["normalized_shape"]) :]
    mixed = data.mixed(axis for factors in last for axis in axes_of(factors))
    return replace(mixed, layout=data.layout) if call.index == 0 else unknown([data], call.shape)


def product(call: Call) -> Tracked:
    """Return the field of a product of matrices, one of which or both depend on the inputs."""
    a = call.arguments
    left, right = (
        call.tracked(a.get("mat1", a.get("batch1", a.get("self")))),
        call.tracked(a.get("mat2", a.get("batch2"))),
    )
    rows = left.with_layout([*left.layout[:-1], ()])
    columns = right.with_layout([*right.layout[:-2], (), right.layout[-1]])
    parts = [part for part in (rows, columns) if part.field]
    if a.get("mat1") is not None or a.get("batch1") is not None:
        parts += [part for part in [call.tracked(a["self"])] if part.field]  # what is added
    return union(parts, call.shape)


Rule = Callable[[Call], Tracked]
RULES: dict[Any, Rule] = {
    aten.convolution: convolution,
    aten.constant_pad_nd: pad,
    **dict.fromkeys((aten.reflection_pad1d, aten.reflection_pad2d, aten.reflection_pad3d), reflection_pad),
    **dict.fromkeys((aten.replication_pad1d, aten.replication_pad2d, aten.replication_pad3d), replication_pad),
    **dict.fromkeys((aten.max_pool2d_with_indices, aten.max_pool3d_with_indices), pool),
    **dict.fromkeys((aten.max_pool2d, aten.max_pool3d, aten.avg_pool2d, aten.avg_pool3d), pool),
    **dict.fromkeys((aten._adaptive_avg_pool2d, aten._adaptive_avg_pool3d), adaptive_pool),
    **dict.fromkeys((aten.adaptive_max_pool2d, aten.adaptive_max_pool3d), adaptive_pool),
    **dict.fromkeys((aten.view, aten._unsafe_view, aten.reshape, aten.unsqueeze, aten.squeeze), reshape),
    **dict.fromkeys((aten.native_batch_norm, aten._native_batch_norm_legit_no_training), same_positions),
    **dict.fromkeys((aten.cudnn_batch_norm, aten.miopen_batch_norm), same_positions),
    **dict.fromkeys((aten.detach, aten.alias, aten.clone, aten._to_copy, aten.native_dropout), same_positions),
    **dict.fromkeys((aten.mean, aten.sum, aten.amax, aten.amin, aten.max, aten.min, aten.var, aten.std), reduction),
    **dict.fromkeys((aten._softmax, aten._log_softmax, aten.cumsum), along_dimension),
    **dict.fromkeys((aten.transpose, aten.t), transpose),
    **dict.fromkeys((aten.mm, aten.addmm, aten.bmm, aten.baddbmm), product),
    aten.permute: permute,
    aten.expand: expand,
    aten.select: select,
    aten.unbind: unbind,
    aten.slice: slice_along,
    aten.split: split,
    aten.split_with_sizes: split_with_sizes,
    aten.flip: flip,
    aten.roll: roll,
    aten.index_select: index_select,
    aten.index: index,
    aten.repeat: repeat,
    aten.cat: concatenation,
    aten.stack: stack,
    aten.native_layer_norm: layer_norm,
}
# Whose rules take what depends on the inputs in any of their arguments; of others, in the data alone
OF_ALL_ARGUMENTS = (product, concatenation, stack)


def input_layout(shape: tuple[int, ...]) -> tuple[tuple[tuple[Axis, int], ...], ...]:
    """Return the layout of an input (B, D, T, H, W) or (B, D, H, W)."""
    axes = (Axis.CLIPS, Axis.OTHER, *(Axis.FRAMES, Axis.HEIGHT, Axis.WIDTH)[5 - len(shape) :])
    return tuple(along(axis, size) for axis, size in zip(axes, shape, strict=True))


def output_field(func: Any, call: Call, followed: list[Tensor]) -> Tracked:
    """Return what an output of an operator sees, where the tensors `followed` depend on the inputs."""
    parts = [call.tracked(tensor) for tensor in followed]
    if func.overloadpacket is aten.copy_:
        return expand(replace(call, arguments={"self": call.arguments["src"]}))
    if torch.Tag.pointwise in func.tags:
        return pointwise(call, parts)
    rule = RULES.get(func.overloadpacket)
    data = call.arguments.get("self", call.arguments.get("input"))
    if rule is None or (rule not in OF_ALL_ARGUMENTS and any(tensor is not data for tensor in followed)):
        return unknown(parts, call.shape)
    result = rule(call)
    return result if result.shape == call.shape else unknown(parts, call.shape)
