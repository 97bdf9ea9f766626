"""Scenes as pictures: the appearance at one frame, and the flow from every frame to the next.

A solid is a capsule. It covers a pixel by a sigmoid of the distance from its edge over the softness, nearer ones cover
farther ones, and what moves a pixel is what is seen there.
"""

from dataclasses import dataclass
from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor

from worker.maximize.figure.cover import make_cover
from worker.maximize.figure.projection import Camera, make_camera
from worker.maximize.figure.scene import Bodies, Kind, Parameters, place_bodies
from worker.maximize.figure.surfaces import backdrop_colours, draw_ball, draw_figures
from worker.video.flow import FLOW_UNIT_PX

SHADOW = 0.45  # how dark the floor is below a solid
SHADOW_REDUCTION = 4  # how much coarser than the picture it is drawn
COARSE_FLOW, FINE_FLOW = 3, 2  # the same of flow, while climbing and at last


@dataclass(frozen=True)
class Drawn:
    """What scenes look like (B, 3, 1, H, W), how they move (B, 2, T, H, W), both in standard units, and where."""

    appearance: Tensor
    flow: Tensor
    bodies: Bodies
    camera: Camera


@cache
def _pixel_grid(side: int, count: int) -> Tensor:
    """Return the centres of `count` x `count` blocks of a picture of `side` pixels, from its middle, (M, 2)."""
    at = (torch.arange(count, dtype=torch.float32) + 0.5) * (side / count) - side / 2
    return torch.stack(torch.meshgrid(at, at, indexing="xy"), -1).view(-1, 2)


def draw(
    parameters: Parameters,
    kind: Kind,
    side: int,
    fields: int,
    *,
    softness: float,
    view: Tensor | None = None,
    reduction: int = FINE_FLOW,
) -> Drawn:
    """Return scenes seen through views (B, 2, 3), in pictures of `side` pixels with `fields` flow fields.

    `softness` of edges is in pixels; flow is drawn `reduction` times coarser. The appearance is that of the middle
    frame.
    """
    frames = fields + 1
    bodies = place_bodies(parameters, kind, frames)
    camera = make_camera(parameters, bodies, side, frames)
    appearance = draw_appearance(parameters, kind, bodies, camera, side, frames // 2, softness=softness, view=view)
    flow = draw_flow(bodies, camera, side, softness=softness, view=view, reduction=reduction)
    return Drawn(appearance, flow, bodies, camera)


def draw_appearance(
    parameters: Parameters,
    kind: Kind,
    bodies: Bodies,
    camera: Camera,
    side: int,
    frame: int,
    *,
    softness: float,
    view: Tensor | None = None,
) -> Tensor:
    """Return the pictures of scenes at a frame, (B, 3, 1, H, W) in [-1, 1]."""
    at = slice(frame, frame + 1)
    starts, ends, radii, depths = _projected(bodies, camera, at, view)
    pixels = _pixel_grid(side, side).to(starts)
    cover = make_cover(starts[:, 0], ends[:, 0], radii[:, 0], depths[:, 0], pixels, softness)
    draw_colours = draw_ball if kind.balls else draw_figures
    solid = draw_colours(parameters, bodies.head[:, :, frame] if kind.figures else None, camera, cover)
    canvas = pixels.expand(len(starts), -1, -1) if view is None else _through(view, pixels)
    shadow = _shadow(bodies, camera, side, frame, view)
    behind = backdrop_colours(parameters, *camera.floor_and_wall(canvas, frame), shadow)
    picture = solid + cover.rest[..., None] * behind
    return (picture * 2 - 1).transpose(1, 2).reshape(len(starts), 3, 1, side, side)


def draw_flow(
    bodies: Bodies,
    camera: Camera,
    side: int,
    *,
    softness: float,
    view: Tensor | None = None,
    reduction: int = FINE_FLOW,
) -> Tensor:
    """Return how each pixel of the frames moves to the next, (B, 2, T, H, W) in standard units.

    It is drawn `reduction` times coarser than the picture, and enlarged.
    """
    starts, ends, radii, depths = _projected(bodies, camera, slice(None), view)
    batch, frames, _, _ = starts.shape
    now, after = slice(0, frames - 1), slice(1, frames)
    small = max(1, side // reduction)
    pixels = _pixel_grid(side, small).to(starts)
    cover = make_cover(
        starts[:, now].flatten(0, 1),
        ends[:, now].flatten(0, 1),
        radii[:, now].flatten(0, 1),
        depths[:, now].flatten(0, 1),
        pixels,
        max(softness, 0.4 * reduction),
    )
    order = cover.order[..., None].expand(-1, -1, 2)
    start_moves = (starts[:, after] - starts[:, now]).flatten(0, 1).gather(1, order)
    end_moves = (ends[:, after] - ends[:, now]).flatten(0, 1).gather(1, order)
    moves = torch.einsum("nkm,nkd->ndm", cover.weights, start_moves)
    moves = moves + torch.einsum("nkm,nkd->ndm", cover.weights * cover.along, end_moves - start_moves)
    pan = camera.shift[:, after] - camera.shift[:, now]
    if view is not None:
        pan = torch.einsum("bij,btj->bti", torch.linalg.inv_ex(view[:, :, :2].to(pan)).inverse, pan)
    moves = moves + cover.rest[:, None] * pan.flatten(0, 1)[..., None]
    field = F.interpolate(moves.view(-1, 2, small, small), size=side, mode="bilinear", align_corners=False)
    return field.view(batch, frames - 1, 2, side, side).transpose(1, 2) / FLOW_UNIT_PX


def _projected(bodies: Bodies, camera: Camera, frames: slice, view: Tensor | None) -> tuple[Tensor, ...]:
    """Return starts and ends (B, T, K, 2) and radii (B, T, K, 2) in pixels of the view, and depths (B, T, K)."""
    at = Camera(camera.elevation, camera.focal, camera.shift[:, frames])
    starts, near = at.project(bodies.starts[:, frames])
    ends, far = at.project(bodies.ends[:, frames])
    radii = bodies.radii[:, None] * (camera.focal[:, None, None, None] / torch.stack([near, far], -1).clamp_min(1))
    if view is not None:
        linear, shift = view[:, :, :2].to(starts), view[:, None, None, :, 2].to(starts)
        inverse = torch.linalg.inv_ex(linear).inverse
        starts = torch.einsum("bij,btkj->btki", inverse, starts - shift)
        ends = torch.einsum("bij,btkj->btki", inverse, ends - shift)
        radii = radii * torch.linalg.det(inverse).abs().sqrt()[:, None, None, None]
    return starts, ends, radii, torch.minimum(near, far) * 0.5 + (near + far) * 0.25


def _through(view: Tensor, pixels: Tensor) -> Tensor:
    """Return the pixels of the canvas (B, M, 2) that views (B, 2, 3) show at pixels (M, 2)."""
    return torch.einsum("bij,mj->bmi", view[:, :, :2].to(pixels), pixels) + view[:, None, :, 2].to(pixels)


def _shadow(bodies: Bodies, camera: Camera, side: int, frame: int, view: Tensor | None) -> Tensor:
    """Return how much of the floor's light is left at each pixel, (B, M), under a lamp that is nearly above."""
    at = slice(frame, frame + 1)
    slant = bodies.starts.new_tensor([0.25, 0, -0.1])

    def on_floor(points: Tensor) -> Tensor:
        height = points[:, at, :, 1:2]
        return points[:, at] * points.new_tensor([1, 0, 1]) + height * slant

    flat = Bodies(bodies.joints, bodies.head, on_floor(bodies.starts), on_floor(bodies.ends), bodies.radii * 0.8)
    now = Camera(camera.elevation, camera.focal, camera.shift[:, at])
    starts, ends, radii, _ = _projected(flat, now, slice(None), view)
    small = max(1, side // SHADOW_REDUCTION)
    pixels = _pixel_grid(side, small).to(starts)
    depths = torch.zeros_like(radii[:, 0, :, 0])
    rest = make_cover(starts[:, 0], ends[:, 0], radii[:, 0], depths, pixels, 1.0 * SHADOW_REDUCTION).rest
    left = F.interpolate(rest.view(-1, 1, small, small), size=side, mode="bilinear", align_corners=False)
    return 1 - SHADOW * (1 - left.flatten(1))
