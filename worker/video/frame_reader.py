"""Decode the frames of a video from a keyframe on, each with its place in the timeline, past what is damaged."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count, dropwhile
from pathlib import Path

from av.container import InputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from worker.video.stream_choice import open_container, video_stream
from worker.video.timeline import Keyframe, Timeline

PACKETS_WORTH_A_SEEK = 50  # so many packets are decoded sooner than a file is searched


@dataclass(frozen=True, slots=True)
class _Tag:
    """The number of a packet, in an object of its own: PyAV finds what is attached to a packet by its address."""

    number: int | None


def keyframe_before(timeline: Timeline, first: int, min_packets: int = PACKETS_WORTH_A_SEEK) -> Keyframe | None:
    """Return the last keyframe from which frame `first` and all later ones can be decoded.

    None stands for the start of the file: where there is no such keyframe, or it is within `min_packets` of the start.
    """
    if timeline.is_output_order:
        return None
    first_packet = min(timeline.packets[first:])
    pts = timeline.pts[first]
    usable = [key for key in timeline.keyframes if key.number <= first_packet and key.pts <= pts]
    return usable[-1] if usable and usable[-1].number >= min_packets else None


def decode_frames(path: Path, timeline: Timeline, start: Keyframe | None) -> Iterator[tuple[int | None, VideoFrame]]:
    """Yield the frames from a keyframe on, in the order in which they are shown, with their index in the timeline.

    The index is None for a frame that the timeline does not know. Damaged packets are left out. Nothing is yielded
    where the keyframe is not found. Raises FFmpegError, OSError and VideoError.
    """
    index_of_packet: dict[int | None, int] = {number: index for index, number in enumerate(timeline.packets)}
    outputs = count()
    with open_container(path) as container:
        stream = video_stream(container, path.name)
        stream.codec_context.copy_opaque = True  # each frame gets the number of its packet
        for number, packet in _numbered_packets(container, stream, timeline, start):
            packet.opaque = _Tag(number)
            for frame in _decode(packet):
                source = frame.opaque.number if isinstance(frame.opaque, _Tag) else None
                yield next(outputs) if timeline.is_output_order else index_of_packet.get(source), frame


def _decode(packet: "Packet[VideoStream]") -> list[VideoFrame]:
    """Return the frames that can be decoded after this packet, none if it is damaged."""
    try:
        return packet.decode()
    except MemoryError:  # FFmpeg's too
        raise
    except FFmpegError:
        return []


def _numbered_packets(
    container: InputContainer, stream: VideoStream, timeline: Timeline, start: Keyframe | None
) -> Iterator[tuple[int | None, "Packet[VideoStream]"]]:
    """Yield packets with their numbers from `start` or earlier on; nothing if a seek leads elsewhere."""
    if start is None:
        yield from enumerate(container.demux(stream))
        return
    for target in start.seek_targets:
        try:
            container.seek(target, stream=stream)
        except FFmpegError:
            continue
        packets = ((timeline.numbers.get((packet.pos, packet.pts)), packet) for packet in container.demux(stream))
        known = dropwhile(lambda numbered: numbered[0] is None, packets)
        first = next(known, None)
        if first and first[0] is not None and first[0] <= start.number:
            yield first
            yield from known
            return
