from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.stream import VideoStream
from PIL import Image

from app.contract.errors import VideoError
from worker.video.decode import read_clip, resize_and_crop
from worker.video.limits import DecodeLimits

FRAMES = 40


def grey(index: int) -> int:
    return 20 + 5 * index


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write clips of 64 x 48 pixels at 25 frames a second, in which each frame has an even grey of its own."""
    folder = tmp_path_factory.mktemp("clips")
    for name, codec in {"clip.mp4": "libx264", "clip.avi": "mpeg4", "clip.mkv": "libx264"}.items():
        with av.open(str(folder / name), "w", options={"movflags": "faststart"} if "mp4" in name else {}) as container:
            stream = container.add_stream(codec, rate=25)
            assert isinstance(stream, VideoStream)
            stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
            stream.bit_rate = 4_000_000
            for index in range(FRAMES):
                image = np.full((48, 64, 3), grey(index), np.uint8)
                container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
            container.mux(stream.encode())
    images = [Image.new("L", (64, 48), grey(index)) for index in range(FRAMES)]
    images[0].save(folder / "clip.gif", save_all=True, append_images=images[1:], duration=40)
    with av.open(str(folder / "sound.mp4"), "w") as container:
        sound = container.add_stream("aac", rate=8000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        frame.sample_rate, frame.time_base = 8000, Fraction(1, 8000)
        container.mux(sound.encode(frame))
        container.mux(sound.encode())
    return folder


def greys(clip: np.ndarray) -> list[int]:
    """Return which source frame each frame is, by its grey."""
    return [round((float(image.mean()) - 20) / 5) for image in clip]


@pytest.mark.parametrize("name", ["clip.mp4", "clip.avi", "clip.mkv", "clip.gif"])
def test_centre_frames_at_the_same_rate(name: str, clips: Path) -> None:
    clip = read_clip(clips / name, frames=16, short_side=24, crop=16)
    assert clip.shape == (16, 16, 16, 3)
    assert clip.dtype == np.uint8
    assert greys(clip) == list(range(12, 28))


def test_other_rates(clips: Path) -> None:
    assert greys(read_clip(clips / "clip.mp4", fps=12.5, frames=8, short_side=24, crop=16)) == list(range(12, 28, 2))
    doubled = greys(read_clip(clips / "clip.mp4", fps=50, frames=8, short_side=24, crop=16))
    assert doubled == [18, 18, 19, 19, 20, 20, 21, 21]


def test_short_clips_start_again(clips: Path) -> None:
    shown = greys(read_clip(clips / "clip.mp4", frames=100, short_side=24, crop=16))
    assert shown == [index % FRAMES for index in range(100)]
    assert len(read_clip(clips / "clip.mp4", frames=100, short_side=24, crop=16, loop=False)) == FRAMES


def test_fit_keeps_the_centre_of_either_orientation() -> None:
    image = np.zeros((40, 80, 3), np.uint8)
    image[:, 30:50] = 255
    assert resize_and_crop(image, 40, 20).min() == 255
    assert resize_and_crop(image.transpose(1, 0, 2), 40, 20).min() == 255
    assert resize_and_crop(image, 8, 8).shape == resize_and_crop(image, 80, 8).shape == (8, 8, 3)


def test_a_crop_may_be_wide_or_tall(clips: Path) -> None:
    assert read_clip(clips / "clip.mp4", frames=2, short_side=24, crop=(24, 32)).shape == (2, 24, 32, 3)
    image = np.zeros((40, 80, 3), np.uint8)
    image[:, 24:56] = 255
    wide = resize_and_crop(image, 40, (20, 36))
    assert wide.shape == (20, 36, 3)
    assert wide[:, 2:-2].min() == 255
    assert wide[:, [0, -1]].max() == 0


def test_an_image_is_scaled_until_it_covers_the_crop() -> None:
    square = np.full((240, 240, 3), 255, np.uint8)
    assert resize_and_crop(square, 128, (128, 171)).shape == (128, 171, 3)
    assert resize_and_crop(square[:, :90], 128, (128, 171)).min() == 255


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        (DecodeLimits(file_bytes=100), "100 are taken"),
        (DecodeLimits(pixels=1000), "64 x 48; 1,000 pixels"),
        (DecodeLimits(aspect=1.3), "64 x 48: one side may be at most 1.3 times"),
        (DecodeLimits(seconds=1), "longer than 1 seconds"),
        (DecodeLimits(frames=FRAMES - 1), "more than 39 frames"),
    ],
)
def test_limits(limits: DecodeLimits, words: str, clips: Path) -> None:
    with pytest.raises(VideoError, match=words):
        read_clip(clips / "clip.mp4", limits=limits)


@pytest.mark.parametrize("share", [0.0, 0.01, 0.3, 0.6])
@pytest.mark.parametrize("name", ["clip.mp4", "clip.avi"])  # Matroska does not say how many frames there were
def test_cut_short(name: str, share: float, clips: Path, tmp_path: Path) -> None:
    data = (clips / name).read_bytes()
    (tmp_path / name).write_bytes(data[: int(len(data) * share)])
    with pytest.raises(VideoError, match=r"damaged|cut short|empty"):
        read_clip(tmp_path / name, frames=FRAMES)


def test_files_that_are_no_clips(clips: Path, tmp_path: Path) -> None:
    noise = tmp_path / "noise.mp4"
    noise.write_bytes(bytes(range(256)) * 40)
    with pytest.raises(VideoError, match="damaged, or not a video"):
        read_clip(noise)
    with pytest.raises(VideoError, match="holds no video"):
        read_clip(clips / "sound.mp4")
    with pytest.raises(VideoError, match="No such file"):
        read_clip(tmp_path / "none.mp4")
    with pytest.raises(VideoError):
        read_clip(tmp_path)


def test_play_lists_do_not_open_other_files(clips: Path, tmp_path: Path) -> None:
    playlist = tmp_path / "list.m3u8"
    playlist.write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\n{clips / 'clip.mp4'}\n#EXT-X-ENDLIST\n")
    joined = tmp_path / "joined.mp4"
    joined.write_text(f"ffconcat version 1.0\nfile {clips / 'clip.mp4'}\n")
    for path in (playlist, joined):
        with pytest.raises(VideoError, match="damaged, or not a video"):
            read_clip(path)
