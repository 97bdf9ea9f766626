"""Read video files of any length, size and frame rate as the frames that a network expects."""

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
from worker.video.containers import ALLOWED_FORMATS
from worker.video.limits import DEFAULT_LIMITS, DecodeLimits

Frames = npt.NDArray[np.uint8]  # (T, H, W, 3), RGB
Crop = int | tuple[int, int]  # the side of a square, or (height, width), in pixels

TIMESTAMP_TOLERANCE = 1e-3  # of a frame: time stamps are rounded, so a frame counts as shown this much earlier
MIN_FRAME_SHARE = 0.9  # of the frames that the container announces; a clip with fewer counts as cut short


def read_clip(
    path: Path,
    *,
    fps: float = 25,
    frames: int = 64,
    short_side: int = 256,
    crop: Crop = 224,
    limits: DecodeLimits = DEFAULT_LIMITS,
    loop: bool = True,
    observe: Callable[[], None] = lambda: None,
) -> Frames:
    """Read the middle of a clip as `frames` frames (T, H, W, 3), RGB, with H x W of `crop`.

    The clip is resampled to `fps` frames a second, scaled so that its short side has `short_side` pixels (more where
    the crop needs more), and cropped around its centre. A clip that is too short starts again, or stays short without
    `loop`. `observe` is called after each decoded frame; it may raise to stop the reading.

    Raises VideoError if the file cannot be read, holds no video, is cut short, or exceeds a limit; MemoryError.
    """
    try:
        limits.check_file(path)
        times = _read_timestamps(path, limits)
        wanted = middle_frame_indices(times, fps, frames)
        if loop:
            wanted = list(islice(cycle(wanted), frames))
        images = _decode(
            path,
            set(wanted),
            short_side,
            crop,
            min_frames=int(MIN_FRAME_SHARE * len(times)),
            limits=limits,
            observe=observe,
        )
    except MemoryError:  # FFmpeg's too, which is an FFmpegError: not the fault of the file alone
        raise
    except FFmpegError as error:
        raise VideoError(f"The clip {path.name} is damaged, or not a video ({error.strerror}).") from None
    except OSError as error:
        raise VideoError(f"The clip {path.name} cannot be read: {error.strerror or error}.") from None
    last = images[max(images)]  # replaces an empty packet or two at the end of the file
    return np.stack([images.get(index, last) for index in wanted])


def read_stored_clip(data: bytes, name: str, frames: int) -> Frames:
    """Decode the `frames` frames in the middle of a stored clip, or all of a shorter one, as (T, H, W, 3), RGB.

    In this process: the bytes are those that `encode.encode_video` wrote, so their cost is known.

    Raises VideoError if the stored clip is damaged.
    """
    try:
        with av.open(io.BytesIO(data), "r") as container:
            stream = _video_stream(container, name)
            first = max(0, (stream.frames - frames) // 2)
            wanted = islice(container.decode(stream), first, first + frames)
            return np.stack([frame.to_ndarray(format="rgb24") for frame in wanted]).astype(np.uint8, copy=False)
    except (FFmpegError, ValueError) as error:
        raise VideoError(f"The stored clip {name} is damaged: remove its data set and add it again.") from error


def middle_frame_indices(times: list[float], fps: float, frames: int) -> list[int]:
    """Return which frames make up the middle of a clip at `fps`: `frames` indices, fewer for a shorter clip.

    `times` are the moments, in seconds and ascending, from which each frame is shown.
    """
    interval = (times[-1] - times[0]) / (len(times) - 1) if times[-1] > times[0] else 1 / fps
    window = min(len(times), max(1, round(frames / fps / interval)))
    first = (len(times) - window) // 2
    count = max(1, min(frames, round(window * interval * fps)))
    moments = (times[first] + (index + TIMESTAMP_TOLERANCE) / fps for index in range(count))
    return [bisect_right(times, moment) - 1 for moment in moments]


def resize_and_crop(image: Frames, short_side: int, crop: Crop) -> Frames:
    """Scale an image (H, W, 3) to a short side of `short_side` pixels and crop its centre to the size `crop`.

    An image that would be smaller than the crop is scaled until it covers it.
    """
    crop_height, crop_width = (crop, crop) if isinstance(crop, int) else crop
    height, width = image.shape[:2]
    scale = max(short_side / min(height, width), crop_height / height, crop_width / width)
    size = (max(crop_width, round(width * scale)), max(crop_height, round(height * scale)))
    # bilinear interpolation skips pixels when it shrinks to less than half
    scaled = cv2.resize(image, size, interpolation=cv2.INTER_LINEAR if scale > 0.5 else cv2.INTER_AREA)
    top, left = (size[1] - crop_height) // 2, (size[0] - crop_width) // 2
    return np.ascontiguousarray(scaled[top : top + crop_height, left : left + crop_width], dtype=np.uint8)


def _open(path: Path) -> av.container.InputContainer:
    return av.open(
        str(path.resolve()),
        metadata_errors="replace",  # titles and authors come in every encoding; none of them matters here
        options={"format_whitelist": ALLOWED_FORMATS, "protocol_whitelist": "file"},
    )


def _video_stream(container: av.container.InputContainer, name: str) -> VideoStream:
    if not container.streams.video:
        raise VideoError(f"The file {name} holds no video.")
    stream = container.streams.video[0]
    stream.codec_context.thread_count = 1  # every thread keeps frames of its own: memory stays bounded
    return stream


def _read_timestamps(path: Path, limits: DecodeLimits) -> list[float]:
    """Return the moment in seconds from which each frame is shown, ascending, without decoding a frame."""
    with _open(path) as container:
        stream = _video_stream(container, path.name)
        limits.check_frame(path.name, stream.codec_context.width, stream.codec_context.height)
        base = float(stream.time_base or 1)
        stamps = (packet.pts if packet.pts is not None else packet.dts for packet in container.demux(stream))
        times = []
        for stamp in stamps:
            if stamp is None:
                continue
            times.append(stamp * base)
            limits.check_length(path.name, len(times), abs(times[-1] - times[0]))
        if not times or len(times) < MIN_FRAME_SHARE * stream.frames:
            raise VideoError(f"The clip {path.name} is cut short: {len(times)} of {stream.frames} frames are there.")
        return sorted(times)


def _decode(
    path: Path,
    wanted: set[int],
    short_side: int,
    crop: Crop,
    *,
    min_frames: int,
    limits: DecodeLimits,
    observe: Callable[[], None],
) -> dict[int, Frames]:
    """Decode the wanted frames, scaled and cropped, by their index in the file."""
    images: dict[int, Frames] = {}
    decoded = 0
    with _open(path) as container:
        for frame in container.decode(_video_stream(container, path.name)):
            limits.check_frame(path.name, frame.width, frame.height)  # frames may change size within a stream
            if decoded in wanted:
                image = frame.reformat(format="rgb24", threads=1).to_ndarray()
                images[decoded] = resize_and_crop(np.asarray(image, np.uint8), short_side, crop)
            decoded += 1
            observe()
            if len(images) == len(wanted):
                return images
    if decoded < min_frames or not images:
        raise VideoError(f"The clip {path.name} is cut short: {decoded} frames can be read. Use the whole file.")
    return images
