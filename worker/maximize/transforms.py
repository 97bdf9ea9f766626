"""A random view of the canvas at each step: shifted, zoomed and turned, the same for all frames of a unit.

What survives many views is what the unit responds to, rather than a pattern tied to the sampling grid. Motion
turns and scales with the frame that it moves, so appearance and flow go on showing one scene.
"""

from collections.abc import Sequence
from math import radians

import torch
import torch.nn.functional as F
from torch import Tensor

from app.contract.recipe import ResolvedRecipe
from worker.maximize.canvas import Canvas


def draw(generators: Sequence[torch.Generator], recipe: ResolvedRecipe) -> Tensor | None:
    """One view for each step and unit: (steps, B, 2, 3) maps a pixel of the view to one of the canvas, both counted
    from the centre.

    None where the recipe leaves the canvas as it is. Each unit has its own generator: what a unit sees does not
    depend on its neighbours in the batch.
    """
    if not (recipe.jitter or recipe.scale or recipe.rotation):
        return None
    uniform = torch.stack([torch.rand(recipe.steps, 4, generator=generator) for generator in generators], 1) * 2 - 1
    shift = uniform[..., :2] * (recipe.jitter / 2)
    zoom = 1 + uniform[..., 2] * recipe.scale
    angle = uniform[..., 3] * radians(recipe.rotation)
    cos, sin = zoom * angle.cos(), zoom * angle.sin()
    rows = torch.stack([cos, -sin, shift[..., 0], sin, cos, shift[..., 1]], -1)
    return rows.view(recipe.steps, -1, 2, 3)


def look(x: Tensor, canvas: Canvas, view: Tensor | None) -> Tensor:
    """The canvas (B, D, T, Hc, Wc) seen by its views, as the network's crop (B, D, T, H, W).

    Where a view looks beyond the canvas, the canvas is mirrored.
    """
    if view is None:
        return canvas.crop(x)
    batch, depth, frames, full_height, full_width = x.shape
    view = view.to(x)
    size = [batch, 1, canvas.height, canvas.width]
    grid = F.affine_grid(_between_edges(view, canvas, full_width, full_height), size, align_corners=False)
    seen = F.grid_sample(x.flatten(1, 2), grid, padding_mode="reflection", align_corners=False)
    seen = seen.view(batch, depth, frames, canvas.height, canvas.width)
    return turned(seen, view) if depth == 2 else seen


def _between_edges(view: Tensor, canvas: Canvas, full_width: int, full_height: int) -> Tensor:
    """The view in the units of affine_grid, from -1 at one edge to 1 at the other. Plain numbers, no new tensors of
    the host: a device need not wait for any.
    """
    rows = torch.stack([view[:, 0] * (2 / full_width), view[:, 1] * (2 / full_height)], 1)
    return torch.stack([rows[..., 0] * (canvas.width / 2), rows[..., 1] * (canvas.height / 2), rows[..., 2]], 2)


def turned(flow: Tensor, view: Tensor) -> Tensor:
    """Flow vectors (B, 2, T, H, W) of the canvas in the coordinates of the view: A^-1 (u, v)."""
    return torch.einsum("bij,bjthw->bithw", torch.linalg.inv_ex(view[:, :, :2]).inverse, flow)
