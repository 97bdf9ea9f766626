"""What each tensor of a forward pass sees of the inputs, operator by operator, in space and time."""

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
    """Along one axis, position p of a tensor sees the input from p * jump + low to p * jump + high, both
    included. No jump: every position sees all of it.
    """

    jump: int | None = 1
    low: int = 0
    high: int = 0

    @property
    def size(self) -> int | None:
        return None if self.jump is None else self.high - self.low + 1

    def window(self, size: int, stride: int, padding: int) -> "Span":
        """Through a window of `size` positions that moves by `stride`, from `padding` before the first."""
        if self.jump is None:
            return self
        low, high = self.low - padding * self.jump, self.high + (size - 1 - padding) * self.jump
        return Span(self.jump * stride, low, high)

    def join(self, other: "Span") -> "Span":
        if self.jump is None or self.jump != other.jump:
            return ALL
        return Span(self.jump, min(self.low, other.low), max(self.high, other.high))


ALL = Span(None)

Spans = tuple[Span, Span, Span]  # frames, height, width
Sight = Mapping[StreamName, Spans]  # streams that a tensor does not depend on are missing
Arguments = Mapping[str, Any]  # of an operator, by the names of its schema


def join(sights: Iterable[Sight]) -> Sight:
    joined: dict[StreamName, Spans] = {}
    for sight in sights:
        for name, (t, h, w) in sight.items():
            old = joined.get(name, (t, h, w))
            joined[name] = (old[0].join(t), old[1].join(h), old[2].join(w))
    return joined


def everything(sight: Sight) -> Sight:
    return dict.fromkeys(sight, (ALL, ALL, ALL))


def windows(sight: Sight, size: list[int], stride: list[int], padding: list[int]) -> Sight:
    """Through a window over the last axes, as many as `size` has."""

    def moved(spans: Spans) -> Spans:
        rest, last = spans[: 3 - len(size)], spans[3 - len(size) :]
        t, h, w = (*rest, *(span.window(*at) for span, *at in zip(last, size, stride, padding, strict=True)))
        return t, h, w

    return {name: moved(spans) for name, spans in sight.items()}


def spread(value: list[int], axes: int) -> list[int]:
    """An operator's size argument, where one number may stand for all axes."""
    return list(value) * axes if len(value) == 1 else list(value)


def convolution(sight: Sight, arguments: Arguments, output: Tensor) -> Sight:
    if arguments["transposed"]:
        return everything(sight)
    axes = output.ndim - 2
    kernel, dilation = arguments["weight"].shape[2:], spread(arguments["dilation"], axes)
    size = [(k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True)]
    return windows(sight, size, spread(arguments["stride"], axes), spread(arguments["padding"], axes))


def pool(sight: Sight, arguments: Arguments, output: Tensor) -> Sight:
    axes = output.ndim - 2
    kernel = spread(arguments["kernel_size"], axes)
    dilation = spread(arguments.get("dilation", [1]), axes)
    stride = spread(arguments["stride"], axes) or kernel
    size = [(k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True)]
    return windows(sight, size, stride, spread(arguments["padding"], axes))


def adaptive_pool(sight: Sight, arguments: Arguments, output: Tensor) -> Sight:
    before, after = arguments["self"].shape[2:], output.shape[2:]
    if any(b % a for b, a in zip(before, after, strict=True)):
        return everything(sight)
    size = [b // a for b, a in zip(before, after, strict=True)]
    return windows(sight, size, size, [0] * len(size))


def pad(sight: Sight, arguments: Arguments, output: Tensor) -> Sight:
    sides = arguments["pad"]
    before = list(sides[0::2][::-1])  # the argument starts at the last axis
    before = [0] * (3 - len(before)) + before
    if len(before) > 3:
        return everything(sight)
    return windows(sight, [1, 1, 1], [1, 1, 1], before)


def unchanged(sight: Sight, arguments: Arguments, output: Tensor) -> Sight:
    return sight


def along_channels(sight: Sight, arguments: Arguments, output: Tensor) -> Sight:
    return sight if arguments["dim"] == 1 and output.ndim > 2 else everything(sight)


aten = torch.ops.aten

# How an operator's output sees the inputs, given what its own inputs see together. Element by element
# operators are known by their tag; all others see everything.
RULES: dict[Any, Callable[[Sight, Arguments, Tensor], Sight]] = {
    aten.convolution: convolution,
    aten.constant_pad_nd: pad,
    **dict.fromkeys((aten.max_pool2d_with_indices, aten.max_pool3d_with_indices), pool),
    **dict.fromkeys((aten.max_pool2d, aten.max_pool3d, aten.avg_pool2d, aten.avg_pool3d), pool),
    **dict.fromkeys((aten._adaptive_avg_pool2d, aten._adaptive_avg_pool3d), adaptive_pool),
    **dict.fromkeys((aten.adaptive_max_pool2d, aten.adaptive_max_pool3d), adaptive_pool),
    **dict.fromkeys((aten.cat, aten.slice, aten.split, aten.split_with_sizes), along_channels),
    **dict.fromkeys((aten.native_batch_norm, aten._native_batch_norm_legit_no_training), unchanged),
    **dict.fromkeys((aten.cudnn_batch_norm, aten.miopen_batch_norm), unchanged),
    **dict.fromkeys((aten.detach, aten.alias, aten.clone, aten._to_copy, aten.native_dropout), unchanged),
}
RECTIFIERS = (aten.relu, aten.relu_)


class GeometryMode(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """While active, follows every tensor that depends on the inputs. A receptive field may come out too large
    (through an operator without a rule), never too small.
    """

    def __init__(self, inputs: Mapping[StreamName, Tensor]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        one = Span()
        # the fields of a motion stream lie in its channels: what sees one position of it sees them all
        self.everything: Sight = dict.fromkeys(inputs, (ALL, ALL, ALL))
        self._sights = WeakTensorKeyDictionary()
        self._rectified = WeakTensorKeyDictionary()
        self._lost = False
        for name, tensor in inputs.items():
            self._sights[tensor] = {name: (ALL if name is StreamName.MOTION else one, one, one)}

    def sight(self, tensor: Tensor) -> Sight:
        if self._lost or tensor not in self._sights:
            return self.everything
        return self._sights[tensor]  # type: ignore[no-any-return]

    def rectified(self, tensor: Tensor) -> bool:
        """Whether the tensor went straight into a ReLU."""
        return tensor in self._rectified

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        outputs = func(*args, **(kwargs or {}))
        seen = [t for t in tree_leaves((args, kwargs)) if isinstance(t, Tensor) and t in self._sights]
        if not seen:
            return outputs
        if func.overloadpacket in RECTIFIERS:
            self._rectified[args[0]] = True
        if func._schema.is_mutable and (args[0] not in self._sights or _is_part(args[0])):
            self._lost = True  # written into another tensor's memory, which is not followed
        names = [argument.name for argument in func._schema.arguments]
        defaults = {a.name: a.default_value for a in func._schema.arguments if a.has_default_value()}
        arguments = defaults | dict(zip(names, args, strict=False)) | (kwargs or {})
        for output in tree_leaves(outputs):
            if isinstance(output, Tensor):
                self._sights[output] = self._through(func, arguments, seen, output)
        return outputs

    def _through(self, func: Any, arguments: Arguments, seen: list[Tensor], output: Tensor) -> Sight:
        sights = [self._sights[tensor] for tensor in seen]
        if torch.Tag.pointwise in func.tags:
            # what is broadcast (a gate for a whole map, say) is seen whole from every position
            same = [t.shape[2:] == output.shape[2:] and t.ndim == output.ndim for t in seen]
            return join(s if fits else everything(s) for s, fits in zip(sights, same, strict=True))
        rule = RULES.get(func.overloadpacket)
        # what a rule is about: many tensors (cat) or the first one, but no weights made from the inputs
        data = arguments.get("tensors") or [arguments.get("self", arguments.get("input"))]
        if rule is None or any(all(t is not d for d in data) for t in seen):
            return everything(join(sights))
        return rule(join(sights), arguments, output)


def _is_part(tensor: Tensor) -> bool:
    return tensor.untyped_storage().nbytes() != tensor.numel() * tensor.element_size()
