"""Layers of modules that compute frames one by one, with frames and clips folded into one axis, shown as maps.

Such a module returns (B T, C, H, W), (T B, C, H, W) or, after the positions are pooled, (B T, C). What it returns
passes a map (B, C, T, H, W), which is read and written into like any other layer, and becomes what it was again.
"""

from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from worker.graph.inputs import Inputs
from worker.graph.layout import Axis, Layout

NAME = "maps_of_frames"  # of the submodule that holds the maps; it has no tensors


def is_clips_first(layout: Layout, clips: int) -> bool | None:
    """Return which of clips and frames changes slower along the first dimension; None if it does not run along both."""
    axes = [axis for axis, _ in layout[0]]
    if dict(layout[0]).get(Axis.CLIPS) != clips or sorted(axes) != [Axis.FRAMES, Axis.CLIPS]:
        return None
    return axes[0] is Axis.CLIPS


@dataclass
class Batch:
    """The batch that a network runs on at this moment."""

    clips: int = 1


class MapOfFrames(nn.Module):
    """Passes the folded output of another module through a map, and fold it again."""

    def __init__(self, path: str, batch: Batch, *, clips_first: bool) -> None:
        super().__init__()
        self.path, self.batch, self.clips_first = path, batch, clips_first
        self.map = nn.Identity()

    def replace(self, module: nn.Module, inputs: Any, output: Tensor) -> Tensor:
        """Replace what the other module outputs, as a hook after its forward pass."""
        folded: Tensor = self(output)
        return folded

    def forward(self, output: Tensor) -> Tensor:
        frames = len(output) // self.batch.clips
        sizes = (self.batch.clips, frames) if self.clips_first else (frames, self.batch.clips)
        positions = output.shape[2:] or (1, 1)  # none are left after a pool
        apart = output.reshape(*sizes, output.shape[1], *positions)
        apart = apart if self.clips_first else apart.transpose(0, 1)
        maps: Tensor = self.map(apart.transpose(1, 2))
        apart = maps.transpose(1, 2)
        return (apart if self.clips_first else apart.transpose(0, 1)).reshape(output.shape)


class MapsOfFrames(nn.ModuleList):
    """All maps of a network, and the batch that it runs on."""

    def __init__(self) -> None:
        super().__init__()
        self.batch = Batch()

    def count_clips(self, module: nn.Module, arguments: tuple[Inputs]) -> None:
        """Take in the inputs of the network, as a hook before its forward pass."""
        self.batch.clips = len(next(iter(arguments[0].values())))


def show_as_map(module: nn.Module, path: str, *, clips_first: bool) -> str:
    """Pass the output of a submodule through a map from now on, and return the path of the map."""
    holder = getattr(module, NAME, None)
    if holder is None:
        holder = MapsOfFrames()
        module.add_module(NAME, holder)
        module.register_forward_pre_hook(holder.count_clips)  # a bound method, so that a deep copy refers to its own
    index = next((at for at, part in enumerate(holder.children()) if part.path == path), len(holder))
    if index == len(holder):
        part = MapOfFrames(path, holder.batch, clips_first=clips_first)
        module.get_submodule(path).register_forward_hook(part.replace)
        holder.append(part)
    return f"{NAME}.{index}.map"
