"""Random views of the canvas, one at each step: shifted, zoomed and rotated, the same for all frames of an item.

What survives many views is what the unit responds to, rather than a pattern tied to the sampling grid. Motion is
rotated and scaled with the frame that it moves, so appearance and flow go on showing one scene.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import radians

import torch
import torch.nn.functional as F
from torch import Tensor

from worker.maximize.canvas import Canvas


@dataclass(frozen=True)
class RandomViews:
    """The ranges that views are drawn from, uniformly."""

    jitter: int = 16  # shift: from -jitter / 2 to jitter / 2 pixels
    scale: float = 0.15  # zoom: from 1 - scale to 1 + scale
    rotation: float = 6.0  # from -rotation to rotation degrees

    @property
    def margin(self) -> int:
        """Return how many pixels beyond the stimulus a shift may show."""
        return (self.jitter + 1) // 2

    def draw(self, generators: Sequence[torch.Generator], steps: int) -> Tensor | None:
        """Return a view for each step and item, (steps, B, 2, 3); None where every view is the canvas itself.

        A view maps a pixel of the view to one of the canvas, both counted from the centre. Each item has its own
        generator: its views do not depend on its neighbours in the batch.
        """
        if not (self.jitter or self.scale or self.rotation):
            return None
        uniform = torch.stack([torch.rand(steps, 4, generator=generator) for generator in generators], 1) * 2 - 1
        shift = uniform[..., :2] * (self.jitter / 2)
        zoom = 1 + uniform[..., 2] * self.scale
        angle = uniform[..., 3] * radians(self.rotation)
        cos, sin = zoom * angle.cos(), zoom * angle.sin()
        rows = torch.stack([cos, -sin, shift[..., 0], sin, cos, shift[..., 1]], -1)
        return rows.view(steps, -1, 2, 3)


def apply_view(x: Tensor, canvas: Canvas, view: Tensor | None) -> Tensor:
    """Return the canvas (B, D, T, H + 2m, W + 2m) through its views (B, 2, 3), as the stimulus (B, D, T, H, W).

    Where a view looks beyond the canvas, the canvas is mirrored.
    """
    if view is None:
        return canvas.crop(x)
    batch, depth, frames, full_height, full_width = x.shape
    view = view.to(x)
    size = [batch, 1, canvas.height, canvas.width]
    grid = F.affine_grid(_in_grid_units(view, canvas, full_width, full_height), size, align_corners=False)
    viewed = F.grid_sample(x.flatten(1, 2), grid, padding_mode="reflection", align_corners=False)
    viewed = viewed.view(batch, depth, frames, canvas.height, canvas.width)
    return rotate_flow(viewed, view) if canvas.is_flow else viewed


def _in_grid_units(view: Tensor, canvas: Canvas, full_width: int, full_height: int) -> Tensor:
    """Return the view in the units of affine_grid, from -1 at one edge to 1 at the other.

    Computed with plain numbers, not with new tensors of the host, which a device would wait for.
    """
    rows = torch.stack([view[:, 0] * (2 / full_width), view[:, 1] * (2 / full_height)], 1)
    return torch.stack([rows[..., 0] * (canvas.width / 2), rows[..., 1] * (canvas.height / 2), rows[..., 2]], 2)


def rotate_flow(flow: Tensor, view: Tensor) -> Tensor:
    """Return flow vectors (B, 2, T, H, W) of the canvas in the coordinates of the view: A^-1 (u, v)."""
    return torch.einsum("bij,bjthw->bithw", torch.linalg.inv_ex(view[:, :, :2]).inverse, flow)
