"""What the data-set scanner takes, what the web host lets in and what the decoder opens are the same containers."""

from pathlib import Path

import av
import numpy as np
import pytest
from av.video.stream import VideoStream

from app.web.requests.video_signature import SIGNATURE_BYTES, may_be_video
from worker.video.containers import ENDINGS_BY_FORMAT, VIDEO_ENDINGS, is_video_name
from worker.video.decode import read_clip

MUXERS = {  # by ending: FFmpeg's muxer, and a codec that it takes
    **dict.fromkeys((".avi", ".divx"), ("avi", "mpeg4")),
    **dict.fromkeys((".mp4", ".m4v"), ("mp4", "libx264")),
    **dict.fromkeys((".mov", ".qt", ".mj2"), ("mov", "mjpeg")),
    ".3gp": ("3gp", "mpeg4"),
    ".3g2": ("3g2", "mpeg4"),
    ".f4v": ("f4v", "libx264"),
    **dict.fromkeys((".mkv", ".mk3d"), ("matroska", "libx264")),
    ".webm": ("webm", "libvpx"),
    ".gif": ("gif", "gif"),
    **dict.fromkeys((".mpg", ".mpeg", ".mpe", ".m2p", ".mod"), ("mpeg", "mpeg2video")),
    ".vob": ("vob", "mpeg2video"),
    **dict.fromkeys((".ts", ".m2t", ".tod"), ("mpegts", "mpeg2video")),
    **dict.fromkeys((".mts", ".m2ts"), ("mpegts", "libx264")),
    ".flv": ("flv", "flv"),
    **dict.fromkeys((".ogg", ".ogv", ".ogm"), ("ogg", "libvpx")),
    **dict.fromkeys((".asf", ".wmv"), ("asf", "wmv2")),
}
PIXELS = {"gif": "rgb8", "mjpeg": "yuvj420p", "apng": "rgb24"}


def write(path: Path, muxer: str, codec: str) -> None:
    options = {"mpegts_m2ts_mode": "1"} if path.suffix in (".mts", ".m2ts") else {}
    with av.open(str(path), "w", format=muxer, options=options) as container:
        stream = container.add_stream(codec, rate=25, options={"strict": "unofficial"})
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = 96, 64, PIXELS.get(codec, "yuv420p")
        rng = np.random.default_rng(1)
        for _ in range(6):
            image = rng.integers(0, 255, (64, 96, 3), np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode())


def test_every_ending_has_its_test() -> None:
    assert MUXERS.keys() == VIDEO_ENDINGS
    assert sum(map(len, ENDINGS_BY_FORMAT.values())) == len(VIDEO_ENDINGS)


@pytest.mark.parametrize("ending", sorted(MUXERS))
def test_a_container_is_scanned_let_in_and_opened(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"clip{ending.upper()}"
    muxer, codec = MUXERS[ending]
    write(path.with_suffix(ending), muxer, codec)
    path.with_suffix(ending).rename(path)
    assert is_video_name(path)
    assert may_be_video(path.read_bytes()[:SIGNATURE_BYTES])
    assert read_clip(path, frames=4, short_side=32, crop=32).shape == (4, 32, 32, 3)


@pytest.mark.parametrize(("muxer", "codec"), [("mpeg2video", "mpeg2video"), ("apng", "apng"), ("yuv4mpegpipe", None)])
def test_what_is_not_opened_is_not_let_in(tmp_path: Path, muxer: str, codec: str | None) -> None:
    path = tmp_path / "clip.mp4"
    if codec is None:
        path.write_bytes(b"YUV4MPEG2 W96 H64 F25:1 C420\nFRAME\n" + bytes(96 * 64 * 3 // 2))
    else:
        write(path, muxer, codec)
    assert not may_be_video(path.read_bytes()[:SIGNATURE_BYTES])
