from collections.abc import Callable
from fractions import Fraction
from io import BytesIO
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import numpy.typing as npt
import pytest
from av.video.stream import VideoStream
from PIL import ExifTags, ImageOps
from PIL import Image as Pillow

from app.contract.errors import VideoError
from tests.worker.video.hostile_files import element
from tests.worker.video.write_clips import CLIPS, Image, write_clip
from worker.video.decode import read_clip

RED, GREEN, BLUE, GREY = (220, 30, 30), (30, 180, 40), (30, 40, 220), (128, 128, 128)
COLOURS = {"red": RED, "green": GREEN, "blue": BLUE, "grey": GREY}


def quarters() -> Image:
    """Return an image, 64 x 64: red and green above blue and grey."""
    image = np.zeros((64, 64, 3), np.uint8)
    image[:32, :32], image[:32, 32:], image[32:, :32], image[32:, 32:] = RED, GREEN, BLUE, GREY
    return image


def colour_at(image: npt.NDArray[Any], y: float, x: float) -> str:
    pixel = image[int(y * image.shape[0]), int(x * image.shape[1])].astype(int)
    return min(COLOURS, key=lambda name: int(np.abs(pixel - COLOURS[name]).sum()))


def corners(image: npt.NDArray[np.uint8]) -> list[str]:
    return [colour_at(image, y, x) for y in (0.2, 0.8) for x in (0.2, 0.8)]


def first_frame(path: Path, side: int = 64) -> npt.NDArray[np.uint8]:
    return np.asarray(read_clip(path, frames=1, short_side=side, crop=side)[0])


@pytest.mark.parametrize(
    ("degrees", "mirrored", "expected"),
    [
        (0, False, ["red", "green", "blue", "grey"]),
        (90, False, ["green", "grey", "red", "blue"]),  # counter-clockwise
        (180, False, ["grey", "blue", "green", "red"]),
        (-90, False, ["blue", "red", "grey", "green"]),  # as most phones are held
        (0, True, ["green", "red", "grey", "blue"]),
        (90, True, ["grey", "green", "blue", "red"]),
        (180, True, ["blue", "grey", "red", "green"]),
        (-90, True, ["red", "blue", "green", "grey"]),
    ],
)
def test_the_display_matrix_turns_and_mirrors(
    degrees: int, mirrored: bool, expected: list[str], tmp_path: Path
) -> None:
    for name in ("clip.mp4", "clip.mov"):
        write_clip(
            tmp_path / name,
            [quarters()] * 3,
            prepare=lambda stream: stream.set_display_rotation(degrees, hflip=mirrored),
        )
        assert corners(first_frame(tmp_path / name)) == expected


@pytest.mark.parametrize(
    ("orientation", "expected"),
    [
        (1, ["red", "green", "blue", "grey"]),
        (2, ["green", "red", "grey", "blue"]),
        (6, ["blue", "red", "grey", "green"]),
        (7, ["grey", "green", "blue", "red"]),
        (8, ["green", "grey", "red", "blue"]),
    ],
)
def test_pictures_of_motion_jpeg_are_shown_as_their_exif_says(
    orientation: int, expected: list[str], tmp_path: Path
) -> None:
    exif, file = Pillow.Exif(), BytesIO()
    exif[ExifTags.Base.Orientation] = orientation
    Pillow.fromarray(quarters()).save(file, "JPEG", exif=exif, quality=95)
    assert corners(np.asarray(ImageOps.exif_transpose(Pillow.open(file)))) == expected
    with av.open(str(tmp_path / "clip.avi"), "w") as container:
        stream = container.add_stream("mjpeg", rate=25)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuvj420p"
        for index in range(3):
            packet = av.Packet(file.getvalue())
            packet.stream, packet.pts, packet.dts, packet.time_base = stream, index, index, Fraction(1, 25)
            packet.is_keyframe = True
            container.mux(packet)
    assert corners(first_frame(tmp_path / "clip.avi")) == expected


def test_a_phone_video_is_shown_as_other_readers_show_it() -> None:
    """Its matrix maps (x, y) to (y, -x): the right of the frame is the top of the picture."""
    path = CLIPS / "phone.mp4"
    is_read, expected = cv2.VideoCapture(str(path)).read()
    assert is_read
    assert expected.shape == (320, 240, 3)
    image = first_frame(path, 240)
    assert [colour_at(image, y, 0.5) for y in (0.2, 0.8)] == ["blue", "red"]
    assert [colour_at(expected[..., ::-1], y, 0.5) for y in (0.2, 0.8)] == ["blue", "red"]


def set_aspect(aspect: Fraction, degrees: int = 0) -> Callable[[VideoStream], None]:
    def prepare(stream: VideoStream) -> None:
        stream.codec_context.sample_aspect_ratio = aspect
        stream.set_display_rotation(degrees)

    return prepare


def test_wide_pixels_are_shown_wide(tmp_path: Path) -> None:
    """PAL at 16:9: a circle of the scene is 64/45 times as high as wide in the stored frame."""
    image = np.zeros((576, 720, 3), np.uint8)
    cv2.ellipse(image, (360, 288), (round(200 * 45 / 64), 200), 0, 0, 360, RED, -1)
    write_clip(tmp_path / "wide.mp4", [image] * 3, prepare=set_aspect(Fraction(64, 45)))
    write_clip(tmp_path / "turned.mp4", [image] * 3, prepare=set_aspect(Fraction(64, 45), degrees=90))
    for name in ("wide.mp4", "turned.mp4"):
        clip = read_clip(tmp_path / name, frames=1, short_side=144, crop=(144, 144))
        disc = clip[0, ..., 0] > 100
        assert disc.any(0).sum() == pytest.approx(100, abs=2)
        assert disc.any(1).sum() == pytest.approx(100, abs=2)


def test_pixels_that_would_make_a_line_are_refused(tmp_path: Path) -> None:
    write_clip(tmp_path / "a.mp4", [quarters()] * 3, prepare=set_aspect(Fraction(20, 1)))
    with pytest.raises(VideoError, match=r"shown 20 times as wide as high.* Convert it to square pixels"):
        read_clip(tmp_path / "a.mp4")


@pytest.mark.parametrize(
    ("name", "codec", "options"),
    [
        ("clip.mp4", "libx264", {"x264-params": "interlaced=1:tff=1"}),
        ("clip.mp4", "libx264", {"x264-params": "interlaced=1:bff=1"}),
        ("clip.ts", "mpeg2video", {"flags": "+ildct+ilme"}),
    ],
)
def test_the_two_moments_of_an_interlaced_frame_are_not_mixed(
    name: str, codec: str, options: dict[str, str], tmp_path: Path
) -> None:
    def bar(position: int) -> Image:
        image = np.full((64, 96, 3), 30, np.uint8)
        image[:, position : position + 16] = RED
        return image

    def interlaced(index: int) -> av.VideoFrame:
        """Interleave two moments, each with its own lines of luma and of chroma."""
        planes = [
            av.VideoFrame.from_ndarray(bar(position)[::2], format="rgb24").to_ndarray(format="yuv420p")
            for position in (4 * index, 4 * index + 8)
        ]
        lines = np.stack(planes, 1)  # 32 x 96 of luma, then two planes of 16 x 48 of chroma, two lines in one
        luma, chroma = lines[:32].reshape(64, 96), lines[32:]
        blue, red = (part.transpose(0, 2, 1, 3).reshape(16, 96) for part in chroma.reshape(2, 8, 2, 2, 48))
        return av.VideoFrame.from_ndarray(np.concatenate([luma, blue, red]), format="yuv420p")

    def combing(image: npt.NDArray[np.uint8]) -> float:
        values = image.astype(int)
        return float(np.abs(2 * values[1:-1] - values[:-2] - values[2:]).mean())

    write_clip(tmp_path / name, [interlaced(index) for index in range(20)], codec=codec, options=options)
    with av.open(str(tmp_path / name)) as container:
        stored = next(container.decode(video=0))
    assert stored.interlaced_frame
    assert combing(np.asarray(stored.to_ndarray(format="rgb24"), np.uint8)) > 10
    clip = read_clip(tmp_path / name, frames=20, short_side=64, crop=(64, 96), loop=False)
    assert max(combing(image) for image in clip) < 0.5
    for index, image in enumerate(clip):
        assert np.abs(image.astype(int) - bar(4 * index)).mean() < 3


def yuv(rgb: tuple[int, int, int], red: float, blue: float, *, full: bool) -> tuple[int, int, int]:
    """Return Y'CbCr of a colour by the definition of a matrix, given by its weights of red and blue."""
    r, g, b = (value / 255 for value in rgb)
    luma = red * r + (1 - red - blue) * g + blue * b
    chroma = (b - luma) / 2 / (1 - blue), (r - luma) / 2 / (1 - red)
    scale, offset, chroma_scale = (255, 0, 255) if full else (219, 16, 224)
    return round(offset + scale * luma), round(128 + chroma_scale * chroma[0]), round(128 + chroma_scale * chroma[1])


BT601, BT709, BT2020 = (0.299, 0.114), (0.2126, 0.0722), (0.2627, 0.0593)


@pytest.mark.parametrize(
    ("matrix", "tag", "full", "height", "codec"),
    [
        (BT601, 6, False, 48, "libx264"),
        (BT601, 5, False, 48, "libx264"),
        (BT709, 1, False, 48, "libx264"),
        (BT2020, 9, False, 48, "libx264"),
        (BT709, 1, True, 48, "libx264"),
        (BT601, None, True, 48, "libx264"),
        (BT601, None, False, 576, "libx264"),
        (BT709, None, False, 720, "libx264"),
        (BT709, None, False, 720, "ffv1"),  # 10 bits
        (BT601, 6, False, 720, "libx264"),
    ],
)
def test_colours_follow_the_matrix_and_range_that_a_video_names(
    matrix: tuple[float, float], tag: int | None, full: bool, height: int, codec: str, tmp_path: Path
) -> None:
    for colour in (RED, GREEN, BLUE, (16, 16, 16), (235, 235, 235)):
        path = tmp_path / "clip.mkv"
        write_plain(path, yuv(colour, *matrix, full=full), height, codec, tag, full)
        clip = read_clip(path, frames=1, short_side=32, crop=32)
        assert np.abs(clip.mean((0, 1, 2)) - colour).max() < 5  # conversions round down, the more with 10 bits


def write_plain(path: Path, values: tuple[int, int, int], height: int, codec: str, tag: int | None, full: bool) -> None:
    """Write two frames of one colour, given as 8 bit Y'CbCr."""
    deep = codec == "ffv1"
    samples = [(4 * value).to_bytes(2, "little") if deep else bytes([value]) for value in values]
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25, options={} if deep else {"crf": "1", "preset": "ultrafast"})
        assert isinstance(stream, VideoStream)
        stream.width, stream.height = 64, height
        stream.pix_fmt = "yuv420p10le" if deep else "yuv420p"
        if tag:
            stream.codec_context.colorspace = tag
        if full:
            stream.codec_context.color_range = 2
        for _ in range(2):
            frame = av.VideoFrame(64, height, stream.pix_fmt)
            for plane, sample in zip(frame.planes, samples, strict=True):
                plane.update(sample * (plane.buffer_size // len(sample)))
            if tag:
                frame.colorspace = tag
            if full:
                frame.color_range = 2
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def test_what_is_transparent_is_black(tmp_path: Path) -> None:
    pictures = []
    for level in (255, 254):
        values = np.zeros((48, 64, 4), np.uint8)
        values[:, :32] = (level, 30, 30, 255)
        values[:, 32:, :3] = 255
        pictures.append(Pillow.fromarray(values))
    pictures[0].save(tmp_path / "a.gif", save_all=True, append_images=pictures[1:], duration=40)
    with av.open(str(tmp_path / "a.mov"), "w") as container:
        stream = container.add_stream("qtrle", rate=25)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "argb"
        for picture in pictures:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.asarray(picture), format="rgba")))
        container.mux(stream.encode())
    for name in ("a.gif", "a.mov"):
        image = read_clip(tmp_path / name, frames=1, short_side=48, crop=(48, 64))[0]
        assert image[:, 34:].max() == 0
        assert image[:, :30].mean((0, 1)) == pytest.approx((255, 30, 30), abs=4)


def test_what_the_container_crops_is_not_shown(tmp_path: Path) -> None:
    image, file = np.zeros((64, 96, 3), np.uint8), BytesIO()
    image[6:60, 20:84] = RED
    Pillow.fromarray(image).save(file, "JPEG", quality=95)
    write_cropped(tmp_path / "clip.mkv", file.getvalue(), left=20, right=12, top=6, bottom=4)
    clip = read_clip(tmp_path / "clip.mkv", frames=1, short_side=54, crop=(54, 64))
    assert clip[..., 0].min() > 150


def write_cropped(path: Path, jpeg: bytes, *, left: int, right: int, top: int, bottom: int) -> None:
    """Write a Matroska file of two JPEG frames, 96 x 64, with margins that are not to be shown."""
    margins = {0xB0: 96, 0xBA: 64, 0x54CC: left, 0x54DD: right, 0x54BB: top, 0x54AA: bottom}
    size = element(0xE0, b"".join(element(number, bytes([value])) for number, value in margins.items()))
    track = element(0xD7, b"\1") + element(0x73C5, b"\1") + element(0x83, b"\1") + element(0x86, b"V_MJPEG") + size
    blocks = [element(0xA3, b"\x81" + time.to_bytes(2, "big") + b"\x80" + jpeg) for time in (0, 40)]
    cluster = element(0x1F43B675, element(0xE7, b"\0") + b"".join(blocks))
    head = element(0x1A45DFA3, element(0x4282, b"matroska") + element(0x4287, b"\4") + element(0x4285, b"\2"))
    path.write_bytes(head + element(0x18538067, element(0x1654AE6B, element(0xAE, track)) + cluster))
