"""Read video files of any length, size and frame rate as the frames that a network expects."""

import io
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator
from itertools import cycle, islice
from pathlib import Path

import av
import cv2
import numpy as np
import numpy.typing as npt
from av.error import FFmpegError
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from app.contract.errors import VideoError
from worker.video.frame_reader import decode_frames, keyframe_before
from worker.video.limits import DEFAULT_LIMITS, DecodeLimits
from worker.video.picture import Orientation, read_orientation, upright_picture
from worker.video.stream_choice import Margins, cropping, open_container, video_stream
from worker.video.timeline import (
    MIN_FRAME_SHARE,
    TIMESTAMP_TOLERANCE,
    Timeline,
    middle_frame_indices,
    read_timeline,
)

Frames = npt.NDArray[np.uint8]  # (T, H, W, 3), RGB
Crop = int | tuple[int, int]  # the side of a square, or (height, width), in pixels
Convert = Callable[[VideoFrame], Frames]


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

    The clip is resampled to `fps` frames a second by the times at which its frames are shown, turned upright, scaled
    so that its short side has `short_side` pixels (more where the crop needs more), and cropped around its centre. A
    clip that is too short starts again, or stays short without `loop`. `observe` is called after each decoded frame;
    it may raise to stop the reading.

    Raises VideoError if the file cannot be read, holds no video, is cut short, or exceeds a limit; MemoryError.
    """

    def check(frame: VideoFrame) -> None:
        limits.check_frame(path.name, frame.width, frame.height)  # frames may change size within a stream
        observe()

    orientation: Orientation | None = None

    def convert(frame: VideoFrame) -> Frames:
        nonlocal orientation
        orientation = orientation or read_orientation(frame)
        image = upright_picture(frame, margins, orientation)
        return resize_and_crop(image, short_side, crop, 1 / pixel_aspect if orientation.transposed else pixel_aspect)

    try:
        limits.check_file(path)
        with open_container(path) as container:
            stream = video_stream(container, path.name)
            limits.check_frame(path.name, stream.codec_context.width, stream.codec_context.height)
            margins = cropping(container, stream)
            pixel_aspect = _pixel_aspect(stream, margins, path.name, limits)
            timeline = read_timeline(container, stream, path.name, limits)
        wanted = middle_frame_indices(timeline.times, timeline.end, fps, frames)
        if loop:
            wanted = list(islice(cycle(wanted), frames))
        images = _read_images(path, timeline, sorted(set(wanted)), convert, check)
    except MemoryError:  # FFmpeg's too, which is an FFmpegError: not the fault of the file alone
        raise
    except FFmpegError as error:
        raise VideoError(f"The clip {path.name} is damaged, or not a video ({error.strerror}).") from None
    except OSError as error:
        raise VideoError(f"The clip {path.name} cannot be read: {error.strerror or error}.") from None
    return np.stack([images[index] for index in wanted])


def read_stored_clip(data: bytes, name: str, frames: int) -> Frames:
    """Decode the `frames` frames in the middle of a stored clip, or all of a shorter one, as (T, H, W, 3), RGB.

    In this process: the bytes are those that `encode.encode_video` wrote, so their cost is known.

    Raises VideoError if the stored clip is damaged.
    """
    try:
        with av.open(io.BytesIO(data), "r") as container:
            stream = video_stream(container, name)
            first = max(0, (stream.frames - frames) // 2)
            wanted = islice(container.decode(stream), first, first + frames)
            return np.stack([upright_picture(frame, Margins(), Orientation()) for frame in wanted])
    except (FFmpegError, ValueError) as error:
        raise VideoError(f"The stored clip {name} is damaged: remove its data set and add it again.") from error


def resize_and_crop(image: Frames, short_side: int, crop: Crop, pixel_aspect: float = 1) -> Frames:
    """Scale an image (H, W, 3) to a short side of `short_side` pixels and crop its centre to the size `crop`.

    Its pixels, `pixel_aspect` times as wide as high, become square. An image that would be smaller than the crop is
    scaled until it covers it.
    """
    crop_height, crop_width = (crop, crop) if isinstance(crop, int) else crop
    height, width = image.shape[0], image.shape[1] * pixel_aspect
    scale = max(short_side / min(height, width), crop_height / height, crop_width / width)
    size = (max(crop_width, round(width * scale)), max(crop_height, round(height * scale)))
    # bilinear interpolation skips pixels when it shrinks to less than half
    shrinks = min(scale, scale * pixel_aspect) <= 0.5
    scaled = cv2.resize(image, size, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    top, left = (size[1] - crop_height) // 2, (size[0] - crop_width) // 2
    return np.ascontiguousarray(scaled[top : top + crop_height, left : left + crop_width], dtype=np.uint8)


def _pixel_aspect(stream: VideoStream, margins: Margins, name: str, limits: DecodeLimits) -> float:
    """Return the width of a pixel in heights. Raises VideoError if that makes a line of the picture."""
    aspect = float(stream.sample_aspect_ratio or 1)
    width = stream.codec_context.width - margins.left - margins.right
    height = stream.codec_context.height - margins.top - margins.bottom
    limits.check_frame(name, width, height)
    shape = width * aspect / height
    if max(shape, 1 / shape) > limits.aspect:
        raise VideoError(
            f"The clip {name} is shown {shape:.3g} times as wide as high; one side may be at most {limits.aspect:g} "
            "times the other. Convert it to square pixels."
        )
    return aspect


def _read_images(
    path: Path, timeline: Timeline, wanted: list[int], convert: Convert, check: Callable[[VideoFrame], None]
) -> dict[int, Frames]:
    """Return the image of each wanted frame, or of the nearest one in time where a frame cannot be decoded.

    `wanted` are ascending indices. Raises VideoError if more than a tenth of the frames cannot be decoded.
    """
    keyframe = keyframe_before(timeline, wanted[0])
    if keyframe:
        first = timeline.packets.index(keyframe.number) if keyframe.number in timeline.packets else 0
        reading = _Reading(timeline, wanted, convert, first)
        reading.read(decode_frames(path, timeline, keyframe), check)
        if reading.is_whole:
            return reading.images
    reading = _Reading(timeline, wanted, convert, first=0)
    reading.read(decode_frames(path, timeline, None), check)
    if reading.is_damaged:
        raise VideoError(
            f"The clip {path.name} is damaged or cut short: {len(reading.seen):,} of {reading.expected:,} frames can "
            "be read. Use the whole file."
        )
    return reading.images


class _Reading:
    """Picks the wanted frames out of the frames that a file gives, from frame `first` on."""

    def __init__(self, timeline: Timeline, wanted: list[int], convert: Convert, first: int) -> None:
        self.images: dict[int, Frames] = {}
        self.seen: set[int] = set()
        self.expected = wanted[-1] + 1 - first
        self._timeline, self._wanted, self._convert, self._first = timeline, wanted, convert, first
        self._wanted_set = set(wanted)
        self._has_fields = False

    @property
    def is_whole(self) -> bool:
        """Whether every wanted frame was decoded."""
        return self.seen >= self._wanted_set

    @property
    def is_damaged(self) -> bool:
        """Whether so many frames are missing that the clip should not be used."""
        expected = self.expected / 2 if self._has_fields else self.expected  # a packet may hold one field of a frame
        return not self.seen or len(self.seen) < int(MIN_FRAME_SHARE * expected)

    def read(self, frames: Iterator[tuple[int | None, VideoFrame]], check: Callable[[VideoFrame], None]) -> None:
        """Take the wanted frames, and for those that are missing the nearest, of two equally near the earlier."""
        times, before, previous = self._timeline.times, -1, None
        for index, frame in frames:
            check(frame)
            if index is None or not self._first <= index < len(times):
                continue
            self._has_fields |= frame.interlaced_frame
            for missing in self._missing_between(before, index):
                is_later_nearer = times[index] - times[missing] < times[missing] - times[before] - TIMESTAMP_TOLERANCE
                self.images[missing] = self._convert(frame if is_later_nearer or not previous else previous)
            if index in self._wanted_set:
                self.images[index] = self._convert(frame)
            self.seen.add(index)
            before, previous = index, frame
            if index >= self._wanted[-1]:
                return
        if previous:
            last = self._convert(previous)
            self.images.update((missing, last) for missing in self._missing_between(before, len(times)))

    def _missing_between(self, before: int, after: int) -> list[int]:
        """Return the wanted frames after frame `before` and before frame `after` that have no image."""
        between = self._wanted[bisect_right(self._wanted, before) : bisect_left(self._wanted, after)]
        return [index for index in between if index not in self.images]
