"""Which tensors of a forward pass can hold no negative value: those that a ReLU, a sigmoid or a softmax made."""

from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.weak import WeakTensorKeyDictionary

aten = torch.ops.aten

MAKE_NONNEGATIVE = {
    *(aten.relu, aten.relu_, aten.relu6, aten.sigmoid, aten.sigmoid_, aten.hardsigmoid, aten._softmax),
    *(aten.abs, aten.exp),
}
# Their outputs have no negative value where their inputs have none.
KEEP_NONNEGATIVE = {
    *(aten.view, aten._unsafe_view, aten.permute, aten.transpose, aten.t, aten.unsqueeze, aten.squeeze, aten.expand),
    *(aten.slice, aten.select, aten.split, aten.split_with_sizes, aten.cat, aten.stack),
    *(aten.clone, aten.detach, aten.alias, aten._to_copy, aten.native_dropout),
    *(aten.max_pool2d_with_indices, aten.max_pool3d_with_indices, aten.max_pool2d, aten.max_pool3d),
    *(aten.avg_pool2d, aten.avg_pool3d, aten._adaptive_avg_pool2d, aten._adaptive_avg_pool3d, aten.mean, aten.sum),
}
ARITHMETIC = {aten.mul, aten.add, aten.add_, aten.mul_}  # the same, between tensors


class NonnegativeMode(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """While active, follows which tensors have no negative value; what it cannot tell counts as negative."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._versions = WeakTensorKeyDictionary()  # of each such tensor: a write in place makes a new version

    def is_nonnegative(self, tensor: Tensor, version: int) -> bool:
        """Return whether the values that a tensor had at a version (`tensor._version`) are zero or more."""
        return version in self._versions.get(tensor, ())  # type: ignore[no-untyped-call]

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        inputs = [t for t in tree_leaves((args, kwargs)) if isinstance(t, Tensor)]
        packet, is_nonnegative = func.overloadpacket, all(self.is_nonnegative(t, t._version) for t in inputs)
        outputs = func(*args, **(kwargs or {}))
        if packet in ARITHMETIC:
            is_nonnegative = is_nonnegative and not kwargs and all(isinstance(each, Tensor) for each in args)
        elif packet not in KEEP_NONNEGATIVE:
            is_nonnegative = packet in MAKE_NONNEGATIVE
        if is_nonnegative:
            for output in tree_leaves(outputs):
                if isinstance(output, Tensor):
                    # the version of a tensor that is written into rises only when this returns
                    version = output._version + any(output is each for each in inputs)
                    self._versions.setdefault(output, set()).add(version)  # type: ignore[no-untyped-call]
        return outputs
