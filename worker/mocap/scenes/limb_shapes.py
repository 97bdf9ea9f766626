"""Other ways to draw a limb than as a capsule: ellipsoids and flat slabs. Sticks are thin capsules."""

import numpy as np

from worker.mocap.scenes.patterns import TILE_TEXELS, Pixels
from worker.mocap.scenes.solids import METRES_PER_TEXEL, Light, Plane, Vector, blend, pixels_around


def draw_ellipsoid(
    image: Pixels, start: Vector, end: Vector, radii: tuple[float, float], length: float, tile: Pixels, light: Light
) -> None:
    """Draw an ellipsoid that reaches a little beyond both pixels (x, y); arguments as of `draw_capsule`."""
    wide = max(radii) * 1.25
    window = pixels_around(image, np.stack([start, end]), wide + 1)
    if window is None:
        return
    patch, xs, ys = window
    along, across, half = _limb_frame(start, end, xs, ys)
    long = half + wide * 0.5
    x, y = along / np.float32(long), across / np.float32(wide)
    square = x * x + y * y
    cover = np.clip((1 - np.sqrt(square)) * np.float32(min(long, wide)) + 0.5, 0, 1).astype(np.float32)
    nz = np.sqrt(np.maximum(1 - square, 0.02))
    axis = _direction(start, end)
    nx, ny = x * axis[0] - y * axis[1], -(x * axis[1] + y * axis[0])
    blend(patch, _cloth(tile, (x + 1) * np.float32(0.5), y, length) * light.shade(nx, ny, nz)[..., None], cover)


def draw_slab(
    image: Pixels, start: Vector, end: Vector, radii: tuple[float, float], length: float, tile: Pixels, light: Light
) -> None:
    """Draw a rectangle with flat shading that ends at both pixels (x, y); arguments as of `draw_capsule`."""
    wide = sum(radii) / 2
    window = pixels_around(image, np.stack([start, end]), wide + 1)
    if window is None:
        return
    patch, xs, ys = window
    along, across, half = _limb_frame(start, end, xs, ys)
    reach = max(half, wide * 0.6)
    inside = np.minimum(np.float32(reach) - np.abs(along), np.float32(wide) - np.abs(across))
    cover = np.clip(inside + 0.5, 0, 1).astype(np.float32)
    axis = _direction(start, end)
    normal = np.array([-axis[1], -axis[0], 0.6], np.float32)
    normal /= np.linalg.norm(normal)
    one = np.ones_like(along)
    shade = light.shade(one * normal[0], one * abs(normal[1]), one * normal[2])
    cloth = _cloth(
        tile, (along / np.float32(reach) + 1) * np.float32(0.5), across / np.float32(max(wide, 1e-3)), length
    )
    blend(patch, cloth * shade[..., None], cover)


def _direction(start: Vector, end: Vector) -> Plane:
    along = end - start
    return np.asarray(along / max(float(np.linalg.norm(along)), 1e-3), np.float32)


def _limb_frame(start: Vector, end: Vector, xs: Plane, ys: Plane) -> tuple[Plane, Plane, float]:
    """Return pixels along and across the limb from its middle, each (h, w), and half its length in pixels."""
    axis, middle = _direction(start, end), (start + end) / 2
    dx, dy = xs - np.float32(middle[0]), ys - np.float32(middle[1])
    return dx * axis[0] + dy * axis[1], dy * axis[0] - dx * axis[1], float(np.linalg.norm(end - start)) / 2


def _cloth(tile: Pixels, share: Plane, across: Plane, length: float) -> Pixels:
    """Return the cloth's colours (h, w, 3) at shares of the limb's length and at -1 ... 1 across it."""
    row = (np.clip(share, 0, 1) * np.float32(length / METRES_PER_TEXEL)).astype(np.int32) % TILE_TEXELS
    column = ((np.clip(across, -1, 1) + 1) * (TILE_TEXELS / 4)).astype(np.int32) % TILE_TEXELS
    return tile[row, column]
