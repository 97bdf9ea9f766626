import io

import av
import numpy as np
import pytest
from PIL import Image, ImageSequence

from app.contract.result import EXTENSIONS, MediaRole, RenderedMedia
from worker.render.clips import render_clip
from worker.video.flow import dequantise, dis_flow, downscale_flow


@pytest.fixture(scope="module")
def frames() -> np.ndarray:
    """Draw a texture of odd sides that slides two pixels a frame to the right."""
    rng = np.random.default_rng(1)
    rough = rng.integers(0, 255, (9, 15, 3), np.uint8)
    wide = np.asarray(Image.fromarray(rough).resize((101, 61), Image.Resampling.BICUBIC))
    return np.stack([wide[:, 20 - 2 * t : 81 - 2 * t] for t in range(8)])


@pytest.fixture(scope="module")
def media(frames: np.ndarray) -> dict[MediaRole, RenderedMedia]:
    flow = downscale_flow(dis_flow(frames))
    return {medium.role: medium for medium in render_clip(frames, flow, fps=25)}


def opened(medium: RenderedMedia) -> Image.Image:
    return Image.open(io.BytesIO(medium.data))


def test_a_clip_has_a_video_a_poster_and_its_flow(media: dict[MediaRole, RenderedMedia]) -> None:
    assert media.keys() == {
        MediaRole.VIDEO,
        MediaRole.POSTER,
        MediaRole.FLOW,
        MediaRole.FLOW_DIRECTION,
        MediaRole.FLOW_XY,
    }
    assert all(medium.type in EXTENSIONS for medium in media.values())
    assert {role: medium.frames for role, medium in media.items()} == {
        MediaRole.VIDEO: 8,
        MediaRole.POSTER: 1,
        MediaRole.FLOW: 7,
        MediaRole.FLOW_DIRECTION: 7,
        MediaRole.FLOW_XY: 7,
    }


def test_the_video_is_what_browsers_play(media: dict[MediaRole, RenderedMedia], frames: np.ndarray) -> None:
    video = media[MediaRole.VIDEO]
    assert video.data.index(b"moov") < video.data.index(b"mdat")  # it starts before all of it is there
    with av.open(io.BytesIO(video.data), "r") as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
        assert stream.average_rate == 25
        shown = np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(stream)])
    assert shown.shape == (8, 60, 60, 3) == (video.frames, video.height, video.width, 3)
    error = np.abs(shown.mean(-1) - frames[:, :60, :60].mean(-1)).mean()  # of grey: colours are stored coarser
    assert error < 5


def test_flow_comes_back_from_its_sheet_and_is_that_of_the_motion(media: dict[MediaRole, RenderedMedia]) -> None:
    pixels = np.asarray(opened(media[MediaRole.FLOW]).convert("RGB"))
    assert pixels.shape == (30, 7 * 30, 3)
    u, v = np.moveaxis(dequantise(pixels[..., :2]), -1, 0)
    assert np.median(u) == pytest.approx(1, abs=0.2)  # two pixels of the frames are one of the flow's
    assert np.median(v) == pytest.approx(0, abs=0.2)


def test_loops_go_forth_alone_at_the_speed_of_the_clip(frames: np.ndarray) -> None:
    faster = np.broadcast_to(np.arange(0, 3.5, 0.5).astype(np.float32)[:, None, None, None], (7, 30, 30, 2))
    media = {medium.role: medium for medium in render_clip(frames, faster, fps=25)}
    for role in (MediaRole.FLOW_DIRECTION, MediaRole.FLOW_XY):
        with opened(media[role]) as image:
            shown = []
            for frame in ImageSequence.Iterator(image):
                strength = np.asarray(frame.convert("RGB"), int).std(axis=-1).mean()
                shown.append((frame.info["duration"], strength))
        assert {duration for duration, _ in shown} == {40}
        assert [strength for _, strength in shown] == sorted(strength for _, strength in shown)
        assert len(shown) == 7


def test_a_poster_is_small_and_shows_the_frame_that_the_network_sees(frames: np.ndarray) -> None:
    noise = np.random.default_rng(2).integers(0, 255, (3, 240, 240, 3), np.uint8)
    flow = np.zeros((2, 120, 120, 2), np.float32)
    media = {medium.role: medium for medium in render_clip(noise, flow, fps=25)}
    assert len(media[MediaRole.POSTER].data) < 10_000 or opened(media[MediaRole.POSTER]).size == (240, 240)
    last = render_clip(frames, np.zeros((7, 30, 30, 2), np.float32), fps=25, appearance=7)[1]
    error = np.abs(np.asarray(opened(last).convert("RGB")).astype(int) - frames[7]).mean()
    assert error < np.abs(frames[0].astype(int) - frames[7]).mean() / 2
