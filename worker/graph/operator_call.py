"""One use of an operator while receptive fields are followed, and the field where no rule is known for it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor

from worker.graph.layout import unknown_layout
from worker.graph.tracked import Tracked, union


@dataclass(frozen=True)
class Call:
    """One use of an operator, and one of its outputs."""

    arguments: Mapping[str, Any]  # by the names of the schema
    tracked: Callable[[Tensor], Tracked]
    known: Callable[[Tensor], Tensor | None]  # the values of a tensor that does not depend on the inputs
    output: Tensor
    index: int  # of the output among several

    @property
    def data(self) -> Tracked:
        """The tensor that the operator works on."""
        return self.tracked(self.arguments.get("self", self.arguments.get("input")))

    @property
    def dim(self) -> int:
        return int(self.arguments["dim"]) % max(len(self.data.layout), 1)

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.output.shape)


def unknown(parts: list[Tracked], shape: tuple[int, ...]) -> Tracked:
    """Return the field of an operator that may mix everything; a shape that stays says that its dimensions do too."""
    mixed = [replace(part.mixed(), layout=part.layout) for part in parts]
    layout = mixed[0].layout if mixed[0].shape == shape else unknown_layout(shape)
    return Tracked(layout, union([replace(part, layout=()) for part in mixed], ()).field)
