"""Draw shaded, anti-aliased solids into a picture: tapered capsules, balls and flat polygons."""

from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np
import numpy.typing as npt

from worker.mocap.scenes.patterns import TILE_TEXELS, Pixels

Plane = npt.NDArray[np.float32]
Vector = npt.NDArray[np.float64]

AMBIENT_LIGHT = 0.5  # brightness of a surface that the light does not reach
METRES_PER_TEXEL = 0.02  # of cloth on a limb


@dataclass(frozen=True)
class Light:
    """A distant light; `towards` is the unit vector to it in the camera's frame (right, up, backward)."""

    towards: Vector
    strength: float = 0.6

    def shade(self, x: Plane, y: Plane, z: Plane) -> Plane:
        """Return the brightness of surfaces with normals (x, y, z), darker towards the outline."""
        right, up, back = (np.float32(value) for value in self.towards)
        lit = np.maximum(x * right + y * up + z * back, 0)
        return np.asarray((AMBIENT_LIGHT + np.float32(self.strength) * lit) * (0.75 + 0.25 * z), np.float32)


def draw_capsule(
    image: Pixels, start: Vector, end: Vector, radii: tuple[float, float], length: float, tile: Pixels, light: Light
) -> None:
    """Draw a tapered capsule between two pixels (x, y), with `radii` in pixels at its ends.

    It is covered by a tile of cloth (TILE_TEXELS, TILE_TEXELS, 3) that repeats along its `length` in metres.
    """
    window = pixels_around(image, np.stack([start, end]), max(radii) + 1)
    if window is None:
        return
    patch, xs, ys = window
    along = (end - start).astype(np.float32)
    square = float(along @ along)
    dx, dy = xs - np.float32(start[0]), ys - np.float32(start[1])
    share = (dx * along[0] + dy * along[1]) * np.float32(1 / max(square, 1e-6))
    np.clip(share, 0, 1, out=share)
    dx = dx - share * along[0]
    dy = dy - share * along[1]
    radius = np.float32(radii[0]) + share * np.float32(radii[1] - radii[0])
    distance = np.sqrt(dx * dx + dy * dy)
    cover = np.clip(radius - distance + 0.5, 0, 1)
    nx, ny = dx / radius, -dy / radius
    nz = np.sqrt(np.maximum(1 - nx * nx - ny * ny, 0.02))
    across = (along[0] * ny + along[1] * nx) * np.float32(1 / max(square**0.5, 1e-3))  # -1 ... 1 over the limb
    row = (share * np.float32(length / METRES_PER_TEXEL)).astype(np.int32) % TILE_TEXELS
    column = ((across + 1) * (TILE_TEXELS / 4)).astype(np.int32) % TILE_TEXELS
    blend(patch, tile[row, column] * light.shade(nx, ny, nz)[..., None], cover)


class DrawLimb(Protocol):
    """A way to draw a limb; the arguments are those of `draw_capsule`."""

    def __call__(
        self,
        image: Pixels,
        start: Vector,
        end: Vector,
        radii: tuple[float, float],
        length: float,
        tile: Pixels,
        light: Light,
    ) -> None:
        """Draw the limb."""


def draw_ball(image: Pixels, centre: Vector, radius: float, paint: "BallTexture", light: Light) -> None:
    """Draw a ball of `radius` pixels around a pixel (x, y); `paint` gives its colours."""
    window = pixels_around(image, centre[None], radius + 1)
    if window is None:
        return
    patch, xs, ys = window
    dx, dy = xs - np.float32(centre[0]), ys - np.float32(centre[1])
    distance = np.sqrt(dx * dx + dy * dy)
    cover = np.clip(np.float32(radius) - distance + 0.5, 0, 1)
    nx, ny = dx / np.float32(radius), -dy / np.float32(radius)
    nz = np.sqrt(np.maximum(1 - nx * nx - ny * ny, 0.02))
    nx, ny = np.broadcast_arrays(nx, ny)
    blend(patch, paint(np.stack([nx, ny, nz], -1)) * light.shade(nx, ny, nz)[..., None], cover)


class BallTexture(Protocol):
    """The colours of a ball's surface."""

    def __call__(self, normals: Plane) -> Pixels:
        """Return the colours (h, w, 3) where the surface has the normals (h, w, 3), in the camera's frame."""


def draw_polygon(image: Pixels, corners: Vector, tone: Pixels) -> None:
    """Fill a polygon with corners (N, 2) in pixels."""
    points = np.round(corners * 16).astype(np.int32)
    cv2.fillConvexPoly(image, points, [float(value) for value in tone], lineType=cv2.LINE_AA, shift=4)


def pixels_around(image: Pixels, points: Vector, margin: float) -> tuple[Pixels, Plane, Plane] | None:
    """Return the part of the image around the points, and its pixels' x (1, w) and y (h, 1); None outside."""
    height, width = image.shape[:2]
    left, top = np.floor(points.min(0) - margin).astype(int)
    right, bottom = np.ceil(points.max(0) + margin).astype(int) + 1
    left, top, right, bottom = max(left, 0), max(top, 0), min(right, width), min(bottom, height)
    if left >= right or top >= bottom:
        return None
    xs = np.arange(left, right, dtype=np.float32)[None]
    ys = np.arange(top, bottom, dtype=np.float32)[:, None]
    return image[top:bottom, left:right], xs, ys


def blend(patch: Pixels, colours: Pixels, cover: Plane) -> None:
    """Draw colours (h, w, 3) over a patch of the picture, as far as `cover` (h, w) in [0, 1] says."""
    patch += (colours - patch) * cover[..., None]
