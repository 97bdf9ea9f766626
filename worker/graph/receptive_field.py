"""Receptive fields: what each tensor of a forward pass sees of the inputs, in space and time, operator by operator."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.weak import WeakTensorKeyDictionary

from app.contract.network import StreamName
from worker.graph.constants import Constants
from worker.graph.field_rules import input_layout, output_field
from worker.graph.layout import Layout, unknown_layout
from worker.graph.memory import write
from worker.graph.operator_call import Call
from worker.graph.origins import Origins
from worker.graph.spans import Span
from worker.graph.tracked import ReceptiveField, Spans, Tracked

aten = torch.ops.aten

RECTIFIERS = (aten.relu, aten.relu_)
NO_USES = (aten.detach, aten.detach_, aten.alias)  # operators that give the same values under another name
NO_VALUES = (  # operators that take nothing but the shape of a tensor
    *(aten.zeros_like, aten.ones_like, aten.full_like, aten.empty_like, aten.rand_like, aten.randn_like),
    *(aten.new_zeros, aten.new_ones, aten.new_full, aten.new_empty, aten.new_empty_strided),
)


class ReceptiveFieldMode(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """While active, follows the receptive field of every tensor that depends on the inputs.

    A receptive field may come out too large (through an operator without a rule), never too small. `constants` are the
    values of tensors without memory that decide positions, such as indices among a module's buffers.
    """

    def __init__(self, inputs: Mapping[StreamName, Tensor], constants: Mapping[Tensor, Tensor] | None = None) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.whole_inputs: ReceptiveField = {}
        self.origins = Origins()
        self._tracked = WeakTensorKeyDictionary()
        self.constants = Constants(constants)
        # Versions of each tensor that a ReLU read, and that anything else read: a write in place makes a new version
        self._rectified = WeakTensorKeyDictionary()
        self._read = WeakTensorKeyDictionary()
        self._is_lost = False
        for name, tensor in inputs.items():
            height, width = tensor.shape[-2:]
            # the frames of a motion stream lie in its channels: what sees one position of it sees them all
            frames = tensor.shape[2] if name is StreamName.CLIP else 1
            if name is StreamName.MOTION:
                frames = tensor.shape[1] // 2
            whole: Spans = (Span.whole(frames), Span.whole(height), Span.whole(width))
            each: Spans = (Span.each(frames), Span.each(height), Span.each(width))
            self.whole_inputs = {**self.whole_inputs, name: whole}
            spans = (whole[0], *each[1:]) if name is StreamName.MOTION else each
            self._tracked[tensor] = Tracked(input_layout(tuple(tensor.shape)), {name: spans})

    def receptive_field(self, tensor: Tensor) -> ReceptiveField:
        """Return what a tensor sees of the inputs at this moment; all of them where it could not be followed."""
        if self._is_lost or tensor not in self._tracked:
            return self.whole_inputs
        return self._tracked[tensor].field or self.whole_inputs

    def layout(self, tensor: Tensor) -> Layout:
        """Return the axes of the clips that the dimensions of a tensor run along at this moment, as far as known."""
        if tensor not in self._tracked:
            return unknown_layout(tensor.shape)
        return self._tracked[tensor].layout  # type: ignore[no-any-return]

    def rectified(self, tensor: Tensor, version: int) -> bool:
        """Return whether the values that a tensor had at a version (`tensor._version`) went into ReLUs alone."""
        rectified, read = (uses.get(tensor, ()) for uses in (self._rectified, self._read))  # type: ignore[no-untyped-call]
        return version in rectified and version not in read

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        tensors = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
        versions = [(tensor, tensor._version) for tensor in tensors if tensor in self._tracked]
        if func.overloadpacket is aten._local_scalar_dense and not versions:
            number = self.constants.scalar(args[0])
            if number is not None:
                return number
        outputs = func(*args, **kwargs)
        if not versions or func.overloadpacket in NO_VALUES:
            self.constants.follow(func, args, kwargs, outputs)
            return outputs
        results = [output for output in tree_leaves(outputs) if isinstance(output, Tensor)]
        if func.overloadpacket not in NO_USES and any(output.is_floating_point() for output in results):
            uses = self._rectified if func.overloadpacket in RECTIFIERS else self._read
            for tensor, version in versions:
                uses.setdefault(tensor, set()).add(version)  # type: ignore[no-untyped-call]
        names = [argument.name for argument in func._schema.arguments]
        defaults = {a.name: a.default_value for a in func._schema.arguments if a.has_default_value()}
        arguments = defaults | dict(zip(names, args, strict=False)) | kwargs
        written = [argument.name for argument in func._schema.arguments if _is_written(argument)]
        changed = [leaf for leaf in tree_leaves([arguments[name] for name in written]) if isinstance(leaf, Tensor)]
        if any(tensor not in self._tracked and tensor not in self.constants for tensor in changed):
            self._is_lost = True  # written into memory that is not followed
        followed = [tensor for tensor, _ in versions]
        calls = [Call(arguments, self._track, self.constants.value, each, at) for at, each in enumerate(results)]
        found = [output_field(func, call, followed) for call in calls]
        self.origins.follow(func, followed, results)
        for output, tracked in zip(results, found, strict=True):
            if written:
                self._follow_write(output, tracked)
            self.constants.remove(output)
            self._tracked[output] = tracked
        return outputs

    def _track(self, tensor: Tensor) -> Tracked:
        """Return what a tensor sees, which is nothing if it does not depend on the inputs."""
        found: Tracked = self._tracked.get(tensor, Tracked(unknown_layout(tensor.shape), {}))  # type: ignore[no-untyped-call]
        return found

    def _follow_write(self, written: Tensor, tracked: Tracked) -> None:
        """Widen what all other tensors see that lie in the memory of one that has been written into."""
        memory = written.untyped_storage()._cdata
        for other in [*self._tracked, *self.constants]:
            if other is not written and other.untyped_storage()._cdata == memory:
                self._tracked[other] = write(self._track(other), other, tracked, written)
                self.constants.remove(other)
                self.origins.write(other, written)


def _is_written(argument: Any) -> bool:
    return argument.alias_info is not None and argument.alias_info.is_write
