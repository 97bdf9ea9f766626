"""Open a video file and choose the stream that is its video."""

import re
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

    The packets of all others are discarded. Raises VideoError if there is none, or no decoder for it.
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
    for stream in container.streams:
        if stream is not chosen:
            stream.discard = Discard.all
    return chosen


def _pixels(stream: VideoStream) -> int:
    context = stream.codec_context  # none without a decoder, whatever the types of PyAV say
    return context.width * context.height if context else 0


def _codec_name(container: InputContainer, stream: VideoStream) -> str:
    """Return the name of a codec that has no decoder, or its tag, which only the description of the file has."""
    with _log_level_lock:
        level = av.logging.get_level()
        av.logging.set_level(av.logging.INFO)
        try:
            description = container.dumps_format()  # type: ignore[attr-defined]
        finally:
            av.logging.set_level(level)
    match = re.search(rf"^  Stream #0:{stream.index}\b.*?: Video: (\w+)(?: \((\S+) / )?", description, re.MULTILINE)
    codec, tag = match.groups() if match else ("none", None)
    return str(tag or "its codec" if codec == "none" else codec)
