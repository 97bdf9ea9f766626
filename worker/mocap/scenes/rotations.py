"""Rotations as unit quaternions (w, x, y, z) in arrays (..., 4)."""

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

NEARLY_EQUAL = 1e-6  # radians: below this angle, interpolation is linear, because its sine is too small to divide by


def multiply(a: Array, b: Array) -> Array:
    """Return the rotation that applies b (..., 4) first and then a (..., 4): their Hamilton product."""
    aw, ax, ay, az = np.moveaxis(a, -1, 0)
    bw, bx, by, bz = np.moveaxis(b, -1, 0)
    product = (
        aw * bw - ax * bx - ay * by - az * bz,
        aw * bx + ax * bw + ay * bz - az * by,
        aw * by - ax * bz + ay * bw + az * bx,
        aw * bz + ax * by - ay * bx + az * bw,
    )
    return np.stack(product, -1)


def rotate(rotation: Array, vector: Array) -> Array:
    """Rotate vectors v (..., 3) by quaternions (w, q): v + 2w (q x v) + 2 q x (q x v)."""
    axis = np.broadcast_to(rotation[..., 1:], np.broadcast_shapes(rotation[..., 1:].shape, vector.shape))
    once = 2 * np.cross(axis, vector)
    return vector + rotation[..., :1] * once + np.cross(axis, once)


def axis_rotation(axis: tuple[float, float, float], angle: Array | float) -> Array:
    """Return the rotations by `angle`, in radians and of any shape (...), about a unit axis: (..., 4)."""
    half = np.asarray(angle, np.float64)[..., None] / 2
    return np.concatenate([np.cos(half), np.sin(half) * np.asarray(axis)], -1)


def slerp(a: Array, b: Array, share: Array) -> Array:
    """Interpolate from a (..., 4), at `share` (...) = 0, to b (..., 4), at 1, along the shorter arc at constant speed.

    Spherical linear interpolation (Shoemake 1985).
    """
    cosine = np.sum(a * b, -1, keepdims=True)
    b = np.where(cosine < 0, -b, b)
    angle = np.arccos(np.clip(np.abs(cosine), 0, 1))
    share = np.broadcast_to(share[..., None], angle.shape)
    near = angle < NEARLY_EQUAL
    sine = np.where(near, 1, np.sin(angle))
    mixed = np.where(near, 1 - share, np.sin((1 - share) * angle) / sine) * a
    mixed = mixed + np.where(near, share, np.sin(share * angle) / sine) * b
    return np.asarray(mixed / np.linalg.norm(mixed, axis=-1, keepdims=True))
