"""From stored clips to what a network takes: crops, mirror images, standard units."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from app.contract.network import StreamName
from worker.mocap.cache import SIDE, Clips

CROP = 112

Indices = npt.NDArray[np.int64]
Inputs = dict[StreamName, Tensor]


@dataclass(frozen=True)
class Batch:
    """B clips, channels last in memory."""

    inputs: Inputs  # appearance (B, 3, CROP, CROP), motion (B, 20, CROP, CROP), standard units
    labels: Tensor  # (B,)


def standard(values: npt.NDArray[np.uint8]) -> Tensor:
    """8 bits -> [-1, 1]: the standard units of colours, and of flow kept over [-20, 20] px."""
    tensor = torch.from_numpy(values).to(memory_format=torch.channels_last)
    return tensor.float().div_(127.5).sub_(1)


def take(clips: Clips, indices: Indices, corners: Indices, mirrored: npt.NDArray[np.bool_]) -> Batch:
    """Crops at corners (B, 2) of (y, x). A mirrored clip moves the other way too; every class survives it."""
    size = len(indices)
    frames = np.empty((size, 3, CROP, CROP), np.uint8)
    flow = np.empty((size, clips.flow.shape[1], CROP, CROP), np.uint8)
    for place, (index, (top, left), flip) in enumerate(zip(indices, corners, mirrored, strict=True)):
        window = (slice(None), slice(top, top + CROP), slice(left, left + CROP))
        frame, fields = clips.frames[index][window], clips.flow[index][window]
        if flip:
            frames[place], flow[place] = frame[..., ::-1], fields[..., ::-1]
            flow[place, 0::2] = 255 - flow[place, 0::2]  # u, whose zero is in the middle of the range
        else:
            frames[place], flow[place] = frame, fields
    inputs = {StreamName.APPEARANCE: standard(frames), StreamName.MOTION: standard(flow)}
    return Batch(inputs, torch.from_numpy(clips.labels[indices]))


def training_batches(clips: Clips, size: int, seed: int, epoch: int, first: int = 0) -> Iterator[Batch]:
    """One epoch in random order, from batch `first` on; the same for the same seed and epoch."""
    rng = np.random.default_rng((seed, epoch))
    order = rng.permutation(len(clips))
    corners = rng.integers(0, SIDE - CROP + 1, (len(clips), 2))
    mirrored = rng.random(len(clips)) < 0.5
    for start in range(first * size, len(clips), size):
        chosen = order[start : start + size]
        yield take(clips, chosen, corners[chosen], mirrored[chosen])


def whole_batches(clips: Clips, size: int = 64) -> Iterator[Batch]:
    """All clips in order, the crop in the middle."""
    middle = (SIDE - CROP) // 2
    for start in range(0, len(clips), size):
        chosen = np.arange(start, min(start + size, len(clips)))
        yield take(clips, chosen, np.full((len(chosen), 2), middle), np.zeros(len(chosen), np.bool_))
