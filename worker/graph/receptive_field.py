"""Receptive fields: what each tensor of a forward pass sees of the inputs, in space and time, operator by operator."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.weak import WeakTensorKeyDictionary

from app.contract.network import StreamName

aten = torch.ops.aten


@dataclass(frozen=True)
class Span:
    """What a tensor sees along one axis: position p the inputs p * jump + low to p * jump + high, both included.

    Without a jump, every position sees the whole axis.
    """

    jump: int | None = 1
    low: int = 0
    high: int = 0

    @property
    def size(self) -> int | None:
        return None if self.jump is None else self.high - self.low + 1

    def slide(self, size: int, stride: int, padding: int) -> "Span":
        """Return the span of a window of `size` positions that moves by `stride`, from `padding` before the first."""
        if self.jump is None:
            return self
        low, high = self.low - padding * self.jump, self.high + (size - 1 - padding) * self.jump
        return Span(self.jump * stride, low, high)

    def union(self, other: "Span") -> "Span":
        """Return a span that holds both; the whole axis where they move differently."""
        if self.jump is None or self.jump != other.jump:
            return WHOLE_AXIS
        return Span(self.jump, min(self.low, other.low), max(self.high, other.high))


WHOLE_AXIS = Span(None)

Spans = tuple[Span, Span, Span]  # frames, height, width
ReceptiveField = Mapping[StreamName, Spans]  # streams that a tensor does not depend on are missing
Arguments = Mapping[str, Any]  # of an operator, by the names of its schema


def union(fields: Iterable[ReceptiveField]) -> ReceptiveField:
    """Return a receptive field that holds all of these."""
    joined: dict[StreamName, Spans] = {}
    for field in fields:
        for name, (t, h, w) in field.items():
            old = joined.get(name, (t, h, w))
            joined[name] = (old[0].union(t), old[1].union(h), old[2].union(w))
    return joined


def whole_axes(field: ReceptiveField) -> ReceptiveField:
    """Return the whole of every stream that the field reaches."""
    return dict.fromkeys(field, (WHOLE_AXIS, WHOLE_AXIS, WHOLE_AXIS))


def slide(field: ReceptiveField, size: list[int], stride: list[int], padding: list[int]) -> ReceptiveField:
    """Return the field through a sliding window over the last axes, as many as `size` has."""

    def slide_spans(spans: Spans) -> Spans:
        rest, last = spans[: 3 - len(size)], spans[3 - len(size) :]
        t, h, w = (*rest, *(span.slide(*window) for span, *window in zip(last, size, stride, padding, strict=True)))
        return t, h, w

    return {name: slide_spans(spans) for name, spans in field.items()}


def per_axis(value: list[int], axes: int) -> list[int]:
    """Return an operator's size argument with one number for each axis, where one may stand for all."""
    return list(value) * axes if len(value) == 1 else list(value)


def convolution(field: ReceptiveField, arguments: Arguments, output: Tensor) -> ReceptiveField:
    """Return the field of a convolution; a transposed one sees everything."""
    if arguments["transposed"]:
        return whole_axes(field)
    axes = output.ndim - 2
    kernel, dilation = arguments["weight"].shape[2:], per_axis(arguments["dilation"], axes)
    size = [(k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True)]
    return slide(field, size, per_axis(arguments["stride"], axes), per_axis(arguments["padding"], axes))


def pool(field: ReceptiveField, arguments: Arguments, output: Tensor) -> ReceptiveField:
    """Return the field of a maximum or average pool."""
    axes = output.ndim - 2
    kernel = per_axis(arguments["kernel_size"], axes)
    dilation = per_axis(arguments.get("dilation", [1]), axes)
    stride = per_axis(arguments["stride"], axes) or kernel
    size = [(k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True)]
    return slide(field, size, stride, per_axis(arguments["padding"], axes))


def adaptive_pool(field: ReceptiveField, arguments: Arguments, output: Tensor) -> ReceptiveField:
    """Return the field of an adaptive pool; everything where its output size does not divide its input size."""
    before, after = arguments["self"].shape[2:], output.shape[2:]
    if any(b % a for b, a in zip(before, after, strict=True)):
        return whole_axes(field)
    size = [b // a for b, a in zip(before, after, strict=True)]
    return slide(field, size, size, [0] * len(size))


def pad(field: ReceptiveField, arguments: Arguments, output: Tensor) -> ReceptiveField:
    """Return the field of a padding by a constant."""
    sides = arguments["pad"]
    before = list(sides[0::2][::-1])  # the argument starts at the last axis
    before = [0] * (3 - len(before)) + before
    if len(before) > 3:
        return whole_axes(field)
    return slide(field, [1, 1, 1], [1, 1, 1], before)


def same_positions(field: ReceptiveField, arguments: Arguments, output: Tensor) -> ReceptiveField:
    """Return the field of an operator whose output positions see the same input positions."""
    return field


def along_channels(field: ReceptiveField, arguments: Arguments, output: Tensor) -> ReceptiveField:
    """Return the field of an operator that joins or splits channels; along any other axis, everything."""
    return field if arguments["dim"] == 1 and output.ndim > 2 else whole_axes(field)


# The receptive field of an operator's output, from that of its own inputs together. Elementwise operators are known by
# their tag; the output of any other operator sees everything.
RULES: dict[Any, Callable[[ReceptiveField, Arguments, Tensor], ReceptiveField]] = {
    aten.convolution: convolution,
    aten.constant_pad_nd: pad,
    **dict.fromkeys((aten.max_pool2d_with_indices, aten.max_pool3d_with_indices), pool),
    **dict.fromkeys((aten.max_pool2d, aten.max_pool3d, aten.avg_pool2d, aten.avg_pool3d), pool),
    **dict.fromkeys((aten._adaptive_avg_pool2d, aten._adaptive_avg_pool3d), adaptive_pool),
    **dict.fromkeys((aten.adaptive_max_pool2d, aten.adaptive_max_pool3d), adaptive_pool),
    **dict.fromkeys((aten.cat, aten.slice, aten.split, aten.split_with_sizes), along_channels),
    **dict.fromkeys((aten.native_batch_norm, aten._native_batch_norm_legit_no_training), same_positions),
    **dict.fromkeys((aten.cudnn_batch_norm, aten.miopen_batch_norm), same_positions),
    **dict.fromkeys((aten.detach, aten.alias, aten.clone, aten._to_copy, aten.native_dropout), same_positions),
}
RECTIFIERS = (aten.relu, aten.relu_)
NO_USES = (aten.detach, aten.detach_, aten.alias)  # operators that give the same values under another name


class ReceptiveFieldMode(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """While active, follows the receptive field of every tensor that depends on the inputs.

    A receptive field may come out too large (through an operator without a rule), never too small.
    """

    def __init__(self, inputs: Mapping[StreamName, Tensor]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        position = Span()
        self.whole_inputs: ReceptiveField = dict.fromkeys(inputs, (WHOLE_AXIS, WHOLE_AXIS, WHOLE_AXIS))
        self._fields = WeakTensorKeyDictionary()
        # Versions of each tensor that a ReLU read, and that anything else read: a write in place makes a new version
        self._rectified = WeakTensorKeyDictionary()
        self._read = WeakTensorKeyDictionary()
        self._is_lost = False
        for name, tensor in inputs.items():
            # the frames of a motion stream lie in its channels: what sees one position of it sees them all
            frames = WHOLE_AXIS if name is StreamName.MOTION else position
            self._fields[tensor] = {name: (frames, position, position)}

    def receptive_field(self, tensor: Tensor) -> ReceptiveField:
        """Return what a tensor sees of the inputs at this moment; all of them where it could not be followed."""
        if self._is_lost or tensor not in self._fields:
            return self.whole_inputs
        return self._fields[tensor]  # type: ignore[no-any-return]

    def rectified(self, tensor: Tensor, version: int) -> bool:
        """Return whether the values that a tensor had at a version (`tensor._version`) went into ReLUs alone."""
        rectified, read = (uses.get(tensor, ()) for uses in (self._rectified, self._read))  # type: ignore[no-untyped-call]
        return version in rectified and version not in read

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        versions = [(t, t._version) for t in tree_leaves((args, kwargs)) if isinstance(t, Tensor) and t in self._fields]
        outputs = func(*args, **(kwargs or {}))
        if not versions:
            return outputs
        results = [output for output in tree_leaves(outputs) if isinstance(output, Tensor)]
        if func.overloadpacket not in NO_USES and any(output.is_floating_point() for output in results):
            uses = self._rectified if func.overloadpacket in RECTIFIERS else self._read
            for tensor, version in versions:
                uses.setdefault(tensor, set()).add(version)  # type: ignore[no-untyped-call]
        names = [argument.name for argument in func._schema.arguments]
        defaults = {a.name: a.default_value for a in func._schema.arguments if a.has_default_value()}
        arguments = defaults | dict(zip(names, args, strict=False)) | (kwargs or {})
        written = [argument.name for argument in func._schema.arguments if _is_written(argument)]
        if any(tensor not in self._fields for tensor in tree_leaves([arguments[name] for name in written])):
            self._is_lost = True  # written into memory that is not followed
        followed = [tensor for tensor, _ in versions]
        fields = [self._output_field(func, arguments, followed, output) for output in results]
        for output, field in zip(results, fields, strict=True):
            if written:
                self._follow_write(output, field)
            self._fields[output] = field
        return outputs

    def _follow_write(self, written: Tensor, field: ReceptiveField) -> None:
        """Widen what all other tensors see that lie in the memory of one that has been written into."""
        memory = written.untyped_storage()._cdata
        for other in [t for t in self._fields if t is not written and t.untyped_storage()._cdata == memory]:
            same_shape = other.shape == written.shape
            self._fields[other] = union([self._fields[other], field if same_shape else whole_axes(field)])

    def _output_field(self, func: Any, arguments: Arguments, followed: list[Tensor], output: Tensor) -> ReceptiveField:
        fields = [self._fields[tensor] for tensor in followed]
        if torch.Tag.pointwise in func.tags:
            # what is broadcast (a gate for a whole map, say) is seen whole from every position
            same = [t.shape[2:] == output.shape[2:] and t.ndim == output.ndim for t in followed]
            return union(f if fits else whole_axes(f) for f, fits in zip(fields, same, strict=True))
        rule = RULES.get(func.overloadpacket)
        # a rule holds for the operator's data, many tensors (cat) or the first; not for weights made from the inputs
        data = arguments.get("tensors") or [arguments.get("self", arguments.get("input"))]
        if rule is None or any(all(t is not d for d in data) for t in followed):
            return whole_axes(union(fields))
        return rule(union(fields), arguments, output)


def _is_written(argument: Any) -> bool:
    return argument.alias_info is not None and argument.alias_info.is_write
