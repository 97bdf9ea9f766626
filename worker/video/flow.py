"""Optical flow, by one code for real video and for the data that networks here are trained on."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
import numpy.typing as npt

Frames = npt.NDArray[np.uint8]
Flow = npt.NDArray[np.float32]
Bytes = npt.NDArray[np.uint8]

RANGE = 20.0  # px: flow is kept as 8 bits over [-RANGE, RANGE]
FINER = 2  # flow is computed on frames so many times larger than it is kept: thin limbs stay apart


def consecutive_flow(frames: Frames) -> Flow:
    """DIS flow from each frame to the next: (T, H, W, 3) RGB -> (T - 1, H, W, 2), (u, v) in px a frame,
    u to the right and v down.
    """
    dis = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
    return _between(frames, lambda before, after: dis.calc(before, after, None))  # type: ignore[call-overload]


def farneback_flow(frames: Frames) -> Flow:
    """The same by Farneback's polynomials, with OpenCV's customary settings, which networks were trained on."""
    settings = (0.5, 3, 15, 3, 5, 1.2, cv2.OPTFLOW_FARNEBACK_GAUSSIAN)
    return _between(
        frames,
        lambda before, after: cv2.calcOpticalFlowFarneback(before, after, None, *settings),  # type: ignore[call-overload]
    )


def tvl1_flow(frames: Frames) -> Flow:
    """The same by total variation and an L1 norm (Zach et al. 2007), which only OpenCV's contributed modules have."""
    tvl1 = cv2.optflow.DualTVL1OpticalFlow_create()  # type: ignore[attr-defined]
    return _between(frames, lambda before, after: tvl1.calc(before, after, None))


def _between(frames: Frames, compute: Callable[[Bytes, Bytes], Flow]) -> Flow:
    """From each frame to the next, in grey."""
    grey = [cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in frames]
    fields = [compute(before, after) for before, after in pairwise(grey)]
    if not fields:
        return np.zeros((0, *frames.shape[1:3], 2), np.float32)
    return np.stack(fields).astype(np.float32, copy=False)


def reduce_flow(flow: Flow, factor: int = FINER) -> Flow:
    """Averages `factor` x `factor` pixels: (T, H, W, 2) -> (T, H / factor, W / factor, 2), in the smaller px."""
    height, width = flow.shape[1] // factor, flow.shape[2] // factor
    smaller = [cv2.resize(field, (width, height), interpolation=cv2.INTER_AREA) / factor for field in flow]
    return np.stack(smaller) if smaller else np.zeros((0, height, width, 2), np.float32)


def reduce_frames(frames: Frames, factor: int = FINER) -> Frames:
    """The same for pictures: (T, H, W, 3) -> (T, H / factor, W / factor, 3)."""
    size = (frames.shape[2] // factor, frames.shape[1] // factor)
    return np.stack([cv2.resize(frame, size, interpolation=cv2.INTER_AREA) for frame in frames]).astype(np.uint8)


def quantise(flow: Flow) -> Bytes:
    """Px -> 8 bits; larger displacements are cut off at RANGE."""
    scaled = (np.clip(flow, -RANGE, RANGE) + RANGE) * (255 / (2 * RANGE))
    return np.asarray(np.rint(scaled), np.uint8)


def dequantise(values: Bytes) -> Flow:
    """8 bits -> px, within RANGE / 255 of what was quantised."""
    return values.astype(np.float32) * np.float32(2 * RANGE / 255) - np.float32(RANGE)


@dataclass(frozen=True)
class FlowMethod:
    """How the flow that a network was trained on was made."""

    compute: Callable[[Frames], Flow]
    finer: int  # computed on frames so many times larger than it is kept
    stored: bool  # kept as 8 bits


DIS = FlowMethod(consecutive_flow, FINER, stored=True)
FARNEBACK = FlowMethod(farneback_flow, 1, stored=False)
# Where opencv-contrib-python-headless is installed in place of opencv-python-headless
TVL1 = FlowMethod(tvl1_flow, 1, stored=True) if hasattr(cv2, "optflow") else DIS
