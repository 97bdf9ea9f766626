"""Controls are noise with the spectrum of a stimulus, the same for the same seed."""

import io
from collections.abc import Callable
from typing import Literal

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from app.web.control_stimulus import draw_loop, draw_noise
from worker.render.flow_color import Floats, Pixels, direction_colors, xy_magnitude_colors
from worker.render.webp import contact_sheet
from worker.video.flow import dequantise

SIDE = 48


def frames_of(count: int) -> Pixels:
    """Return frames (T, H, W, 3) in which a bright patch moves over a dark ground."""
    frames = np.full((count, SIDE, SIDE, 3), 60, np.uint8)
    for frame in range(count):
        frames[frame, 10:22, 8 + frame : 26 + frame] = (200, 140, 90)
    return frames


def encoded(frames: Pixels) -> bytes:
    file = io.BytesIO()
    Image.fromarray(contact_sheet(frames)).save(file, "WEBP", lossless=True)
    return file.getvalue()


def decoded(data: bytes) -> npt.NDArray[np.float64]:
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"), np.float64)


def test_the_same_seed_draws_the_same_noise_and_another_seed_another() -> None:
    sheet = encoded(frames_of(3))
    first, again, other = (draw_noise(sheet, frames=3, seed=seed, lossless=True) for seed in ("1", "1", "2"))
    assert first == again
    assert first != other


def test_noise_has_the_mean_the_contrast_and_the_spectrum_of_the_stimulus() -> None:
    frames = frames_of(1)
    draws = [decoded(draw_noise(encoded(frames), frames=1, seed=str(seed), lossless=True)) for seed in range(12)]
    noise, stimulus = np.stack(draws)[..., 0], frames[0, ..., 0].astype(float)
    assert noise.mean() == pytest.approx(stimulus.mean(), abs=4)
    assert noise.std() == pytest.approx(stimulus.std(), rel=0.1)
    power = np.abs(np.fft.fft2(noise - noise.mean((1, 2), keepdims=True))) ** 2
    wanted = np.abs(np.fft.fft2(stimulus - stimulus.mean())) ** 2
    strongest = np.argsort(wanted.ravel())[-200:]  # weaker frequencies drown in the rounding to 8 bits
    mean, expected = power.mean(0).ravel()[strongest], wanted.ravel()[strongest]
    assert 0.7 < (mean / expected)[-40:].mean() < 1.3
    assert np.corrcoef(np.log(mean), np.log(expected))[0, 1] > 0.8
    correlations = [abs(np.corrcoef(each.ravel(), stimulus.ravel())[0, 1]) for each in noise]
    assert np.mean(correlations) < 0.4, "the stimulus itself is not in it"


def test_a_sheet_keeps_its_size_and_its_last_row_ends_in_black() -> None:
    sheet = encoded(frames_of(18))
    noise = decoded(draw_noise(sheet, frames=18, seed="1", lossless=True))
    assert noise.shape == (2 * SIDE, 16 * SIDE, 3)
    assert noise[SIDE:, 2 * SIDE :].max() == 0
    assert noise[SIDE:, : 2 * SIDE].std() > 5


@pytest.mark.parametrize(("encoding", "draw"), [("direction", direction_colors), ("xy", xy_magnitude_colors)])
def test_the_loop_of_flow_has_the_workers_colours(
    encoding: Literal["direction", "xy"], draw: Callable[[Floats], Pixels]
) -> None:
    u, v = np.meshgrid(np.arange(SIDE) * 5, np.arange(SIDE) * 5)
    field = np.stack([u, v, np.zeros_like(u)], -1).astype(np.uint8)[None].repeat(2, 0)
    data = draw_loop(encoded(field), frames=2, size=(SIDE, SIDE), encoding=encoding)
    drawn = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"), float)
    wanted = draw(dequantise(np.stack([u, v]).astype(np.uint8)))
    assert np.abs(drawn - wanted).mean() < 6  # what WebP loses
