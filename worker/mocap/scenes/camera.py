"""A pinhole camera. Panning and shaking are simulated by shifting its picture (see `Scene.shifts`)."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from worker.mocap.scenes.rotations import Array


@dataclass(frozen=True)
class Camera:
    """A camera that looks at a target from `distance` metres.

    `azimuth` and `elevation` are in radians, `zoom` in pixels a metre at the target. The target is seen at the pixel
    (`centre`, `centre`).
    """

    target: Array  # (3,) metres
    azimuth: float
    elevation: float
    distance: float
    zoom: float
    centre: float

    @cached_property
    def axes(self) -> Array:
        """Return right, up and backward in the world (3, 3): the rows of the rotation into the camera's frame."""
        a, e = self.azimuth, self.elevation
        backward = np.array([np.cos(e) * np.cos(a), np.sin(e), np.cos(e) * np.sin(a)])
        right = np.array([np.sin(a), 0, -np.cos(a)])
        return np.stack([right, np.cross(backward, right), backward])

    @property
    def focal(self) -> float:
        return self.zoom * self.distance

    @property
    def ground_right(self) -> Array:
        return np.asarray(self.axes[0])

    @property
    def ground_forward(self) -> Array:
        return np.array([-np.cos(self.azimuth), 0, -np.sin(self.azimuth)])

    def project(self, points: Array) -> tuple[Array, Array]:
        """Project points (..., 3) in metres to pixels (..., 2), x right and y down, and depths (...) in metres."""
        seen = (points - self.target) @ self.axes.T
        depth = self.distance - seen[..., 2]
        scale = self.focal / depth
        return self.centre + np.stack([seen[..., 0] * scale, -seen[..., 1] * scale], -1), depth

    def plane(self, origin: Array, u: Array, v: Array) -> Array:
        """Return the homography (3, 3) from coordinates on the plane, (a, b, 1) for `origin` + a u + b v, to pixels."""
        columns = np.stack([u, v, origin - self.target], 1)
        seen = self.axes @ columns
        depth = np.array([0, 0, self.distance]) - seen[2]
        return np.stack(
            [self.focal * seen[0] + self.centre * depth, -self.focal * seen[1] + self.centre * depth, depth]
        )
