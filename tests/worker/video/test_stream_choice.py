from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.stream import Disposition
from av.video.stream import VideoStream

from app.contract.errors import VideoError
from tests.worker.video.write_clips import Image, write_clip
from worker.video.decode import read_clip
from worker.video.stream_choice import open_container, video_stream

RED, GREEN = (220, 30, 30), (30, 180, 40)


def plain(colour: tuple[int, int, int], height: int, width: int) -> Image:
    return np.full((height, width, 3), colour, np.uint8)


def is_green(path: Path) -> bool:
    red, green, _ = read_clip(path, frames=4, short_side=32, crop=32).mean((0, 1, 2))
    return bool(green > red)


def write_streams(path: Path, *streams: tuple[str, Image, Disposition | None]) -> None:
    """Write the same image eight times to each of several video streams."""
    with av.open(str(path), "w") as container:
        for codec, image, disposition in streams:
            stream = container.add_stream(codec, rate=25)
            assert isinstance(stream, VideoStream)
            stream.height, stream.width = image.shape[:2]
            stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
            if disposition is not None:
                stream.disposition = disposition
        for index in range(8):
            for stream, (_, image, _) in zip(container.streams.video, streams, strict=True):
                frame = av.VideoFrame.from_ndarray(image, format="rgb24")
                frame.pts, frame.time_base = index, Fraction(1, 25)
                container.mux(stream.encode(frame))
        for stream in container.streams.video:
            container.mux(stream.encode())


def test_a_clip_is_decoded_in_one_thread(tmp_path: Path) -> None:
    """Others that free the numbers of packets would wait for the interpreter, and hang the decoder that closes."""
    write_clip(tmp_path / "clip.mp4", [plain(RED, 48, 64)] * 8)
    with open_container(tmp_path / "clip.mp4") as container:
        assert video_stream(container, "clip.mp4").codec_context.thread_count == 1


def test_a_codec_without_a_decoder_is_named(tmp_path: Path) -> None:
    write_clip(tmp_path / "clip.mp4", [plain(RED, 48, 64)] * 8)
    data = (tmp_path / "clip.mp4").read_bytes()
    assert data.count(b"avc1") == 2  # a brand of the file and the codec
    (tmp_path / "clip.mp4").write_bytes(data.replace(b"avc1", b"zzzz"))
    with pytest.raises(VideoError, match=r"no decoder for zzzz\. Convert it to H\.264"):
        read_clip(tmp_path / "clip.mp4")


def test_of_several_videos_the_largest_is_read(tmp_path: Path) -> None:
    small, large = ("libx264", plain(RED, 48, 64), None), ("libx264", plain(GREEN, 96, 128), None)
    for name, streams in {"a.mkv": (small, large), "b.mkv": (large, small)}.items():
        write_streams(tmp_path / name, *streams)
        assert is_green(tmp_path / name)


def test_the_default_video_is_read_before_a_larger_one(tmp_path: Path) -> None:
    small = ("libx264", plain(GREEN, 48, 64), Disposition.default)
    write_streams(tmp_path / "clip.mkv", ("libx264", plain(RED, 96, 128), Disposition(0)), small)
    assert is_green(tmp_path / "clip.mkv")


def test_a_cover_picture_is_not_the_video(tmp_path: Path) -> None:
    cover = ("mjpeg", plain(RED, 256, 256), Disposition.attached_pic)
    write_streams(tmp_path / "clip.mp4", cover, ("libx264", plain(GREEN, 48, 64), None))
    assert is_green(tmp_path / "clip.mp4")
    write_streams(tmp_path / "song.mp4", cover)
    with pytest.raises(VideoError, match="holds no video but pictures"):
        read_clip(tmp_path / "song.mp4")
