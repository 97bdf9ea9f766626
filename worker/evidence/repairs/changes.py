"""Changed clips: a part of a clip is replaced by that of another real clip, so that nothing is grey or drawn."""

import numpy as np
import torch.nn.functional as F
from torch import Tensor

from app.contract.network import StreamName
from worker.evidence.appearance_bias import FOREGROUND_PX
from worker.evidence.foreground import clip_foreground
from worker.evidence.repairs.picture_blocks import PICTURE_STREAMS, block_pixels
from worker.evidence.repairs.picture_contrast import Mask
from worker.evidence.synergy import MOTION
from worker.graph.inputs import Inputs

Changed = dict[StreamName, Tensor]


def with_blocks_of(inputs: Inputs, partner: Inputs, blocks: Mask) -> Changed:
    """Return a clip whose picture has the partner's in the chosen blocks (14, 14); its motion stays as it is."""

    def replace(name: StreamName, x: Tensor) -> Tensor:
        mask = block_pixels(blocks, (x.shape[-2], x.shape[-1]))
        return _mix(x, partner[name], mask)

    return {name: replace(name, x) if name in PICTURE_STREAMS else x for name, x in inputs.items()}


def with_surroundings_of(inputs: Inputs, partner: Inputs) -> Changed:
    """Return a clip whose moving foreground lies on the partner's picture; its motion stays as it is."""
    foreground = clip_foreground(inputs, FOREGROUND_PX)

    def replace(name: StreamName, x: Tensor) -> Tensor:
        return _mix(x, partner[name], 1 - F.interpolate(foreground, x.shape[-2:]))

    return {name: replace(name, x) if name in PICTURE_STREAMS else x for name, x in inputs.items()}


def with_appearance_of(inputs: Inputs, partner: Inputs) -> Changed:
    """Return a clip's motion with the picture of its partner."""
    return {name: x if name is MOTION else partner[name] for name, x in inputs.items()}


def with_motion_of(inputs: Inputs, partner: Inputs) -> Changed:
    """Return a clip's picture with the motion of its partner."""
    return {name: partner[name] if name is MOTION else x for name, x in inputs.items()}


def elsewhere(blocks: Mask) -> Mask:
    """Return an equally large region of blocks (h, w) that overlaps the given one least.

    The region is shifted around the frame, whose edges join; of shifts that overlap alike the farthest is taken.
    """
    height, width = blocks.shape
    shifts = [(row, column) for row in range(height) for column in range(width)]

    def order(shift: tuple[int, int]) -> tuple[int, float]:
        moved = np.roll(blocks, shift, (0, 1))
        far = min(shift[0], height - shift[0]) ** 2 + min(shift[1], width - shift[1]) ** 2
        return int((moved & blocks).sum()), -far

    return np.asarray(np.roll(blocks, min(shifts, key=order), (0, 1)))


def _mix(x: Tensor, other: Tensor, mask: Tensor) -> Tensor:
    """Return `other` where the mask (1, 1, H, W) is 1 and x where it is 0; both are (1, 3, [T,] H, W)."""
    where = mask if x.ndim == 4 else mask[:, :, None]
    return x * (1 - where) + other.to(x.dtype) * where
