"""Open a video file and choose the stream that is its video."""

import re
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from threading import Lock

import av
import av.logging
from av.container import InputContainer
from av.stream import Discard, Disposition
from av.video.stream import VideoStream

from app.contract.errors import VideoError
from worker.video.containers import ALLOWED_FORMATS

PICTURES = Disposition.attached_pic | Disposition.timed_thumbnails | Disposition.still_image  # covers, previews

_log_level_lock = Lock()  # the log level belongs to the process


@dataclass(frozen=True)
class Margins:
    """The pixels on each side of a frame that are not to be shown."""

    left: int = 0
    right: int = 0
    top: int = 0
    bottom: int = 0


def open_container(path: Path) -> InputContainer:
    """Open a video file, which may not lead to others. Raises FFmpegError and OSError."""
    return av.open(
        str(path.resolve()),
        "r",
        metadata_errors="replace",  # titles and authors come in every encoding; none of them matters here
        options={"format_whitelist": ALLOWED_FORMATS, "protocol_whitelist": "file"},
    )


def video_stream(container: InputContainer, name: str) -> VideoStream:
    """Return the stream that is the video: the default one, of several the largest, of equals the first.

    It is decoded in one thread, and the packets of all others are discarded. Raises VideoError if there is none, or no
    decoder for it.
    """
    videos = [stream for stream in container.streams.video if not stream.disposition & PICTURES]
    if not videos:
        pictures = " but pictures" if container.streams.video else ""
        raise VideoError(f"The file {name} holds no video{pictures}.")
    videos = [stream for stream in videos if stream.disposition & Disposition.default] or videos
    chosen = max(videos, key=_pixels)
    if not chosen.codec_context:
        codec = _codec_name(container, chosen)
        raise VideoError(f"The clip {name} cannot be read: there is no decoder for {codec}. Convert it to H.264.")
    # The numbers of packets are Python objects. A thread of libdav1d that frees one waits for the interpreter, which
    # the closing decoder holds while it waits for that thread: one AV1 clip in hundreds hung until its time was up.
    chosen.codec_context.thread_count = 1
    for stream in container.streams:
        if stream is not chosen:
            stream.discard = Discard.all
    return chosen


def _pixels(stream: VideoStream) -> int:
    context = stream.codec_context  # none without a decoder, whatever the types of PyAV say
    return context.width * context.height if context else 0


def cropping(container: InputContainer, stream: VideoStream) -> Margins:
    """Return how many pixels on each side of a frame the container wants left out; the decoder leaves out its own."""
    match = re.search(r"Frame Cropping: (\d+)/(\d+)/(\d+)/(\d+)", _description(container, stream))
    return Margins(*(int(number) for number in match.groups())) if match else Margins()


def _codec_name(container: InputContainer, stream: VideoStream) -> str:
    """Return the name of a codec that has no decoder, or its tag where it has no name either."""
    match = re.search(r": Video: (\w+)(?: \((\S+) / )?", _description(container, stream))
    codec, tag = match.groups() if match else ("none", None)
    return str(tag or "its codec" if codec == "none" else codec)


def _description(container: InputContainer, stream: VideoStream) -> str:
    """Return what FFmpeg prints of a stream, which says things that PyAV has no other access to."""
    with _log_level_lock:
        level = av.logging.get_level()
        av.logging.set_level(av.logging.INFO)
        try:
            lines = container.dumps_format().splitlines()  # type: ignore[attr-defined]
        finally:
            av.logging.set_level(level)
    starts = [index for index, line in enumerate(lines) if line.startswith("  Stream #0:")] + [len(lines)]
    for start, end in pairwise(starts):
        if re.match(rf"  Stream #0:{stream.index}\b", lines[start]):
            side_data = [line for line in lines[start + 1 : end] if re.match(r"      [A-Z]", line)]  # not its metadata
            return "\n".join([lines[start], *side_data])
    return ""
