"""Which part of an operator's inputs a part of its output needs, and how the part is computed.

A window is (start, stop) along each axis from the third on: batch and channels are always whole. Positions beyond the
frame are padding, and a window's part of the padding is computed as the whole frame would: where a window lies within
the frame, no padding enters.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils._pytree import tree_map

from worker.graph.direct_convolution import Direct, goes_direct, turned
from worker.graph.receptive_field import spread
from worker.graph.recording import Node, Ref
from worker.graph.space_to_depth import has_phases, in_phases, phases

aten = torch.ops.aten

Window = tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Part:
    """An operator on windows of its inputs: `run` gets these windows in order and gives the window `gives`."""

    takes: tuple[tuple[int, Window], ...]  # node and window
    gives: Window
    run: Callable[..., Tensor]


Shapes = Sequence[tuple[int, ...]]  # of every node, for a batch of one
Rule = Callable[[Node, Window, Shapes], Part | None]  # None: the whole is needed


def whole(shape: Sequence[int]) -> Window:
    return tuple((0, size) for size in shape[2:])


def hull(a: Window, b: Window) -> Window:
    return tuple((min(p, r), max(q, s)) for (p, q), (r, s) in zip(a, b, strict=True))


def cut(x: Tensor, have: Window, want: Window) -> Tensor:
    """The window `want` of a tensor that is the window `have`."""
    if have == want:
        return x
    inner = tuple(slice(a - h, b - h) for (h, _), (a, b) in zip(have, want, strict=True))
    return x[(slice(None), slice(None), *inner)]


@dataclass(frozen=True)
class Sliding:
    """A window of `size` positions that moves by `stride`, from `padding` before the first, along each axis."""

    size: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[int, ...]

    def before(self, need: Window, shape: Sequence[int]) -> tuple[Window, list[int]]:
        """The window of the input that a window of the output needs, and the padding beside it (as F.pad takes it)."""
        window: list[tuple[int, int]] = []
        beside: list[int] = []
        axes = zip(need, self.size, self.stride, self.padding, shape[2:], strict=True)
        for (start, stop), size, stride, padding, length in axes:
            low, high = start * stride - padding, (stop - 1) * stride - padding + size
            window.append((max(low, 0), min(high, length)))
            beside = [max(-low, 0), max(high - length, 0), *beside]
        return tuple(window), beside


def padded(x: Tensor, beside: Sequence[int], value: float = 0.0) -> Tensor:
    return F.pad(x, list(beside), value=value) if any(beside) else x


def own_padding(beside: list[int], kernel: Sequence[int] | None = None) -> tuple[tuple[int, ...], list[int]]:
    """Padding that the operator itself can add, at no cost of a copy, and what is left to be added before it. A pool
    takes no more than half of its kernel.
    """
    low, high = beside[0::2][::-1], beside[1::2][::-1]
    if low == high and (kernel is None or all(p <= k // 2 for p, k in zip(low, kernel, strict=True))):
        return tuple(low), []
    return (0,) * len(low), beside


def sliding(node: Node, kernel: Sequence[int], axes: int) -> Sliding:
    """That of a convolution or pool from its arguments."""
    a = node.arguments
    dilation = spread(a.get("dilation", [1]), axes)
    stride = spread(a["stride"], axes) or list(kernel)
    size = tuple((k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True))
    return Sliding(size, tuple(stride), tuple(spread(a["padding"], axes)))


def convolution(node: Node, need: Window, shapes: Shapes) -> Part | None:
    a, axes = node.arguments, len(node.shape) - 2
    weight, bias = a["weight"], a["bias"]
    if a["transposed"] or isinstance(weight, Ref) or isinstance(bias, Ref):
        return None
    window, beside = sliding(node, weight.shape[2:], axes).before(need, shapes[a["input"].node])
    function = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}[axes]
    stride, dilation, groups = tuple(spread(a["stride"], axes)), tuple(spread(a["dilation"], axes)), a["groups"]
    if has_phases(weight, stride, dilation, groups):
        inner, slower = in_phases(weight, stride), (*stride[:-2], 1, 1)

        def run(x: Tensor) -> Tensor:
            y: Tensor = function(phases(padded(x.to(weight.dtype), beside), stride), inner, bias, slower)
            return y
    elif goes_direct(weight, stride, dilation, groups):
        padding, rest = own_padding(beside, weight.shape[2:])
        back = turned(weight)

        def run(x: Tensor) -> Tensor:
            y: Tensor = Direct.apply(padded(x.to(weight.dtype), rest), weight, back, bias, padding)  # type: ignore[no-untyped-call]
            return y
    else:
        padding, rest = own_padding(beside)

        def run(x: Tensor) -> Tensor:
            y: Tensor = function(padded(x.to(weight.dtype), rest), weight, bias, stride, padding, dilation, groups)
            return y

    return Part(((a["input"].node, window),), need, run)


def max_pool(node: Node, need: Window, shapes: Shapes) -> Part | None:
    a, axes = node.arguments, len(node.shape) - 2
    kernel = spread(a["kernel_size"], axes)
    moving = sliding(node, kernel, axes)
    window, beside = moving.before(need, shapes[a["self"].node])
    rounds_up = not any(beside[0::2]) and all(b < s for b, s in zip(beside[1::2], moving.stride[::-1], strict=True))
    padding, beside = ((0,) * axes, []) if rounds_up else own_padding(beside, kernel)  # rounding up costs no copy
    dilation = spread(a["dilation"], axes)
    function = {2: F.max_pool2d, 3: F.max_pool3d}[axes]

    def run(x: Tensor) -> Tensor:
        y: Tensor = function(padded(x, beside, -torch.inf), kernel, moving.stride, padding, dilation, rounds_up)
        return y

    return Part(((a["self"].node, window),), need, run)


def average_pool(node: Node, need: Window, shapes: Shapes) -> Part | None:
    a, axes = node.arguments, len(node.shape) - 2
    kernel = spread(a["kernel_size"], axes)
    moving = sliding(node, kernel, axes)
    padding_counts = a["count_include_pad"] or not any(moving.padding)
    if a["ceil_mode"] or not padding_counts or a["divisor_override"]:
        return None
    window, beside = moving.before(need, shapes[a["self"].node])
    return Part(((a["self"].node, window),), need, lambda x: averaged(padded(x, beside), kernel, moving.stride))


def averaged(x: Tensor, kernel: Sequence[int], stride: Sequence[int]) -> Tensor:
    """In single precision: CPUs have no three-dimensional average of 16 bits."""
    function = {2: F.avg_pool2d, 3: F.avg_pool3d}[len(kernel)]
    y: Tensor = function(x.float(), tuple(kernel), tuple(stride))
    return y.to(x.dtype)


def adaptive_average_pool(node: Node, need: Window, shapes: Shapes) -> Part | None:
    source = node.arguments["self"].node
    before, after = shapes[source][2:], node.shape[2:]
    if any(b % a for b, a in zip(before, after, strict=True)):
        return None
    size = tuple(b // a for b, a in zip(before, after, strict=True))
    window, _ = Sliding(size, size, (0,) * len(size)).before(need, shapes[source])
    return Part(((source, window),), need, lambda x: averaged(x, size, size))


def pad(node: Node, need: Window, shapes: Shapes) -> Part | None:
    source, sides, value = node.arguments["self"].node, list(node.arguments["pad"]), node.arguments["value"]
    axes = len(need)
    if len(sides) > 2 * axes:
        return None
    before = tuple(([*sides[0::2], *[0] * axes][:axes])[::-1])  # the argument starts at the last axis
    window, beside = Sliding((1,) * axes, (1,) * axes, before).before(need, shapes[source])
    if any(stop <= start for start, stop in window):
        return None
    return Part(((source, window),), need, lambda x: padded(x, beside, value))


def cut_out(node: Node, need: Window, shapes: Shapes) -> Part | None:
    """A slice along any axis but the batch."""
    a, source = node.arguments, node.arguments["self"].node
    dim, shape = a["dim"] % len(node.shape), shapes[source]
    start, stop, _ = slice(a["start"], a["end"], a["step"]).indices(shape[dim])
    if dim == 0:
        return None
    if dim == 1:
        return Part(((source, need),), need, lambda x: x[:, start : stop : a["step"]])
    first, last = need[dim - 2]
    wanted = (start + first * a["step"], start + (last - 1) * a["step"] + 1)
    window = (*need[: dim - 2], wanted, *need[dim - 1 :])
    every = tuple(slice(None) for _ in range(dim))
    return Part(((source, window),), need, lambda x: x[(*every, slice(None, None, a["step"]))])


def concatenation(node: Node, need: Window, shapes: Shapes) -> Part | None:
    parts = node.arguments["tensors"]
    if node.arguments["dim"] % len(node.shape) != 1 or not all(isinstance(part, Ref) for part in parts):
        return None
    return Part(tuple((part.node, need) for part in parts), need, lambda *xs: torch.cat(xs, 1))


def unchanged(node: Node, need: Window, shapes: Shapes) -> Part | None:
    """An operator that keeps every position apart, or whose other arguments are numbers a channel."""
    refs = node.refs
    if node.arguments.get("training") or len(refs) != 1 or shapes[refs[0].node] != node.shape:
        return None
    return Part(((refs[0].node, need),), need, lambda x: node.call(filled(node, [x])))


def pointwise(node: Node, need: Window, shapes: Shapes) -> Part | None:
    """Element by element; what is broadcast along an axis is taken whole along it."""
    rank = len(node.shape)
    takes: list[tuple[int, Window]] = []
    for ref in node.refs:
        shape = shapes[ref.node]
        if len(shape) != rank:
            return None
        takes.append((ref.node, tuple(n if s > 1 else (0, 1) for n, s in zip(need, shape[2:], strict=True))))

    def constant(value: Any) -> Any:
        if not isinstance(value, Tensor) or value.ndim == 0:
            return value
        for axis, (start, stop) in enumerate(need, 2 - rank):
            if value.ndim >= -axis and value.shape[axis] > 1:
                value = value.narrow(axis, start, stop - start)
        return value

    constants = {name: tree_map(constant, value) for name, value in node.arguments.items()}
    fixed = Node(node.func, constants, node.shape)
    return Part(tuple(takes), need, lambda *xs: fixed.call(filled(fixed, xs)))


def filled(node: Node, values: Sequence[Tensor]) -> Mapping[str, Any]:
    """The arguments of a node with tensors in the place of its refs, in order."""
    rest = iter(values)
    return tree_map(lambda leaf: next(rest) if isinstance(leaf, Ref) else leaf, dict(node.arguments))  # type: ignore[no-any-return]


PRODUCTS = (aten.addmm, aten.mm, aten.bmm)
VIEWS = (aten.view, aten._unsafe_view)


def in_one_precision(arguments: Mapping[str, Any], node: Node) -> dict[str, Any]:
    """Where some factors are constants (weights), the others take their precision."""
    constants = [leaf for leaf in node.arguments.values() if isinstance(leaf, Tensor)]
    dtype = constants[0].dtype if constants else None
    return {name: v.to(dtype) if dtype and isinstance(v, Tensor) else v for name, v in arguments.items()}


def entire(node: Node, shapes: Shapes) -> Part:
    """Any operator, on the whole of its inputs. A size that begins with the batch follows the batch."""
    takes = tuple((ref.node, whole(shapes[ref.node])) for ref in node.refs)
    key = next((name for name in ("size", "shape") if isinstance(node.arguments.get(name), list | tuple)), None)
    follows = key if key is not None and list(node.arguments[key][:1]) == [1] else None

    def run(*xs: Tensor) -> Tensor:
        arguments = dict(filled(node, xs))
        if node.func.overloadpacket in PRODUCTS:
            arguments = in_one_precision(arguments, node)
        if follows is not None:
            arguments[follows] = [len(xs[0]), *arguments[follows][1:]]
        if node.func.overloadpacket in VIEWS:  # the recording's layout in memory is not that of this run
            return xs[0].reshape(arguments["size"])
        y: Tensor = node.call(arguments)
        return y

    return Part(takes, whole(node.shape), run)


RULES: dict[Any, Rule] = {
    aten.convolution: convolution,
    aten.constant_pad_nd: pad,
    aten.slice: cut_out,
    aten.cat: concatenation,
    **dict.fromkeys((aten.max_pool2d_with_indices, aten.max_pool3d_with_indices), max_pool),
    **dict.fromkeys((aten.avg_pool2d, aten.avg_pool3d), average_pool),
    **dict.fromkeys((aten._adaptive_avg_pool2d, aten._adaptive_avg_pool3d), adaptive_average_pool),
    **dict.fromkeys((aten.native_batch_norm, aten._native_batch_norm_legit_no_training), unchanged),
    **dict.fromkeys((aten.cudnn_batch_norm, aten.miopen_batch_norm), unchanged),
    **dict.fromkeys((aten.alias, aten.clone, aten._to_copy), unchanged),
}


def part(node: Node, need: Window, shapes: Shapes) -> Part:
    """The operator on what this window of its output needs, or on everything where no rule is known."""
    rule = RULES.get(node.func.overloadpacket)
    if rule is None and torch.Tag.pointwise in node.func.tags:
        rule = pointwise
    found = rule(node, need, shapes) if rule is not None and len(node.shape) > 2 else None
    return found if found is not None else entire(node, shapes)
