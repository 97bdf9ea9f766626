"""What the output of an operator sees of the inputs, operator by operator.

An operator without a rule, or whose weights or indices are not known, sees everything that its inputs see together.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from worker.graph import rearranging_rules as rearranging
from worker.graph.layout import Axis, along, axes_of, other
from worker.graph.operator_call import Call, unknown
from worker.graph.spans import Positions, adaptive, reflected, sliding, transposed
from worker.graph.tracked import Tracked, union

aten = torch.ops.aten


def per_axis(value: list[int], axes: int) -> list[int]:
    """Return an operator's size argument with one number for each axis, where one may stand for all."""
    return list(value) * axes if len(value) == 1 else list(value)


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


def batch_norm(call: Call) -> Tracked:
    """Return the field of a batch normalisation, which sees everything where it takes its statistics from the data."""
    return unknown([call.data], call.shape) if call.arguments.get("training") else call.data


def same_positions(call: Call) -> Tracked:
    """Return the field of an operator whose output positions see the same input positions."""
    return call.data


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
    **dict.fromkeys((aten.view, aten._unsafe_view, aten.reshape, aten.unsqueeze, aten.squeeze), rearranging.reshape),
    **dict.fromkeys((aten.native_batch_norm, aten._native_batch_norm_legit_no_training), batch_norm),
    **dict.fromkeys((aten.cudnn_batch_norm, aten.miopen_batch_norm), batch_norm),
    **dict.fromkeys((aten.detach, aten.alias, aten.clone, aten._to_copy, aten.native_dropout), same_positions),
    **dict.fromkeys((aten.mean, aten.sum, aten.amax, aten.amin, aten.max, aten.min, aten.var, aten.std), reduction),
    **dict.fromkeys((aten._softmax, aten._log_softmax, aten.cumsum), along_dimension),
    **dict.fromkeys((aten.transpose, aten.t), rearranging.transpose),
    **dict.fromkeys((aten.mm, aten.addmm, aten.bmm, aten.baddbmm), product),
    aten.permute: rearranging.permute,
    aten.expand: rearranging.expand,
    aten.select: rearranging.select,
    aten.unbind: rearranging.unbind,
    aten.slice: rearranging.slice_along,
    aten.split: rearranging.split,
    aten.split_with_sizes: rearranging.split_with_sizes,
    aten.flip: rearranging.flip,
    aten.roll: rearranging.roll,
    aten.index_select: rearranging.index_select,
    aten.index: rearranging.index,
    aten.repeat: rearranging.repeat,
    aten.cat: rearranging.concatenation,
    aten.stack: rearranging.stack,
    aten.native_layer_norm: layer_norm,
}
# Whose rules take what depends on the inputs in any of their arguments; of others, in the data alone
OF_ALL_ARGUMENTS = (product, rearranging.concatenation, rearranging.stack)


def input_layout(shape: tuple[int, ...]) -> tuple[tuple[tuple[Axis, int], ...], ...]:
    """Return the layout of an input (B, D, T, H, W) or (B, D, H, W)."""
    axes = (Axis.CLIPS, Axis.OTHER, *(Axis.FRAMES, Axis.HEIGHT, Axis.WIDTH)[5 - len(shape) :])
    return tuple(along(axis, size) for axis, size in zip(axes, shape, strict=True))


def output_field(func: Any, call: Call, followed: list[Tensor]) -> Tracked:
    """Return what an output of an operator sees, where the tensors `followed` depend on the inputs."""
    parts = [call.tracked(tensor) for tensor in followed]
    if func.overloadpacket is aten.copy_:
        return rearranging.expand(replace(call, arguments={"self": call.arguments["src"]}))
    if torch.Tag.pointwise in func.tags:
        return pointwise(call, parts)
    rule = RULES.get(func.overloadpacket)
    data = call.arguments.get("self", call.arguments.get("input"))
    if rule is None or (rule not in OF_ALL_ARGUMENTS and any(tensor is not data for tensor in followed)):
        return unknown(parts, call.shape)
    result = rule(call)
    return result if result.shape == call.shape else unknown(parts, call.shape)
