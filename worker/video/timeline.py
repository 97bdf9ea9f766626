"""When each frame of a video is shown, read from its packets without decoding a frame."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from av.container import InputContainer
from av.packet import Packet
from av.video.stream import VideoStream

from app.contract.errors import VideoError
from worker.video.limits import DecodeLimits

TIMESTAMP_TOLERANCE = 1.1e-3  # seconds: a frame counts as shown this much earlier, as stamps may be whole milliseconds
MIN_FRAME_SHARE = 0.9  # of the frames that a clip should have; one with fewer counts as cut short or damaged
LARGEST_STEP_BACK = 0.5  # seconds: where time goes back further, another recording is joined on
LARGEST_STEP_ON = 10.0  # seconds: the same of a stream whose time may jump; elsewhere a frame is shown that long
AVFMT_TS_DISCONT = 0x0200  # of libavformat: formats whose time stamps may jump, as those of broadcasts
VP8_SHOW_FRAME = 0x10  # a bit of a frame's first byte (RFC 6386, 9.1)
FORMATS_WITHOUT_PTS = {"avi", "asf"}  # they say in which order frames are decoded, not when they are shown

LATE_FRAMES = 16  # no frame is decoded more frames before it is shown, in any codec

PacketKey = tuple[int | None, int | None]  # the place in the file and the presentation time, the same after a seek


@dataclass(frozen=True)
class Keyframe:
    """A packet from which decoding can start: its number, and its time stamps in units of the stream."""

    number: int
    pts: int
    dts: int

    @property
    def seek_targets(self) -> tuple[int, int]:
        """The stamps to seek, one after the other: some containers find packets by the one, some by the other."""
        return self.pts, self.dts


@dataclass(frozen=True)
class Timeline:
    """The moments at which frames are shown, in seconds and ascending, and the packets that hold the frames.

    Packets have numbers, from 0 in the order of the file.
    """

    times: list[float]
    end: float  # the moment at which the last frame is no longer shown
    packets: list[int]  # the number of each frame's packet
    pts: list[int]  # each frame's time stamp in units of the stream
    is_output_order: bool  # packets do not tell when their frame is shown: the first decoded frame is the first shown
    keyframes: list[Keyframe]  # in the order of the file; none where time does not tell packets apart
    numbers: dict[PacketKey, int]  # of all packets


@dataclass(frozen=True, slots=True)
class _Record:
    """A packet whose frame is shown, with times in seconds, continuous over all parts of the file."""

    time: float
    number: int
    pts: int
    decode_end: float | None
    duration: float


def read_timeline(container: InputContainer, stream: VideoStream, name: str, limits: DecodeLimits) -> Timeline:
    """Read when each frame is shown. Raises VideoError if many frames are missing or a limit is exceeded."""
    may_jump = bool(container.format.flags & AVFMT_TS_DISCONT)
    clock = _Clock(float(stream.time_base or 1), may_jump=may_jump)
    is_vp8 = stream.codec_context.codec.name == "vp8"
    records: list[_Record] = []
    keyframes: list[Keyframe] = []
    numbers: dict[PacketKey, int] = {}
    count = 0
    for number, packet in enumerate(container.demux(stream)):
        stamp = packet.pts if packet.pts is not None else packet.dts
        if stamp is None:
            continue
        count += 1
        numbers[packet.pos, packet.pts] = number
        record = clock.record(packet, stamp, number)
        limits.check_length(name, count, abs(record.time - records[0].time) if records else 0)
        if packet.is_keyframe:
            keyframes.append(Keyframe(number, stamp, packet.dts if packet.dts is not None else stamp))
        # An edit list keeps some packets, and VP8 hides some, only for others that are decoded from them
        if not packet.is_discard and not (is_vp8 and packet.size and not memoryview(packet)[0] & VP8_SHOW_FRAME):
            records.append(record)
    if count and not records:
        raise VideoError(f"The clip {name} says that none of its frames is to be shown. Convert it to a new file.")
    if not records or count < MIN_FRAME_SHARE * stream.frames:
        raise VideoError(f"The clip {name} is cut short: {count} of {stream.frames} frames are there.")
    reordered = any(after.time < before.time for before, after in pairwise(records))
    if may_jump and keyframes:
        records = _from_first_keyframe(records, keyframes[0].number)
    shown = list(_without_repeats(sorted(_without_torn_end(records), key=lambda record: (record.time, record.number))))
    times = [record.time for record in shown]
    return Timeline(
        times,
        times[-1] + _last_duration(shown, stream),
        [record.number for record in shown],
        [record.pts for record in shown],
        container.format.name in FORMATS_WITHOUT_PTS and bool(stream.codec_context.has_b_frames) and not reordered,
        [] if clock.joins or len(numbers) < count else keyframes,
        numbers,
    )


def middle_frame_indices(times: list[float], end: float, fps: float, frames: int) -> list[int]:
    """Return which frames are shown in the middle of a clip at `fps`: `frames` indices, fewer for a shorter clip.

    `times` are the moments, in seconds and ascending, from which each frame is shown; the last is shown until `end`.
    """
    if len(times) == 1:
        return [0]
    count = max(1, min(frames, round((end - times[0]) * fps)))
    start = times[0] + (end - times[0] - count / fps) / 2
    # Starting with the start of a frame keeps rounded stamps from repeating one frame and skipping the next
    first = times[_shown_at(times, start)]
    start = first if start - first < 1 / fps else start
    return [_shown_at(times, start + index / fps) for index in range(count)]


def _shown_at(times: list[float], moment: float) -> int:
    return max(0, bisect_right(times, moment + TIMESTAMP_TOLERANCE) - 1)


class _Clock:
    """Converts time stamps to seconds that go on where the time of the stream jumps."""

    def __init__(self, base: float, *, may_jump: bool) -> None:
        self.base, self.may_jump = base, may_jump
        self.largest_step_on = LARGEST_STEP_ON if may_jump else float("inf")
        self.joins = 0
        self._offset = 0.0
        self._expected: float | None = None  # the decoding time of the next packet, as the stream counts

    def record(self, packet: "Packet[VideoStream]", stamp: int, number: int) -> _Record:
        duration = (packet.duration or 0) * self.base
        if packet.dts is None and not self.may_jump:  # Matroska's first packets, which may be shown after later ones
            return _Record(stamp * self.base + self._offset, number, stamp, None, duration)
        decoded = (packet.dts if packet.dts is not None else stamp) * self.base
        step = 0 if self._expected is None else decoded - self._expected
        if step < -LARGEST_STEP_BACK or step > self.largest_step_on:
            self._offset -= step
            self.joins += 1
            self._expected = None
        expected = decoded + duration
        is_ahead = packet.dts is not None or self._expected is None or expected > self._expected
        self._expected = expected if is_ahead else self._expected
        decode_end = None if packet.dts is None else decoded + duration + self._offset
        return _Record(stamp * self.base + self._offset, number, stamp, decode_end, duration)


def _from_first_keyframe(records: list[_Record], first: int) -> list[_Record]:
    """Drop what a recording that starts anywhere has before its first keyframe, which cannot be decoded."""
    if first <= records[0].number:
        return records
    rest = [record for record in records if record.number >= first]
    return [record for record in rest if record.time >= rest[0].time]


def _without_torn_end(records: list[_Record]) -> list[_Record]:
    """Drop the frames after the end of a part that was cut out of a longer video without encoding it again.

    Such a cut keeps a packet or two past its end, from which others are decoded, but not the frames between them.
    """
    ends = [record.decode_end for record in records if record.decode_end is not None]
    times = sorted(record.time for record in records)
    if len(ends) < len(records) or len(times) <= LATE_FRAMES:
        return records
    gaps = [after - before for before, after in pairwise(times)]
    kept = bisect_left(times, max(ends) - gaps[-LATE_FRAMES] / 2)
    late_gaps, usual_gaps = gaps[kept - 1 :], gaps[max(0, kept - 1 - LATE_FRAMES) : kept - 1]
    if kept > 1 and late_gaps and usual_gaps and max(late_gaps) > 1.5 * max(usual_gaps):
        return [record for record in records if record.time < times[kept]]
    return records


def _without_repeats(records: list[_Record]) -> Iterator[_Record]:
    """Yield one record for each moment: the two fields of a frame may come in two packets."""
    last = None
    for record in records:
        if record.time != last:
            yield record
        last = record.time


def _last_duration(shown: list[_Record], stream: VideoStream) -> float:
    """Return how long the last frame is shown: what its packet says, or else as long as the others."""
    if 0 < shown[-1].duration <= LARGEST_STEP_ON:
        return shown[-1].duration
    if len(shown) > 1:
        return median(after.time - before.time for before, after in pairwise(shown))
    return float(1 / stream.average_rate) if stream.average_rate else 0.0
