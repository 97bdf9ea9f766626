"""Layers that are no module's output as it stands: maps that tracing inserts into a network, to be read and written.

A module that computes frames one by one returns them folded, (B T, C, H, W), (T B, C, H, W) or, after the positions
are pooled, (B T, C): these pass a map (B, C, T, H, W) and are folded again. A residual block returns its sum after a
ReLU: where that is a module, the sum passes a map before it. Inserted maps have no tensors and change no value.
"""

from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from worker.graph.inputs import Inputs
from worker.graph.layout import Axis, Layout

NAME = "inserted_maps"  # of the submodule that holds them


def is_clips_first(layout: Layout, clips: int) -> bool | None:
    """Return which of clips and frames changes slower along the first dimension; None if it does not run along both."""
    axes = [axis for axis, _ in layout[0]]
    if dict(layout[0]).get(Axis.CLIPS) != clips or sorted(axes) != [Axis.FRAMES, Axis.CLIPS]:
        return None
    return axes[0] is Axis.CLIPS


@dataclass(frozen=True)
class ReluCall:
    """One of the calls of a ReLU in a forward pass."""

    path: str  # of the module
    number: int  # of its earlier calls


@dataclass
class Batch:
    """The batch that a network runs on at this moment."""

    clips: int = 1


class InsertedMap(nn.Module):
    """Passes the output of a module, or what a ReLU is given, through a map that others may read and replace.

    `clips_first` tells in which order clips and frames are folded, None where they are not.
    """

    def __init__(self, layer: str, batch: Batch, clips_first: bool | None, relu: ReluCall | None) -> None:
        super().__init__()
        self.layer, self.batch, self.clips_first, self.relu = layer, batch, clips_first, relu
        self.calls = 0  # of the ReLU in this forward pass
        self.map = nn.Identity()

    def replace_output(self, module: nn.Module, inputs: Any, output: Tensor) -> Tensor:
        """Replace what a module outputs, as a hook after its forward pass."""
        replaced: Tensor = self(output)
        return replaced

    def replace_input(self, module: nn.Module, inputs: tuple[Any, ...]) -> tuple[Any, ...] | None:
        """Replace what a ReLU is given, as a hook before its forward pass."""
        self.calls += 1
        is_meant = self.relu is not None and self.calls == self.relu.number + 1
        return (self(inputs[0]), *inputs[1:]) if is_meant else None

    def forward(self, output: Tensor) -> Tensor:
        if self.clips_first is None:
            return self.map(output)  # type: ignore[no-any-return]
        frames = len(output) // self.batch.clips
        sizes = (self.batch.clips, frames) if self.clips_first else (frames, self.batch.clips)
        positions = output.shape[2:] or (1, 1)  # none are left after a pool
        apart = output.reshape(*sizes, output.shape[1], *positions)
        apart = apart if self.clips_first else apart.transpose(0, 1)
        maps: Tensor = self.map(apart.transpose(1, 2))
        apart = maps.transpose(1, 2)
        return (apart if self.clips_first else apart.transpose(0, 1)).reshape(output.shape)


class InsertedMaps(nn.ModuleList):
    """All inserted maps of a network, and the batch that it runs on."""

    def __init__(self) -> None:
        super().__init__()
        self.batch = Batch()

    def start(self, module: nn.Module, arguments: tuple[Inputs]) -> None:
        """Take in the inputs of the network, as a hook before its forward pass."""
        self.batch.clips = len(next(iter(arguments[0].values())))
        for part in self.children():
            part.calls = 0  # type: ignore[assignment]


def insert_map(module: nn.Module, layer: str, clips_first: bool | None, relu: ReluCall | None) -> str:
    """Pass the output of the submodule `layer`, or what a ReLU in it is given, through a map from now on.

    Return the path of the map. Its hooks are bound methods, so that a deep copy of the module has maps of its own.
    """
    holder = getattr(module, NAME, None)
    if holder is None:
        holder = InsertedMaps()
        module.add_module(NAME, holder)
        # before a hook of the module's own, which may give it something else than the inputs
        module.register_forward_pre_hook(holder.start, prepend=True)
    index = next((at for at, part in enumerate(holder.children()) if part.layer == layer), len(holder))
    if index == len(holder):
        part = InsertedMap(layer, holder.batch, clips_first, relu)
        if relu is None:
            module.get_submodule(layer).register_forward_hook(part.replace_output)
        else:
            module.get_submodule(relu.path).register_forward_pre_hook(part.replace_input)
        holder.append(part)
    return f"{NAME}.{index}.map"
