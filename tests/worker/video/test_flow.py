import cv2
import numpy as np
import numpy.typing as npt
import pytest

from worker.video.flow import (
    DIS,
    FLOW_RANGE_PX,
    TVL1,
    dequantise,
    dis_flow,
    downscale_flow,
    downscale_frames,
    farneback_flow,
    quantise,
)


def moving(steps: int, dx: float, dy: float, side: int = 96) -> npt.NDArray[np.uint8]:
    """Draw smooth noise that moves by (dx, dy) px a frame."""
    rng = np.random.default_rng(0)
    canvas = cv2.GaussianBlur(rng.uniform(0, 255, (2 * side, 2 * side, 3)).astype(np.float32), (0, 0), 2)
    canvas = (canvas - canvas.min()) / np.ptp(canvas) * 255
    middle = side - 0.5
    frames = [
        cv2.getRectSubPix(canvas, (side, side), (middle - dx * step, middle - dy * step)) for step in range(steps)
    ]
    return np.stack(frames).astype(np.uint8)


def test_flow_is_the_motion_in_pixels_a_frame() -> None:
    flow = dis_flow(moving(4, dx=2.0, dy=-1.0))
    assert flow.shape == (3, 96, 96, 2)
    assert flow.dtype == np.float32
    inner = flow[:, 16:-16, 16:-16]
    assert np.median(inner[..., 0]) == pytest.approx(2, abs=0.15)
    assert np.median(inner[..., 1]) == pytest.approx(-1, abs=0.15)


@pytest.mark.skipif(not hasattr(cv2, "optflow"), reason="OpenCV is here without its contributed modules")
def test_tvl1_where_opencv_has_it() -> None:
    flow = TVL1.compute(moving(2, dx=2.0, dy=-1.0))
    inner = flow[:, 16:-16, 16:-16]
    assert np.median(inner[..., 0]) == pytest.approx(2, abs=0.15)
    assert np.median(inner[..., 1]) == pytest.approx(-1, abs=0.15)


def test_dis_stands_in_for_tvl1() -> None:
    assert (TVL1 == DIS) is not hasattr(cv2, "optflow")


def test_a_still_clip_and_a_single_frame() -> None:
    still = moving(3, 0, 0)
    assert np.abs(dis_flow(still)).max() < 0.01
    assert dis_flow(still[:1]).shape == (0, 96, 96, 2)


def test_smaller_pictures_move_by_fewer_pixels() -> None:
    flow = np.zeros((2, 8, 6, 2), np.float32)
    flow[..., 0], flow[..., 1] = 6, -3
    smaller = downscale_flow(flow)
    assert smaller.shape == (2, 4, 3, 2)
    assert np.all(smaller == np.array([3, -1.5], np.float32))
    assert downscale_flow(flow[:0]).shape == (0, 4, 3, 2)


def test_areas_are_averaged() -> None:
    frames = np.zeros((1, 4, 4, 3), np.uint8)
    frames[0, :2, 0] = 200
    assert downscale_frames(frames)[0, :, :, 0].tolist() == [[100, 0], [0, 0]]


def test_eight_bits_keep_flow_within_half_a_step() -> None:
    flow = np.linspace(-FLOW_RANGE_PX, FLOW_RANGE_PX, 1001, dtype=np.float32)
    stored = quantise(flow)
    assert stored.dtype == np.uint8
    assert (stored[0], stored[-1]) == (0, 255)
    assert np.abs(dequantise(stored) - flow).max() <= FLOW_RANGE_PX / 255 + 1e-5


def test_larger_displacements_are_cut_off() -> None:
    assert dequantise(quantise(np.array([-50, 35], np.float32))).tolist() == [-FLOW_RANGE_PX, FLOW_RANGE_PX]


def test_farneback_sees_the_same_motion() -> None:
    flow = farneback_flow(moving(3, 2, -1))[:, 16:-16, 16:-16]
    assert np.median(flow[..., 0]) == pytest.approx(2, abs=0.2)
    assert np.median(flow[..., 1]) == pytest.approx(-1, abs=0.2)
    assert farneback_flow(moving(1, 0, 0)).shape == (0, 96, 96, 2)
