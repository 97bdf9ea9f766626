import io

import numpy as np
import pytest
from PIL import Image, ImageSequence

from app.contract.network import StreamName
from app.contract.result import EXTENSIONS, MediaRole, RenderedMedia
from worker.render.flow_color import own_scale
from worker.render.stimulus import animate, poster, render_preview, render_stimulus, warp_along_flow
from worker.render.webp import contact_sheet
from worker.video.flow import dequantise

SIZE = 32


def texture(frames: int) -> np.ndarray:
    noise = np.random.default_rng(1).normal(size=(3, frames, SIZE, SIZE)) * 0.4
    return np.clip(noise, -1, 1).astype(np.float32)


def shift(frames: int = 10) -> np.ndarray:
    """Return flow of two pixels to the right, everywhere."""
    flow = np.zeros((2, frames, SIZE, SIZE), np.float32)
    flow[0] = 2 / 20
    return flow


STIMULI = {
    "clip": {StreamName.CLIP: texture(16)},
    "two-stream": {StreamName.APPEARANCE: texture(1), StreamName.MOTION: shift()},
    "appearance": {StreamName.APPEARANCE: texture(1)},
    "motion": {StreamName.MOTION: shift()},
}
ALWAYS = {MediaRole.POSTER, MediaRole.LOOP, MediaRole.RAW}
FLOW = {MediaRole.FLOW, MediaRole.FLOW_DIRECTION, MediaRole.FLOW_XY}
ROLES = {
    "clip": ALWAYS | {MediaRole.SHEET},
    "two-stream": ALWAYS | FLOW | {MediaRole.APPEARANCE},
    "appearance": ALWAYS | {MediaRole.APPEARANCE},
    "motion": ALWAYS | FLOW,
}


def opened(medium: RenderedMedia) -> Image.Image:
    return Image.open(io.BytesIO(medium.data))


def frame_count(image: Image.Image) -> int:
    return len(list(ImageSequence.Iterator(image)))


@pytest.mark.parametrize("kind", STIMULI)
def test_every_role_is_rendered_and_says_what_it_is(kind: str) -> None:
    media = {medium.role: medium for medium in render_stimulus(STIMULI[kind])}
    assert media.keys() == ROLES[kind]
    for role, medium in media.items():
        assert medium.type in EXTENSIONS
        if role is not MediaRole.RAW:
            assert opened(medium).size == (medium.width, medium.height)


def test_loops_go_forth_and_back() -> None:
    media = {medium.role: medium for medium in render_stimulus(STIMULI["clip"])}
    assert frame_count(opened(media[MediaRole.LOOP])) == media[MediaRole.LOOP].frames == 30


def test_the_raw_arrays_are_the_stimulus() -> None:
    raw = next(medium for medium in render_stimulus(STIMULI["two-stream"]) if medium.role is MediaRole.RAW)
    with np.load(io.BytesIO(raw.data), allow_pickle=False) as arrays:
        assert set(arrays) == {"appearance", "motion"}
        np.testing.assert_allclose(arrays["motion"], shift(), atol=1e-3)


def test_the_flow_sheet_holds_the_flow() -> None:
    medium = next(medium for medium in render_stimulus(STIMULI["motion"]) if medium.role is MediaRole.FLOW)
    assert (medium.frames, medium.width, medium.height) == (10, 10 * SIZE, SIZE)
    pixels = np.asarray(opened(medium).convert("RGB"))
    flow = np.moveaxis(dequantise(pixels[..., :2]), -1, 0)
    np.testing.assert_allclose(flow[0], 2, atol=0.08)
    np.testing.assert_allclose(flow[1], 0, atol=0.08)


def test_a_sheet_reads_like_a_page() -> None:
    frames = np.arange(18, dtype=np.uint8)[:, None, None, None] * np.ones((1, 2, 3, 3), np.uint8)
    pixels = contact_sheet(frames)
    assert pixels.shape == (4, 48, 3)
    assert pixels[0, ::3, 0].tolist() == list(range(16))
    assert pixels[2, ::3, 0].tolist() == [16, 17] + [0] * 14


def test_appearance_is_carried_along_the_flow() -> None:
    image = np.random.default_rng(2).integers(0, 255, (SIZE, SIZE, 3), np.uint8)
    frames = warp_along_flow(image, shift(3) * 20)
    assert frames.shape == (4, SIZE, SIZE, 3)
    np.testing.assert_array_equal(frames[3][:, 6:], image[:, :-6])


@pytest.mark.parametrize("kind", STIMULI)
def test_a_preview_is_small(kind: str) -> None:
    medium = render_preview(STIMULI[kind])
    assert len(medium.data) < 15_000
    assert opened(medium).height == 160


def test_a_preview_of_noise_is_small_too() -> None:
    noise = np.random.default_rng(3).uniform(-1, 1, (3, 10, 160, 160)).astype(np.float32)
    medium = render_preview({StreamName.APPEARANCE: noise[:, :1], StreamName.MOTION: noise[:2] * 0.3})
    assert len(medium.data) <= 15_000


def test_a_poster_of_two_streams_is_appearance_and_motion_side_by_side() -> None:
    appearance = np.full((3, 1, 64, 64), -1, np.float32)  # black
    motion = np.zeros((2, 10, 64, 64), np.float32)  # still: white
    picture = poster({StreamName.APPEARANCE: appearance, StreamName.MOTION: motion})
    assert picture.shape == (128, 256, 3)
    assert (picture[:, :124] == 0).all()
    assert (picture[:, 132:] == 255).all()


def test_a_loop_of_two_streams_moves_the_appearance_beside_the_motion() -> None:
    frames = animate({StreamName.APPEARANCE: texture(1), StreamName.MOTION: shift()})
    assert frames.shape == (11, SIZE, 2 * SIZE, 3)
    assert (frames[3, :, 6:SIZE] == frames[0, :, : SIZE - 6]).all()
    assert (frames[:, :, SIZE:] == [255, 0, 0]).all(), "2 px to the right are the fastest of this flow: full colour"


@pytest.mark.parametrize(("slow", "scale"), [(0.0, 0.5), (1.4, 1.5), (6.5, 8.0), (25.0, 20.0)])
def test_the_scale_of_a_flow_holds_nearly_all_of_its_motion(slow: float, scale: float) -> None:
    flow = np.full((2, 3, 20, 20), slow / np.sqrt(2), np.float32)
    flow[:, 0, 0, :10] = 30  # less than one vector in a hundred
    assert own_scale(flow) == scale
