"""What moves in a stimulus or a real clip, and how far that is what is seen; the camera's motion does not count."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import avg_pool2d

from worker.video.flow import FLOW_UNIT_PX

Array = NDArray[np.floating]

MOVING_PX = 0.5  # a frame
CONTRAST_PX = 9  # side of the square over which contrast is measured


def speed_px(flow: Array) -> Array:
    """Return the speed (T, H, W) in px a frame of flow (2, T, H, W) in standard units, each field less its median."""
    px = flow.astype(np.float64) * FLOW_UNIT_PX
    relative = px - np.median(px, axis=(2, 3), keepdims=True)
    return np.asarray(np.hypot(*relative))


def moving_share(flow: Array) -> float:
    """Return the share of positions of flow (2, T, H, W), standard units, that move by more than half a pixel."""
    return float((speed_px(flow) > MOVING_PX).mean())


def contrast(image: Array) -> Array:
    """Return the standard deviation of luminance within 9 x 9 px around each position (H, W) of RGB (3, 1, H, W)."""
    luminance = torch.from_numpy(image[:, 0].astype(np.float64)).mean(0)[None, None]
    means = [
        avg_pool2d(x, CONTRAST_PX, 1, CONTRAST_PX // 2, count_include_pad=False) for x in (luminance, luminance**2)
    ]
    return np.asarray((means[1] - means[0] ** 2).clamp_min(0).sqrt()[0, 0])


def coupling(image: Array, flow: Array) -> float:
    """Return the correlation over positions of local contrast with the speed, the mean over the fields of the flow."""
    return float(np.corrcoef(contrast(image).ravel(), speed_px(flow).mean(0).ravel())[0, 1])
