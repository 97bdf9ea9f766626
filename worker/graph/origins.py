"""Where the values of a tensor come from: which are the same but for a nonlinearity, and which join several tensors."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils.weak import WeakTensorKeyDictionary

aten = torch.ops.aten

# Operators of one tensor that leave its values what they are, or move them, as elementwise ones (a ReLU, a scale) do
VIEWS = (aten.view, aten._unsafe_view, aten.permute, aten.transpose, aten.t, aten.unsqueeze, aten.squeeze)
SAME_VALUES = (
    *VIEWS,
    aten.copy_,
    aten.detach,
    aten.alias,
    aten.clone,
    aten._to_copy,
    aten.native_dropout,
    aten.dropout,
)
JOINING = (aten.cat, aten.stack)


@dataclass(frozen=True)
class Origin:
    """Where values were made. Elementwise operators of one tensor keep the origin of what they read."""

    number: int  # in the order in which origins were made
    is_joined: bool  # whether several tensors were joined here: a sum, a product, a concatenation


class Origins:
    """The origins of all tensors of a forward pass that depend on the inputs, as they are at this moment."""

    def __init__(self) -> None:
        self.count = 0
        self._origins = WeakTensorKeyDictionary()

    def of(self, tensor: Tensor) -> Origin | None:
        """Return the origin of a tensor; None for an input, and for what does not depend on the inputs."""
        found: Origin | None = self._origins.get(tensor)  # type: ignore[no-untyped-call]
        return found

    def follow(self, func: Any, followed: list[Tensor], results: list[Tensor]) -> None:
        """Take in what an operator made of the tensors that depend on the inputs."""
        if func.overloadpacket is aten.copy_:  # of whose two tensors the first is written over
            followed = followed[-1:]
        sources = {origin.number if (origin := self.of(tensor)) else -1 for tensor in followed}
        is_elementwise = torch.Tag.pointwise in func.tags or func.overloadpacket in SAME_VALUES
        kept = self.of(followed[0]) if is_elementwise and len(sources) == 1 else None
        if kept is None:
            is_joined = len(sources) > 1 and (torch.Tag.pointwise in func.tags or func.overloadpacket in JOINING)
            kept = Origin(self.count, is_joined)
            self.count += 1
        for result in results:
            self._origins[result] = kept

    def write(self, other: Tensor, written: Tensor) -> None:
        """Take in that a tensor was written into whose memory another one shares."""
        origin = self.of(written)
        if origin is None or other.shape != written.shape:
            origin = Origin(self.count, is_joined=False)
            self.count += 1
        self._origins[other] = origin
