"""Values of small tensors that do not depend on the inputs, while a network runs on shapes alone.

Indices (`torch.linspace(0, 31, 8).long()`) decide which frames a layer sees. So what is made from nothing, or from
other known values, is computed on the CPU too, beside the tensor without memory.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves, tree_map
from torch.utils.weak import WeakTensorKeyDictionary

MAX_VALUES = 65_536  # in a tensor


class Constants:
    """The tensors that were made without the inputs, and the values of those that are known."""

    def __init__(self, values: Mapping[Tensor, Tensor] | None = None) -> None:
        self._values = WeakTensorKeyDictionary()  # None where the values are not known
        for tensor, known in (values or {}).items():
            self.add(tensor, known)

    def __contains__(self, tensor: Tensor) -> bool:
        return tensor in self._values

    def __iter__(self) -> Any:
        return iter(list(self._values))

    def value(self, tensor: Tensor) -> Tensor | None:
        """Return the values of a tensor, on the CPU; None where they are not known."""
        if tensor.device.type != "meta":
            return tensor.detach().cpu()
        known: Tensor | None = self._values.get(tensor)  # type: ignore[no-untyped-call]
        return known

    def remove(self, tensor: Tensor) -> None:
        """Take away a tensor that depends on the inputs from now on."""
        if tensor in self._values:
            del self._values[tensor]

    def follow(self, func: Any, args: Any, kwargs: Mapping[str, Any], outputs: Any) -> None:
        """Take in what an operator returned that got no tensor that depends on the inputs."""
        results = [leaf for leaf in tree_leaves(outputs) if isinstance(leaf, Tensor)]
        found = self._compute(func, args, kwargs, results)
        for result, known in zip(results, found, strict=True):
            self._values[result] = known

    def add(self, tensor: Tensor, values: Tensor) -> None:
        """Take in a tensor whose values are known."""
        self._values[tensor] = values

    def scalar(self, tensor: Tensor) -> Any:
        """Return the number that a tensor of one element is; None where it is not known."""
        known = self.value(tensor)
        return None if known is None else known.item()

    def _compute(self, func: Any, args: Any, kwargs: Mapping[str, Any], results: list[Tensor]) -> list[Tensor | None]:
        unknown: list[Tensor | None] = [None] * len(results)
        inputs = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
        is_random = torch.Tag.nondeterministic_seeded in func.tags
        if is_random or any(t.device.type != "meta" or t.numel() > MAX_VALUES for t in results):
            return unknown
        if any(self.value(tensor) is None for tensor in inputs):
            return unknown

        def replaced(leaf: Any) -> Any:
            return self.value(leaf) if isinstance(leaf, Tensor) else leaf

        keywords = tree_map(replaced, dict(kwargs))
        if any(argument.name == "device" for argument in func._schema.arguments):
            keywords["device"] = torch.device("cpu")
        try:
            computed = [x for x in tree_leaves(func(*tree_map(replaced, args), **keywords)) if isinstance(x, Tensor)]
        except Exception:  # what the CPU cannot compute stays unknown
            return unknown
        return list(computed) if len(computed) == len(results) else unknown


class Literals(TorchFunctionMode):
    """While active, keeps the values of tensors that are written out in code: `torch.tensor([0, 8])`, `x[:, [0, 8]]`.

    A tensor without memory is made of them in one step, in which no operator is seen.
    """

    def __init__(self, constants: Constants) -> None:
        self._constants = constants

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if func is Tensor.__getitem__ and isinstance(args[1], tuple | list):
            indices = args[1] if isinstance(args[1], tuple) else (args[1],)
            return func(
                args[0], tuple(self._tensor(each) if isinstance(each, tuple | list) else each for each in indices)
            )
        result = func(*args, **kwargs)
        is_literal = func in (torch.tensor, torch.as_tensor) and not isinstance(args[0], Tensor)
        if is_literal and result.device.type == "meta" and result.numel() <= MAX_VALUES:
            self._constants.add(result, func(*args, **{**kwargs, "device": "cpu"}))
        return result

    def _tensor(self, values: Sequence[Any]) -> Tensor:
        return self.__torch_function__(torch.tensor, (), (values,))  # type: ignore[no-any-return]
