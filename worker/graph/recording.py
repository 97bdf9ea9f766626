"""Record what a network computes up to one of its layers, operator by operator, so that parts of it can run again.

torch.fx (`make_fx`) is no alternative: it traces a custom autograd.Function as the operators of its forward pass, which
silently loses its gradient, and it does not say why a network cannot be run again, which the notes of a result do.
"""

from collections.abc import Collection, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map
from torch.utils.weak import WeakTensorKeyDictionary

from app.contract.network import StreamName
from worker.graph.forward_hook import forward_to, observe_outputs
from worker.graph.inputs import Inputs

aten = torch.ops.aten


class NotRecordable(Exception):
    """The network cannot be run again from a recording; the message says why."""


@dataclass(frozen=True)
class Ref:
    """Stands in a node's arguments for the output of another node."""

    node: int  # its index


@dataclass(frozen=True)
class Node:
    """One operator, applied to outputs of earlier nodes and to constants. An input has no operator."""

    func: Any  # torch.ops.aten overload, None for an input
    arguments: Mapping[str, Any]  # by the names of the schema; Ref, constant tensors, numbers
    shape: tuple[int, ...]  # of the (first) output, for a batch of one

    @property
    def refs(self) -> list[Ref]:
        return [leaf for leaf in tree_leaves(dict(self.arguments)) if isinstance(leaf, Ref)]

    def call(self, arguments: Mapping[str, Any]) -> Any:
        """Return the operator's first output for these arguments."""
        schema = self.func._schema.arguments
        positional = [arguments[a.name] for a in schema if not a.kwarg_only]
        keywords = {a.name: arguments[a.name] for a in schema if a.kwarg_only}
        output = self.func(*positional, **keywords)
        return output if isinstance(output, Tensor) else output[0]


@dataclass(frozen=True)
class Recording:
    """The operators that lead from the inputs to a layer's activation, in the order in which they ran."""

    nodes: tuple[Node, ...]
    inputs: Mapping[StreamName, int]  # index of each input's node
    target: int  # index of the node that is the layer's activation
    activation: Tensor  # the activation when it was recorded
    marks: Mapping[str, int] = field(default_factory=dict)  # index of the node that is a marked submodule's output


def record(module: nn.Module, path: str, inputs: Inputs, marks: Collection[str] = ()) -> Recording:
    """Run the module on inputs of a batch of one as far as its submodule `path`, and return what it computed.

    `marks` are the paths of submodules whose outputs the recording names, where they run before `path`. Raises
    NotRecordable where what the module computes depends on values, or cannot be followed.
    """
    # with gradients, as it will run: what leaves autograd on the way (NumPy, say) fails here too
    leaves = {name: x.detach().requires_grad_() for name, x in inputs.items()}
    recorder = _Recorder(leaves)
    marked: dict[str, int] = {}

    def mark(name: str, output: Tensor) -> None:
        index = recorder.node_index(output)
        if index is not None:
            marked[name] = index

    with ExitStack() as stack:
        stack.enter_context(observe_outputs(module, marks, mark))
        run = stack.enter_context(forward_to(module, path))
        stack.enter_context(torch.enable_grad())
        stack.enter_context(recorder)
        activation = run(leaves)
    target = recorder.node_index(activation) if isinstance(activation, Tensor) else None
    if target is None:
        raise NotRecordable("its activation is not one tensor made from the inputs")
    return Recording(tuple(recorder.nodes), recorder.inputs, target, activation.detach(), marked)


class _Recorder(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Adds a node for every operator that depends on the inputs. What depends on weights alone is a constant."""

    def __init__(self, inputs: Inputs) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.nodes: list[Node] = []
        self.inputs: dict[StreamName, int] = {}
        self._indices = WeakTensorKeyDictionary()  # node index of each tensor; None for second outputs of operators
        for name, tensor in inputs.items():
            self.inputs[name] = self._add_node(tensor, None, {})

    def node_index(self, tensor: Tensor) -> int | None:
        """Return the index of the node that made the tensor, None where it was not recorded."""
        index: int | None = self._indices.get(tensor)  # type: ignore[no-untyped-call]
        return index

    def _add_node(self, output: Tensor, func: Any, arguments: Mapping[str, Any]) -> int:
        self.nodes.append(Node(func, arguments, tuple(output.shape)))
        self._indices[output] = len(self.nodes) - 1
        return len(self.nodes) - 1

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        names = [argument.name for argument in func._schema.arguments]
        passed = dict(zip(names, args, strict=False)) | (kwargs or {})
        tensors = [leaf for leaf in tree_leaves(passed) if isinstance(leaf, Tensor)]
        if not any(tensor in self._indices for tensor in tensors):
            return func(*args, **(kwargs or {}))
        if func._schema.is_mutable and any(self._shares_memory(t) for t in _mutated_tensors(func, passed)):
            raise NotRecordable(f"{func} writes into memory that other tensors share")
        if not torch.is_grad_enabled():
            raise NotRecordable("a part of it runs without gradients")
        defaults = {a.name: a.default_value for a in func._schema.arguments if a.has_default_value()}
        arguments = tree_map(self._as_ref, defaults | passed)  # before the call, which may write into its arguments
        outputs = func(*args, **(kwargs or {}))
        self._record(func, arguments, outputs)
        return outputs

    def _as_ref(self, value: Any) -> Any:
        if not isinstance(value, Tensor) or value not in self._indices:
            return value
        index = self._indices[value]
        if index is None:
            raise NotRecordable("it uses a second output of an operator")
        return Ref(index)

    def _record(self, func: Any, arguments: Mapping[str, Any], outputs: Any) -> None:
        if func.overloadpacket in (aten.split, aten.split_with_sizes):
            self._record_as_slices(arguments, outputs)
        elif isinstance(outputs, Tensor):
            self._add_node(outputs, _out_of_place(func), arguments)
        elif isinstance(outputs, tuple | list) and outputs and isinstance(outputs[0], Tensor):
            self._add_node(outputs[0], _out_of_place(func), arguments)
            for other in outputs[1:]:
                if isinstance(other, Tensor):
                    self._indices[other] = None
        else:
            raise NotRecordable(f"{func} looks at values")

    def _record_as_slices(self, arguments: Mapping[str, Any], outputs: list[Tensor]) -> None:
        """Add one slice for each output of a split."""
        start, dim = 0, arguments["dim"]
        for output in outputs:
            stop = start + output.shape[dim]
            part = {"self": arguments["self"], "dim": dim, "start": start, "end": stop, "step": 1}
            self._add_node(output, aten.slice.Tensor, part)
            start = stop

    def _shares_memory(self, tensor: Tensor) -> bool:
        """Return whether another recorded tensor lies in the same memory; True for every constant."""
        memory = tensor.untyped_storage()
        others = (t for t in self._indices if t is not tensor)
        return (
            tensor not in self._indices
            or memory.nbytes() != tensor.numel() * tensor.element_size()
            or any(other.untyped_storage().data_ptr() == memory.data_ptr() for other in others)
        )


def _mutated_tensors(func: Any, arguments: Mapping[str, Any]) -> list[Tensor]:
    names = [a.name for a in func._schema.arguments if a.alias_info is not None and a.alias_info.is_write]
    return [leaf for leaf in tree_leaves([arguments.get(name) for name in names]) if isinstance(leaf, Tensor)]


def _out_of_place(func: Any) -> Any:
    """Return the operator that returns what an in-place operator would write."""
    if not func._schema.is_mutable:
        return func
    packet = getattr(aten, func.overloadpacket.__name__.rstrip("_"), None)
    if packet is None or func._overloadname not in packet.overloads():
        raise NotRecordable(f"{func} has no form that leaves its argument as it is")
    return getattr(packet, func._overloadname)
