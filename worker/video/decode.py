"""Reads clips as people bring them: any length, size and frame rate in; what a network takes out."""

import io
from bisect import bisect_right
from collections.abc import Callable
from itertools import cycle, islice
from pathlib import Path

import av
import cv2
import numpy as np
import numpy.typing as npt
from av.error import FFmpegError
from av.video.stream import VideoStream

from app.contract.errors import VideoError

Frames = npt.NDArray[np.uint8]

# containers that hold their own frames: a play list could name other files of this machine
FORMATS = "avi,mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,gif,mpeg,mpegts,flv,ogg,asf"
EARLY = 1e-3  # of a frame: so much before its time it counts as shown, for time stamps are rounded
KEPT = 0.9  # share of the announced frames without which a clip counts as cut short


def read_clip(
    path: Path,
    *,
    fps: float = 25,
    frames: int = 64,
    short_side: int = 256,
    crop: int = 224,
    max_bytes: int = 256_000_000,
    max_pixels: int = 4096 * 2304,
    max_seconds: float = 600,
    loop: bool = True,
    observe: Callable[[], None] = lambda: None,
) -> Frames:
    """The centre of the clip as (T, H, W, 3) RGB: `frames` around the middle, resampled to `fps`, scaled to the
    short side, cropped around the centre. A clip too short starts again, or without `loop` stays short. `observe`
    is called after each frame that was decoded, and may raise to end it.

    Raises VideoError for what cannot be read, holds no video, is cut short, or is over a limit.
    """
    try:
        size = path.stat().st_size
        if size > max_bytes:
            raise VideoError(f"The clip {path.name} has {size:,} bytes; {max_bytes:,} are taken. Cut it shorter.")
        times = _times(path, max_pixels, max_seconds)
        wanted = centre(times, fps, frames)
        if loop:
            wanted = list(islice(cycle(wanted), frames))
        at_least = int(KEPT * len(times))
        images = _decode(path, set(wanted), short_side, crop, at_least=at_least, max_pixels=max_pixels, observe=observe)
    except FFmpegError as error:
        raise VideoError(f"The clip {path.name} is damaged, or not a video ({error.strerror}).") from None
    except OSError as error:
        raise VideoError(f"The clip {path.name} cannot be read: {error.strerror or error}.") from None
    last = images[max(images)]  # stands in for an empty packet or two at the end
    return np.stack([images.get(index, last) for index in wanted])


def read_stored(data: bytes, name: str, frames: int) -> Frames:
    """A clip as the store keeps it: the `frames` in its middle, or all of fewer, (T, H, W, 3). Raises VideoError."""
    try:
        with av.open(io.BytesIO(data), "r") as container:
            stream = _stream(container, name)
            first = max(0, (stream.frames - frames) // 2)
            wanted = islice(container.decode(stream), first, first + frames)
            return np.stack([frame.to_ndarray(format="rgb24") for frame in wanted]).astype(np.uint8, copy=False)
    except (FFmpegError, ValueError) as error:
        raise VideoError(f"The stored clip {name} is damaged: remove its data set and add it again.") from error


def centre(times: list[float], fps: float, frames: int) -> list[int]:
    """Which frames make the middle of a clip at `fps`: at most `frames`, fewer where the clip is shorter.

    `times` (seconds, ascending) say from when on each frame is shown.
    """
    interval = (times[-1] - times[0]) / (len(times) - 1) if times[-1] > times[0] else 1 / fps
    window = min(len(times), max(1, round(frames / fps / interval)))
    first = (len(times) - window) // 2
    count = max(1, min(frames, round(window * interval * fps)))
    moments = (times[first] + (index + EARLY) / fps for index in range(count))
    return [bisect_right(times, moment) - 1 for moment in moments]


def _open(path: Path) -> av.container.InputContainer:
    # titles and authors come in every encoding; none of them matters here
    return av.open(
        str(path.resolve()),
        metadata_errors="replace",
        options={"format_whitelist": FORMATS, "protocol_whitelist": "file"},
    )


def _stream(container: av.container.InputContainer, name: str) -> VideoStream:
    if not container.streams.video:
        raise VideoError(f"The file {name} holds no video.")
    return container.streams.video[0]


def _times(path: Path, max_pixels: int, max_seconds: float) -> list[float]:
    """When each frame is shown, read from the container without decoding."""
    with _open(path) as container:
        stream = _stream(container, path.name)
        width, height = stream.codec_context.width, stream.codec_context.height
        _check_size(path.name, width, height, max_pixels)
        base = float(stream.time_base or 1)
        stamps = (packet.pts if packet.pts is not None else packet.dts for packet in container.demux(stream))
        times = []
        for stamp in stamps:
            if stamp is None:
                continue
            times.append(stamp * base)
            if abs(times[-1] - times[0]) > max_seconds:
                raise VideoError(f"The clip {path.name} is longer than {max_seconds:g} seconds. Cut it shorter.")
        if not times or len(times) < KEPT * stream.frames:
            raise VideoError(f"The clip {path.name} is cut short: {len(times)} of {stream.frames} frames are there.")
        return sorted(times)


def _check_size(name: str, width: int, height: int, max_pixels: int) -> None:
    if not 0 < width * height <= max_pixels:
        raise VideoError(f"The clip {name} is {width} x {height}; {max_pixels:,} pixels a frame are taken.")


def _decode(
    path: Path,
    wanted: set[int],
    short_side: int,
    crop: int,
    *,
    at_least: int,
    max_pixels: int,
    observe: Callable[[], None],
) -> dict[int, Frames]:
    images: dict[int, Frames] = {}
    decoded = 0
    with _open(path) as container:
        for frame in container.decode(_stream(container, path.name)):
            _check_size(path.name, frame.width, frame.height, max_pixels)  # a stream may grow on its way
            if decoded in wanted:
                image = frame.to_ndarray(format="rgb24")
                images[decoded] = fit(np.asarray(image, np.uint8), short_side, crop)
            decoded += 1
            observe()
            if len(images) == len(wanted):
                return images
    if decoded < at_least or not images:
        raise VideoError(f"The clip {path.name} is cut short: {decoded} frames can be read. Use the whole file.")
    return images


def fit(image: Frames, short_side: int, crop: int) -> Frames:
    """(H, W, 3) scaled so that its short side is `short_side`, and its centre cropped to a square."""
    height, width = image.shape[:2]
    scale = short_side / min(height, width)
    size = (round(width * scale), round(height * scale))
    # interpolation would skip pixels where there are more than two for one
    scaled = cv2.resize(image, size, interpolation=cv2.INTER_LINEAR if scale > 0.5 else cv2.INTER_AREA)
    top, left = (size[1] - crop) // 2, (size[0] - crop) // 2
    return np.ascontiguousarray(scaled[top : top + crop, left : left + crop], dtype=np.uint8)
