"""Make batches of stored clips: crops, mirror images, conversion to standard units."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from app.contract.network import StreamName
from worker.mocap.dataset.shards import STORED_SIDE, Clips

CROP_SIDE = 112  # pixels; the side of the networks' input

Indices = npt.NDArray[np.int64]
Inputs = dict[StreamName, Tensor]


@dataclass(frozen=True)
class Batch:
    """B clips, with channels last in memory."""

    inputs: Inputs  # appearance (B, 3, CROP_SIDE, CROP_SIDE), motion (B, 20, CROP_SIDE, CROP_SIDE), standard units
    labels: Tensor  # (B,)


def to_standard_units(values: npt.NDArray[np.uint8]) -> Tensor:
    """Convert 8 bits to [-1, 1], the standard units of colours and of flow stored over [-20, 20] px."""
    tensor = torch.from_numpy(values).to(memory_format=torch.channels_last)
    return tensor.float().div_(127.5).sub_(1)


def make_batch(clips: Clips, indices: Indices, corners: Indices, mirrored: npt.NDArray[np.bool_]) -> Batch:
    """Return the clips at `indices` (B,), cropped at `corners` (B, 2) of (y, x), some mirrored.

    Mirroring negates the horizontal flow too. It changes no class.
    """
    size = len(indices)
    frames = np.empty((size, 3, CROP_SIDE, CROP_SIDE), np.uint8)
    flow = np.empty((size, clips.flow.shape[1], CROP_SIDE, CROP_SIDE), np.uint8)
    for row, (index, (top, left), flip) in enumerate(zip(indices, corners, mirrored, strict=True)):
        window = (slice(None), slice(top, top + CROP_SIDE), slice(left, left + CROP_SIDE))
        frame, fields = clips.frames[index][window], clips.flow[index][window]
        if flip:
            frames[row], flow[row] = frame[..., ::-1], fields[..., ::-1]
            flow[row, 0::2] = 255 - flow[row, 0::2]  # u, which is quantised symmetrically around zero
        else:
            frames[row], flow[row] = frame, fields
    inputs = {StreamName.APPEARANCE: to_standard_units(frames), StreamName.MOTION: to_standard_units(flow)}
    return Batch(inputs, torch.from_numpy(clips.labels[indices]))


def training_batches(clips: Clips, size: int, seed: int, epoch: int, first: int = 0) -> Iterator[Batch]:
    """Yield the batches of an epoch in a random order, from batch `first` on, determined by seed and epoch."""
    rng = np.random.default_rng((seed, epoch))
    order = rng.permutation(len(clips))
    corners = rng.integers(0, STORED_SIDE - CROP_SIDE + 1, (len(clips), 2))
    mirrored = rng.random(len(clips)) < 0.5
    for start in range(first * size, len(clips), size):
        chosen = order[start : start + size]
        yield make_batch(clips, chosen, corners[chosen], mirrored[chosen])


def evaluation_batches(clips: Clips, size: int = 64) -> Iterator[Batch]:
    """Yield all clips in order, cropped in the middle."""
    middle = (STORED_SIDE - CROP_SIDE) // 2
    for start in range(0, len(clips), size):
        chosen = np.arange(start, min(start + size, len(clips)))
        yield make_batch(clips, chosen, np.full((len(chosen), 2), middle), np.zeros(len(chosen), np.bool_))
