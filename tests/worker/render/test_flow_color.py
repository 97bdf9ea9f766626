import numpy as np
import pytest

from worker.render.flow_color import FULL_COLOR_PX, direction_colors, quantised_flow_pixels, xy_magnitude_colors
from worker.video.flow import dequantise


def one(u: float, v: float) -> np.ndarray:
    return np.array([u, v], np.float32).reshape(2, 1, 1)


@pytest.mark.parametrize(
    ("flow", "colour"),
    [
        (one(0, 0), (255, 255, 255)),
        (one(FULL_COLOR_PX, 0), (255, 0, 0)),
        (one(-FULL_COLOR_PX, 0), (0, 255, 255)),
        (one(FULL_COLOR_PX / 2, 0), (255, 128, 128)),
        (one(100, 0), (255, 0, 0)),
        (one(0, FULL_COLOR_PX), (128, 255, 0)),
        (one(0, -FULL_COLOR_PX), (128, 0, 255)),
    ],
)
def test_direction_is_hue_on_white(flow: np.ndarray, colour: tuple[int, int, int]) -> None:
    assert tuple(direction_colors(flow)[0, 0].tolist()) == colour


@pytest.mark.parametrize(
    ("flow", "colour"),
    [
        (one(0, 0), (128, 128, 128)),
        (one(FULL_COLOR_PX, 0), (255, 128, 255)),
        (one(-FULL_COLOR_PX, 0), (0, 128, 255)),
        (one(0, -FULL_COLOR_PX), (128, 0, 255)),
    ],
)
def test_xy_magnitude_is_on_mid_grey(flow: np.ndarray, colour: tuple[int, int, int]) -> None:
    assert tuple(xy_magnitude_colors(flow)[0, 0].tolist()) == colour


def test_stored_flow_comes_back_to_half_a_level() -> None:
    flow = np.random.default_rng(0).uniform(-20, 20, (2, 5, 6, 7)).astype(np.float32)
    assert np.abs(dequantise(np.moveaxis(quantised_flow_pixels(flow)[..., :2], -1, 0)) - flow).max() <= 20 / 255 + 1e-4
