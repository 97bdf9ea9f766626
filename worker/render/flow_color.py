"""Encode optical flow as pictures, in the same ways for stimuli and for real clips."""

import numpy as np
import numpy.typing as npt

from worker.video.flow import quantise

Floats = npt.NDArray[np.float32]
Pixels = npt.NDArray[np.uint8]

FULL_COLOR_PX = 6.0  # flow of this magnitude and more has full colour where no other scale is given
SCALES_PX = (0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 20.0)  # px a frame; the same as in frontend/src/lib/flow.js
SHARE_WITHIN_SCALE = 0.99  # of the vectors


def own_scale(flow: Floats) -> float:
    """Return the smallest of SCALES_PX that 99 % of the vectors of a flow (2, ...), in px, stay within."""
    speed = np.hypot(flow[0], flow[1])
    return next((scale for scale in SCALES_PX if np.mean(speed <= scale) >= SHARE_WITHIN_SCALE), SCALES_PX[-1])


def direction_colors(flow: Floats, full_color_px: float = FULL_COLOR_PX) -> Pixels:
    """Draw flow with its direction as hue and its magnitude as strength, on white.

    (2, ..., H, W) in pixels -> (..., H, W, 3). Right is red; the hue follows the angle clockwise on the screen,
    because v points down. No motion is white; `full_color_px` and more has full colour.
    """
    u, v = flow
    strength = np.minimum(np.hypot(u, v) / full_color_px, 1)[..., None]
    hue = (np.arctan2(v, u) / (2 * np.pi) % 1)[..., None]
    # HSV to RGB at full saturation and value: each channel is a trapezoid of the hue
    wheel = np.clip(np.abs((hue * 6 + np.array([0, 4, 2])) % 6 - 3) - 1, 0, 1)
    return to_pixels(1 - strength * (1 - wheel))


def xy_magnitude_colors(flow: Floats, full_color_px: float = FULL_COLOR_PX) -> Pixels:
    """Draw u, v and the magnitude of flow as R, G and B around mid-grey.

    (2, ..., H, W) in pixels -> (..., H, W, 3). A component of `full_color_px` and more has full colour.
    """
    u, v = flow
    values = np.stack([u, v, np.hypot(u, v)], axis=-1) / full_color_px
    return to_pixels(0.5 + 0.5 * np.clip(values, -1, 1))


def quantised_flow_pixels(flow: Floats) -> Pixels:
    """Store flow in a picture: u as red and v as green, 8 bits over [-20, 20] px.

    (2, ..., H, W) in pixels -> (..., H, W, 3); `worker.video.flow.dequantise` inverts it.
    """
    u, v = quantise(flow)
    return np.stack([u, v, np.zeros_like(u)], axis=-1)


def to_pixels(values: npt.NDArray[np.floating]) -> Pixels:
    """Round values in [0, 1] to 8 bits; others are clipped."""
    pixels: Pixels = np.rint(np.clip(values, 0, 1) * 255).astype(np.uint8)
    return pixels
