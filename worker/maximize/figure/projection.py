"""The camera: from metres to pixels of the picture, and from pixels to places on floor and wall.

Pixels are counted from the middle of the picture, x to the right and y down.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from worker.maximize.figure.scene import (
    AIM_METRES,
    CAMERA_METRES,
    ELEVATIONS,
    VIEW_METRES,
    Bodies,
    Parameters,
    over_frames,
)

WALL_METRES = 2.2  # behind the middle of the floor


@dataclass(frozen=True)
class Camera:
    """Cameras that look at the scenes of a batch."""

    elevation: Tensor  # (B,) radians
    focal: Tensor  # (B,) pixels
    shift: Tensor  # (B, T, 2) pixels: the pan that follows what moves, and its own

    def project(self, points: Tensor) -> tuple[Tensor, Tensor]:
        """Return pixels (B, T, ..., 2) and depths (B, T, ...) in metres of points (B, T, ..., 3)."""
        sine, cosine = self._over(self.elevation.sin(), points), self._over(self.elevation.cos(), points)
        x, y, z = points[..., 0], points[..., 1] - AIM_METRES, points[..., 2]
        depth = CAMERA_METRES - (y * sine + z * cosine)
        scale = self._over(self.focal, points) / depth.clamp_min(1)
        pixels = torch.stack([x * scale, -(y * cosine - z * sine) * scale], -1)
        shift = self.shift.view(*self.shift.shape[:2], *[1] * (points.ndim - 3), 2)
        return pixels + shift, depth

    def turn(self, vectors: Tensor) -> Tensor:
        """Return directions (B, ..., 3) of the world as seen: to the right, down and to the viewer."""
        shape = (-1, *[1] * (vectors.ndim - 2))
        sine, cosine = self.elevation.sin().view(shape), self.elevation.cos().view(shape)
        x, y, z = vectors.unbind(-1)
        return torch.stack([x, -(y * cosine - z * sine), y * sine + z * cosine], -1)

    def _over(self, values: Tensor, points: Tensor) -> Tensor:
        return values.view(-1, *[1] * (points.ndim - 2))

    def floor_and_wall(self, pixels: Tensor, frame: int) -> tuple[Tensor, Tensor, Tensor]:
        """Return where rays through pixels (B, M, 2) meet the floor (x, z), and the wall (x, y), both (B, M, 2).

        The third (B, M) is how much nearer the floor is, in metres along the depth of the floor: below 0 the ray meets
        the wall first.
        """
        sine, cosine = self.elevation.sin()[:, None], self.elevation.cos()[:, None]
        seen = (pixels - self.shift[:, frame, None]) / self.focal[:, None, None]
        right, up = seen[..., 0], -seen[..., 1]
        # the eye, and the direction of the ray, in the world
        eye_y, eye_z = AIM_METRES + CAMERA_METRES * sine, CAMERA_METRES * cosine
        ray_y, ray_z = up * cosine - sine, -up * sine - cosine
        to_wall = (eye_z + WALL_METRES) / -ray_z
        to_floor = eye_y / (-ray_y).clamp_min(1e-2)
        floor = torch.stack([right * to_floor, eye_z + ray_z * to_floor], -1)
        wall = torch.stack([right * to_wall, eye_y + ray_y * to_wall], -1)
        return floor, wall, -wall[..., 1]


def make_camera(parameters: Parameters, bodies: Bodies, side: int, frames: int) -> Camera:
    """Return the cameras of scenes for pictures `side` pixels high; they follow what moves by a share of its way."""
    low, high = ELEVATIONS
    elevation = low + (high - low) * parameters["camera"][:, 0].sigmoid()
    narrow, wide = VIEW_METRES
    focal = side * CAMERA_METRES / (narrow + (wide - narrow) * parameters["camera"][:, 1].sigmoid())
    still = Camera(elevation, focal, focal.new_zeros(len(focal), frames, 2))
    middle, _ = still.project((bodies.starts.mean(2) + bodies.ends.mean(2)) / 2)
    way = (middle - middle[:, frames // 2, None]) * parameters["camera"][:, 2].sigmoid()[:, None, None]
    pan = over_frames(parameters["pan"], frames).transpose(1, 2) * (side / 112)
    return Camera(elevation, focal, pan - way * torch.tensor([1, 0.3], device=way.device))
