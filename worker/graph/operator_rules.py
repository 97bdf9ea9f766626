"""How to compute a window of an operator's output from windows of its inputs.

`restrict` looks up the operator's rule in RULES; an operator without a rule runs on the whole of its inputs.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils._pytree import tree_map

from worker.graph import onednn_convolution, space_to_depth
from worker.graph.field_rules import per_axis
from worker.graph.inputs import at_least_float32
from worker.graph.recording import Node, Ref, aten
from worker.graph.windows import SlidingWindow, Window, full_window, pad, split_padding


@dataclass(frozen=True)
class RestrictedOperator:
    """An operator on windows of its inputs: `run` takes these windows in order and returns the window `output`."""

    inputs: tuple[tuple[int, Window], ...]  # node index and window of each
    output: Window
    run: Callable[..., Tensor]


Shapes = Sequence[tuple[int, ...]]  # of every node's output, for a batch of one
Rule = Callable[[Node, Window, Shapes], RestrictedOperator | None]  # None: the whole inputs are needed


def restrict(node: Node, window: Window, shapes: Shapes) -> RestrictedOperator:
    """Return the operator on the inputs that this window of its output needs; on whole inputs where it has no rule."""
    rule = RULES.get(node.func.overloadpacket)
    if rule is None and torch.Tag.pointwise in node.func.tags:
        rule = pointwise
    restricted = rule(node, window, shapes) if rule is not None and len(node.shape) > 2 else None
    return restricted if restricted is not None else unrestricted(node, shapes)


def sliding_window(node: Node, kernel: Sequence[int], axes: int) -> SlidingWindow:
    """Return the sliding window of a convolution or pool, from its arguments."""
    a = node.arguments
    dilation = per_axis(a.get("dilation", [1]), axes)
    stride = per_axis(a["stride"], axes) or list(kernel)
    size = tuple((k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True))
    return SlidingWindow(size, tuple(stride), tuple(per_axis(a["padding"], axes)))


def convolution(node: Node, window: Window, shapes: Shapes) -> RestrictedOperator | None:
    """Restrict a convolution; None if it is transposed or its weights depend on the inputs."""
    a, axes = node.arguments, len(node.shape) - 2
    weight, bias = a["weight"], a["bias"]
    if a["transposed"] or isinstance(weight, Ref) or isinstance(bias, Ref):
        return None
    source = a["input"].node
    needed, sides = sliding_window(node, weight.shape[2:], axes).input_window(window, shapes[source])
    function = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}[axes]
    stride, dilation, groups = tuple(per_axis(a["stride"], axes)), tuple(per_axis(a["dilation"], axes)), a["groups"]
    if space_to_depth.is_worthwhile(weight, stride, dilation, groups):
        deep_weight, deep_stride = space_to_depth.weight_to_depth(weight, stride), (*stride[:-2], 1, 1)

        def run(x: Tensor) -> Tensor:
            deep = space_to_depth.space_to_depth(pad(x.to(weight.dtype), sides), stride)
            y: Tensor = function(deep, deep_weight, bias, deep_stride)
            return y
    elif onednn_convolution.is_supported(weight, stride, dilation, groups):
        padding, sides = split_padding(sides, weight.shape[2:])
        flipped = onednn_convolution.flip_weight(weight)

        def run(x: Tensor) -> Tensor:
            y: Tensor = onednn_convolution.OnednnConvolution.apply(  # type: ignore[no-untyped-call]
                pad(x.to(weight.dtype), sides), weight, flipped, bias, padding
            )
            return y
    else:
        padding, sides = split_padding(sides)

        def run(x: Tensor) -> Tensor:
            y: Tensor = function(pad(x.to(weight.dtype), sides), weight, bias, stride, padding, dilation, groups)
            return y

    return RestrictedOperator(((source, needed),), window, run)


def max_pool(node: Node, window: Window, shapes: Shapes) -> RestrictedOperator | None:
    """Restrict a maximum pool."""
    a, axes = node.arguments, len(node.shape) - 2
    source, kernel = a["self"].node, per_axis(a["kernel_size"], axes)
    sliding = sliding_window(node, kernel, axes)
    needed, sides = sliding.input_window(window, shapes[source])
    # padding after the last position alone, less than a stride: the operator rounds its output size up, without a copy
    ceil_mode = not any(sides[0::2]) and all(b < s for b, s in zip(sides[1::2], sliding.stride[::-1], strict=True))
    padding, sides = ((0,) * axes, []) if ceil_mode else split_padding(sides, kernel)
    dilation = per_axis(a["dilation"], axes)
    function = {2: F.max_pool2d, 3: F.max_pool3d}[axes]

    def run(x: Tensor) -> Tensor:
        y: Tensor = function(pad(x, sides, -torch.inf), kernel, sliding.stride, padding, dilation, ceil_mode)
        return y

    return RestrictedOperator(((source, needed),), window, run)


def average_pool(node: Node, window: Window, shapes: Shapes) -> RestrictedOperator | None:
    """Restrict an average pool; None if the padding does not count or the divisor is not the kernel's size."""
    a, axes = node.arguments, len(node.shape) - 2
    source, kernel = a["self"].node, per_axis(a["kernel_size"], axes)
    sliding = sliding_window(node, kernel, axes)
    padding_counts = a["count_include_pad"] or not any(sliding.padding)
    if a["ceil_mode"] or not padding_counts or a["divisor_override"]:
        return None
    needed, sides = sliding.input_window(window, shapes[source])
    return RestrictedOperator(((source, needed),), window, lambda x: _average(pad(x, sides), kernel, sliding.stride))


def _average(x: Tensor, kernel: Sequence[int], stride: Sequence[int]) -> Tensor:
    """Pool in float32 at least: CPUs have no three-dimensional average of 16 bits."""
    function = {2: F.avg_pool2d, 3: F.avg_pool3d}[len(kernel)]
    y: Tensor = function(at_least_float32(x), tuple(kernel), tuple(stride))
    return y.to(x.dtype)


def adaptive_average_pool(node: Node, window: Window, shapes: Shapes) -> RestrictedOperator | None:
    """Restrict an adaptive average pool whose output size divides its input size; None for any other."""
    source = node.arguments["self"].node
    before, after = shapes[source][2:], node.shape[2:]
    if any(b % a for b, a in zip(before, after, strict=True)):
        return None
    size = tuple(b // a for b, a in zip(before, after, strict=True))
    needed, _ = SlidingWindow(size, size, (0,) * len(size)).input_window(window, shapes[source])
    return RestrictedOperator(((source, needed),), window, lambda x: _average(x, size, size))


def constant_pad(node: Node, window: Window, shapes: Shapes) -> RestrictedOperator | None:
    """Restrict a padding by a constant; None if it reaches batch or channels, or a window lies in it alone."""
    source, sides, value = node.arguments["self"].node, list(node.arguments["pad"]), node.arguments["value"]
    axes = len(window)
    if len(sides) > 2 * axes:
        return None
    before = tuple(([*sides[0::2], *[0] * axes][:axes])[::-1])  # the argument starts at the last axis
    needed, sides = SlidingWindow((1,) * axes, (1,) * axes, before).input_window(window, shapes[source])
    if any(stop <= start for start, stop in needed):
        return None
    return RestrictedOperator(((source, needed),), window, lambda x: pad(x, sides, value))


def slice_along_axis(node: Node, window: Window, shapes: Shapes) -> RestrictedOperator | None:
    """Restrict a slice along any axis but the batch."""
    a, source = node.arguments, node.arguments["self"].node
    dim, shape = a["dim"] % len(node.shape), shapes[source]
    start, stop, _ = slice(a["start"], a["end"], a["step"]).indices(shape[dim])
    if dim == 0:
        return None
    if dim == 1:
        return RestrictedOperator(((source, window),), window, lambda x: x[:, start : stop : a["step"]])
    first, last = window[dim - 2]
    along_axis = (start + first * a["step"], start + (last - 1) * a["step"] + 1)
    needed = (*window[: dim - 2], along_axis, *window[dim - 1 :])
    before = tuple(slice(None) for _ in range(dim))
    return RestrictedOperator(((source, needed),), window, lambda x: x[(*before, slice(None, None, a["step"]))])


def concatenation(node: Node, window: Window, shapes: Shapes) -> RestrictedOperator | None:
    """Restrict a concatenation of channels."""
    tensors = node.arguments["tensors"]
    if node.arguments["dim"] % len(node.shape) != 1 or not all(isinstance(ref, Ref) for ref in tensors):
        return None
    return RestrictedOperator(tuple((ref.node, window) for ref in tensors), window, lambda *xs: torch.cat(xs, 1))


def same_position(node: Node, window: Window, shapes: Shapes) -> RestrictedOperator | None:
    """Restrict an operator of one input, of which every output position needs the same input position alone."""
    refs = node.refs
    if node.arguments.get("training") or len(refs) != 1 or shapes[refs[0].node] != node.shape:
        return None
    return RestrictedOperator(((refs[0].node, window),), window, lambda x: node.call(_fill(node, [x])))


def pointwise(node: Node, window: Window, shapes: Shapes) -> RestrictedOperator | None:
    """Restrict an elementwise operator; what is broadcast along an axis is needed whole along it."""
    rank = len(node.shape)
    needed: list[tuple[int, Window]] = []
    for ref in node.refs:
        shape = shapes[ref.node]
        if len(shape) != rank:
            return None
        needed.append((ref.node, tuple(w if s > 1 else (0, 1) for w, s in zip(window, shape[2:], strict=True))))

    def restrict_constant(value: Any) -> Any:
        if not isinstance(value, Tensor) or value.ndim == 0:
            return value
        for axis, (start, stop) in enumerate(window, 2 - rank):
            if value.ndim >= -axis and value.shape[axis] > 1:
                value = value.narrow(axis, start, stop - start)
        return value

    constants = {name: tree_map(restrict_constant, value) for name, value in node.arguments.items()}
    restricted = Node(node.func, constants, node.shape)
    return RestrictedOperator(tuple(needed), window, lambda *xs: restricted.call(_fill(restricted, xs)))


def _fill(node: Node, values: Sequence[Tensor]) -> Mapping[str, Any]:
    """Return the arguments of a node with tensors in the place of its refs, in order."""
    rest = iter(values)
    return tree_map(lambda leaf: next(rest) if isinstance(leaf, Ref) else leaf, dict(node.arguments))  # type: ignore[no-any-return]


MATRIX_PRODUCTS = (aten.addmm, aten.mm, aten.bmm)
VIEWS = (aten.view, aten._unsafe_view)


def unrestricted(node: Node, shapes: Shapes) -> RestrictedOperator:
    """Return any operator on the whole of its inputs. A size argument that begins with the batch follows the batch.

    That of a view does so too where frames are folded into the batch, whose first axis is then a multiple of it.
    """
    inputs = tuple((ref.node, full_window(shapes[ref.node])) for ref in node.refs)
    size = next((name for name in ("size", "shape") if isinstance(node.arguments.get(name), list | tuple)), None)
    batch_size_argument = size if size is not None and list(node.arguments[size][:1]) == [1] else None

    def run(*xs: Tensor) -> Tensor:
        arguments = dict(_fill(node, xs))
        if node.func.overloadpacket in MATRIX_PRODUCTS:
            arguments = _cast_to_weights(arguments, node)
        if batch_size_argument is not None:
            arguments[batch_size_argument] = [len(xs[0]), *arguments[batch_size_argument][1:]]
        if node.func.overloadpacket in VIEWS:  # the layout in memory may be another one than when it was recorded
            first, *rest = node.arguments["size"]
            clips = len(xs[0]) // shapes[node.refs[0].node][0]
            return xs[0].reshape([first * clips if first > 0 else first, *rest])
        y: Tensor = node.call(arguments)
        return y

    return RestrictedOperator(inputs, full_window(node.shape), run)


def _cast_to_weights(arguments: Mapping[str, Any], node: Node) -> dict[str, Any]:
    """Return the arguments in the precision of those that are constants (weights), if any are."""
    constants = [leaf for leaf in node.arguments.values() if isinstance(leaf, Tensor)]
    dtype = constants[0].dtype if constants else None
    return {name: v.to(dtype) if dtype and isinstance(v, Tensor) else v for name, v in arguments.items()}


RULES: dict[Any, Rule] = {
    aten.convolution: convolution,
    aten.constant_pad_nd: constant_pad,
    aten.slice: slice_along_axis,
    aten.cat: concatenation,
    **dict.fromkeys((aten.max_pool2d_with_indices, aten.max_pool3d_with_indices), max_pool),
    **dict.fromkeys((aten.avg_pool2d, aten.avg_pool3d), average_pool),
    **dict.fromkeys((aten._adaptive_avg_pool2d, aten._adaptive_avg_pool3d), adaptive_average_pool),
    **dict.fromkeys((aten.native_batch_norm, aten._native_batch_norm_legit_no_training), same_position),
    **dict.fromkeys((aten.cudnn_batch_norm, aten.miopen_batch_norm), same_position),
    **dict.fromkeys((aten.alias, aten.clone, aten._to_copy), same_position),
}
