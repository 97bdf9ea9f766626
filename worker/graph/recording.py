"""What a network computes on the way to one of its layers, operator by operator, so that a part of it can run again."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map
from torch.utils.weak import WeakTensorKeyDictionary

from app.contract.network import StreamName
from worker.graph.forward_hook import probe
from worker.graph.inputs import Inputs

aten = torch.ops.aten


class NotRecordable(Exception):
    """The network cannot be run again from a recording; the message says why."""


@dataclass(frozen=True)
class Ref:
    """Stands in a node's arguments for the output of another node."""

    node: int


@dataclass(frozen=True)
class Node:
    """One operator on outputs of earlier nodes and on constants. An input has no operator."""

    func: Any  # torch.ops.aten overload
    arguments: Mapping[str, Any]  # by the names of its schema; Ref, constant tensors, numbers
    shape: tuple[int, ...]  # of its (first) output, for a batch of one

    @property
    def refs(self) -> list[Ref]:
        return [leaf for leaf in tree_leaves(dict(self.arguments)) if isinstance(leaf, Ref)]

    def call(self, arguments: Mapping[str, Any]) -> Any:
        """The operator's first output for these arguments."""
        schema = self.func._schema.arguments
        positional = [arguments[a.name] for a in schema if not a.kwarg_only]
        keywords = {a.name: arguments[a.name] for a in schema if a.kwarg_only}
        output = self.func(*positional, **keywords)
        return output if isinstance(output, Tensor) else output[0]


@dataclass(frozen=True)
class Recording:
    nodes: tuple[Node, ...]
    inputs: Mapping[StreamName, int]  # the node of each stream
    target: int  # the layer's activation
    activation: Tensor  # what it was


def record(module: nn.Module, path: str, inputs: Inputs) -> Recording:
    """Runs the network on inputs of a batch of one as far as its submodule `path`. Raises NotRecordable where what it
    does depends on values, or cannot be followed.
    """
    # with gradients, as it will run: what leaves autograd on the way (NumPy, say) fails here too
    leaves = {name: x.detach().requires_grad_() for name, x in inputs.items()}
    recorder = _Recorder(leaves)
    with probe(module, path) as run, torch.enable_grad(), recorder:
        activation = run(leaves)
    target = recorder.place(activation) if isinstance(activation, Tensor) else None
    if target is None:
        raise NotRecordable("its activation is not one tensor made from the inputs")
    return Recording(tuple(recorder.nodes), recorder.inputs, target, activation.detach())


class _Recorder(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Notes every operator whose arguments depend on the inputs. What depends on weights alone is a constant."""

    def __init__(self, inputs: Inputs) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.nodes: list[Node] = []
        self.inputs: dict[StreamName, int] = {}
        self._places = WeakTensorKeyDictionary()  # the node of each tensor; None for outputs that are not followed
        for name, tensor in inputs.items():
            self.inputs[name] = self._note(tensor, None, {})

    def place(self, tensor: Tensor) -> int | None:
        place: int | None = self._places.get(tensor)  # type: ignore[no-untyped-call]
        return place

    def _note(self, tensor: Tensor, func: Any, arguments: Mapping[str, Any]) -> int:
        self.nodes.append(Node(func, arguments, tuple(tensor.shape)))
        self._places[tensor] = len(self.nodes) - 1
        return len(self.nodes) - 1

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        names = [argument.name for argument in func._schema.arguments]
        given = dict(zip(names, args, strict=False)) | (kwargs or {})
        tensors = [leaf for leaf in tree_leaves(given) if isinstance(leaf, Tensor)]
        followed = any(tensor in self._places for tensor in tensors)
        if not followed:
            return func(*args, **(kwargs or {}))
        if func._schema.is_mutable and any(self._shared(tensor) for tensor in self._written(func, given)):
            raise NotRecordable(f"{func} writes into memory that other tensors share")
        if not torch.is_grad_enabled():
            raise NotRecordable("a part of it runs without gradients")
        defaults = {a.name: a.default_value for a in func._schema.arguments if a.has_default_value()}
        arguments = tree_map(self._ref, defaults | given)
        outputs = func(*args, **(kwargs or {}))
        self._keep(func, arguments, outputs)
        return outputs

    def _ref(self, value: Any) -> Any:
        if not isinstance(value, Tensor) or value not in self._places:
            return value
        place = self._places[value]
        if place is None:
            raise NotRecordable("it uses a second output of an operator")
        return Ref(place)

    def _keep(self, func: Any, arguments: Mapping[str, Any], outputs: Any) -> None:
        if func.overloadpacket in (aten.split, aten.split_with_sizes):
            self._split(arguments, outputs)
        elif isinstance(outputs, Tensor):
            self._note(outputs, _lasting(func), arguments)
        elif isinstance(outputs, tuple | list) and outputs and isinstance(outputs[0], Tensor):
            self._note(outputs[0], _lasting(func), arguments)
            for other in outputs[1:]:
                if isinstance(other, Tensor):
                    self._places[other] = None
        else:
            raise NotRecordable(f"{func} looks at values")

    def _split(self, arguments: Mapping[str, Any], outputs: list[Tensor]) -> None:
        """As slices, one after the other."""
        start, dim = 0, arguments["dim"]
        for output in outputs:
            stop = start + output.shape[dim]
            part = {"self": arguments["self"], "dim": dim, "start": start, "end": stop, "step": 1}
            self._note(output, aten.slice.Tensor, part)
            start = stop

    @staticmethod
    def _written(func: Any, given: Mapping[str, Any]) -> list[Tensor]:
        marked = [a.name for a in func._schema.arguments if a.alias_info is not None and a.alias_info.is_write]
        return [leaf for leaf in tree_leaves([given.get(name) for name in marked]) if isinstance(leaf, Tensor)]

    def _shared(self, tensor: Tensor) -> bool:
        """Whether another tensor that is followed lies in the same memory; always for a constant."""
        memory = tensor.untyped_storage()
        others = (t for t in self._places if t is not tensor)
        return (
            tensor not in self._places
            or memory.nbytes() != tensor.numel() * tensor.element_size()
            or any(other.untyped_storage().data_ptr() == memory.data_ptr() for other in others)
        )


def _lasting(func: Any) -> Any:
    """The operator that returns what an operator in place would write."""
    if not func._schema.is_mutable:
        return func
    packet = getattr(aten, func.overloadpacket.__name__.rstrip("_"), None)
    if packet is None or func._overloadname not in packet.overloads():
        raise NotRecordable(f"{func} has no form that leaves its argument as it is")
    return getattr(packet, func._overloadname)
