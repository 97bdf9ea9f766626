"""Optical flow as pictures, in the two encodings that the pages show for synthetic and real clips alike."""

import numpy as np
import numpy.typing as npt

from worker.video.flow import quantise

Floats = npt.NDArray[np.float32]
Pixels = npt.NDArray[np.uint8]

SHOWN_PX = 6.0  # flow of this magnitude has full colour; the legends say so


def direction(flow: Floats) -> Pixels:
    """Hue is direction, on white: (2, ..., H, W) in px to (..., H, W, 3).

    Right is red, and hue turns with the angle clockwise on the screen (v points down); still is white.
    """
    u, v = flow
    strength = np.minimum(np.hypot(u, v) / SHOWN_PX, 1)[..., None]
    hue = (np.arctan2(v, u) / (2 * np.pi) % 1)[..., None]
    # of the HSV cone at full value: each of R, G, B is a trapezoid of the hue
    wheel = np.clip(np.abs((hue * 6 + np.array([0, 4, 2])) % 6 - 3) - 1, 0, 1)
    return to_pixels(1 - strength * (1 - wheel))


def xy_magnitude(flow: Floats) -> Pixels:
    """u, v and magnitude as R, G, B on mid-grey: (2, ..., H, W) in px to (..., H, W, 3)."""
    u, v = flow
    values = np.stack([u, v, np.hypot(u, v)], axis=-1) / SHOWN_PX
    return to_pixels(0.5 + 0.5 * np.clip(values, -1, 1))


def stored(flow: Floats) -> Pixels:
    """U as red, v as green, 8 bits over [-20, 20] px: (2, ..., H, W) in px to (..., H, W, 3)."""
    u, v = quantise(flow)
    return np.stack([u, v, np.zeros_like(u)], axis=-1)


def to_pixels(values: npt.NDArray[np.floating]) -> Pixels:
    """[0, 1] to 8 bits."""
    pixels: Pixels = np.rint(np.clip(values, 0, 1) * 255).astype(np.uint8)
    return pixels
