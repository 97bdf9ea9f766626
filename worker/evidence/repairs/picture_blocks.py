"""What a clip's picture looks like, block by block: colour in a perceptual space, and texture."""

import cv2
import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from app.contract.network import StreamName
from worker.evidence.types import Floats
from worker.graph.inputs import Inputs

BLOCKS = 14  # of a picture, along each side
FEATURES = ("lightness", "green to red", "blue to yellow", "texture")  # of a block: CIE L*, a*, b*, deviation of L*
PICTURE_STREAMS = (StreamName.APPEARANCE, StreamName.CLIP)


def picture_stream(inputs: Inputs) -> StreamName | None:
    """Return the stream that shows pictures, None where a network has motion alone."""
    return next((name for name in PICTURE_STREAMS if name in inputs), None)


def block_features(inputs: Inputs) -> Floats:
    """Return the features (4, 14, 14) of one clip's picture, in units of CIELAB; of a clip's frames their mean.

    A block's colour is the mean over its pixels, its texture the standard deviation of their lightness.
    """
    name = picture_stream(inputs)
    assert name is not None
    x = inputs[name][0].float().cpu()
    picture = x.mean(1) if x.ndim == 4 else x
    lab = torch.from_numpy(to_lab((picture.permute(1, 2, 0).numpy() + 1) / 2)).permute(2, 0, 1)
    means = _block_means(lab)
    variance = _block_means(lab[:1].square()) - means[:1].square()
    return np.asarray(torch.cat([means, variance.clamp_min(0).sqrt()]).numpy())


def to_lab(rgb: Floats) -> Floats:
    """Convert RGB (..., 3) in [0, 1] to CIELAB (L* over [0, 100], a* and b* about over [-100, 100])."""
    pixels = np.ascontiguousarray(np.clip(rgb, 0, 1), np.float32)
    return np.asarray(cv2.cvtColor(pixels.reshape(-1, 1, 3), cv2.COLOR_RGB2LAB).reshape(rgb.shape))


def _block_means(maps: Tensor) -> Tensor:
    return F.adaptive_avg_pool2d(maps[None], BLOCKS)[0]


def block_pixels(blocks: npt.NDArray[np.bool_], size: tuple[int, int]) -> Tensor:
    """Return a mask (1, 1, H, W) of pixels that is 1 in the chosen blocks of a mask (14, 14)."""
    mask = torch.from_numpy(np.asarray(blocks, np.float32))[None, None]
    return F.interpolate(mask, size, mode="nearest")
