"""Optical flow, computed by the same code for real videos and for the data that this project trains on."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
import numpy.typing as npt

Frames = npt.NDArray[np.uint8]  # (T, H, W, 3), RGB
Flow = npt.NDArray[np.float32]  # (T, H, W, 2): (u, v) in pixels a frame, u to the right and v down
Bytes = npt.NDArray[np.uint8]

FLOW_UNIT_PX = 20  # one standard unit of motion, the networks' input unit, is 20 px
FLOW_RANGE_PX = 20.0  # flow is stored as 8 bits over [-FLOW_RANGE_PX, FLOW_RANGE_PX]
FLOW_DOWNSCALE = 2  # flow is computed on frames this many times larger than stored, so that thin limbs stay apart


def dis_flow(frames: Frames) -> Flow:
    """Compute the flow from each frame (T, H, W, 3) to the next, (T - 1, H, W, 2), in pixels a frame.

    Method: dense inverse search (Kroeger et al. 2016, arXiv 1603.03590), OpenCV's preset FAST.
    """
    dis = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
    return _flow_between_frames(frames, lambda before, after: dis.calc(before, after, None))  # type: ignore[call-overload]


def farneback_flow(frames: Frames, window: int = 15) -> Flow:
    """Compute the flow from each frame (T, H, W, 3) to the next, (T - 1, H, W, 2), in pixels a frame.

    Method: polynomial expansion (Farneback 2003) with the settings of OpenCV's tutorial, on which published networks
    were trained; `window` is the side in pixels over which flow is averaged.
    """
    settings = (0.5, 3, window, 3, 5, 1.2, cv2.OPTFLOW_FARNEBACK_GAUSSIAN)
    return _flow_between_frames(
        frames,
        lambda before, after: cv2.calcOpticalFlowFarneback(before, after, None, *settings),  # type: ignore[call-overload]
    )


def tvl1_flow(frames: Frames) -> Flow:
    """Compute the flow from each frame (T, H, W, 3) to the next, (T - 1, H, W, 2), in pixels a frame.

    Method: total variation and an L1 data term (Zach et al. 2007). Needs OpenCV's contributed modules.
    """
    tvl1 = cv2.optflow.DualTVL1OpticalFlow_create()  # type: ignore[attr-defined]
    return _flow_between_frames(frames, lambda before, after: tvl1.calc(before, after, None))


def _flow_between_frames(frames: Frames, compute: Callable[[Bytes, Bytes], Flow]) -> Flow:
    grey = [cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in frames]
    fields = [compute(before, after) for before, after in pairwise(grey)]
    if not fields:
        return np.zeros((0, *frames.shape[1:3], 2), np.float32)
    return np.stack(fields).astype(np.float32, copy=False)


def downscale_flow(flow: Flow, factor: int = FLOW_DOWNSCALE) -> Flow:
    """Average flow over `factor` x `factor` pixels and express it in the larger pixels.

    (T, H, W, 2) -> (T, H / factor, W / factor, 2); the displacements are divided by `factor` too.
    """
    height, width = flow.shape[1] // factor, flow.shape[2] // factor
    smaller = [cv2.resize(field, (width, height), interpolation=cv2.INTER_AREA) / factor for field in flow]
    return np.stack(smaller) if smaller else np.zeros((0, height, width, 2), np.float32)


def downscale_frames(frames: Frames, factor: int = FLOW_DOWNSCALE) -> Frames:
    """Average frames over `factor` x `factor` pixels: (T, H, W, 3) -> (T, H / factor, W / factor, 3)."""
    size = (frames.shape[2] // factor, frames.shape[1] // factor)
    return np.stack([cv2.resize(frame, size, interpolation=cv2.INTER_AREA) for frame in frames]).astype(np.uint8)


def quantise(flow: Flow) -> Bytes:
    """Round flow in pixels to 8 bits; displacements beyond FLOW_RANGE_PX are clipped."""
    scaled = (np.clip(flow, -FLOW_RANGE_PX, FLOW_RANGE_PX) + FLOW_RANGE_PX) * (255 / (2 * FLOW_RANGE_PX))
    return np.asarray(np.rint(scaled), np.uint8)


def dequantise(values: Bytes) -> Flow:
    """Convert 8 bits back to flow in pixels, off by FLOW_RANGE_PX / 255 at most."""
    return values.astype(np.float32) * np.float32(2 * FLOW_RANGE_PX / 255) - np.float32(FLOW_RANGE_PX)


@dataclass(frozen=True)
class FlowMethod:
    """How the flow in a network's training data was computed and stored."""

    compute: Callable[[Frames], Flow]
    downscale: int  # flow is computed on frames this many times larger than the network's input
    quantised: bool  # stored as 8 bits


DIS = FlowMethod(dis_flow, FLOW_DOWNSCALE, quantised=True)
FARNEBACK = FlowMethod(farneback_flow, 1, quantised=False)
# OpenCV has TV-L1 only if opencv-contrib-python-headless is installed in place of opencv-python-headless
TVL1 = FlowMethod(tvl1_flow, 1, quantised=True) if hasattr(cv2, "optflow") else DIS
