"""Convert the frames of a video to a network's inputs, in the same way as its training data were made."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from app.contract.errors import InvalidRequest
from app.contract.network import NetworkCard, Stream, StreamName
from worker.graph.inputs import Inputs
from worker.networks.registry import Family, find_family
from worker.video.decode import resize_and_crop
from worker.video.decoders import read_clip_in_child
from worker.video.flow import (
    FLOW_UNIT_PX,
    Flow,
    FlowMethod,
    Frames,
    dequantise,
    downscale_flow,
    downscale_frames,
    quantise,
)

Number = TypeVar("Number", np.uint8, np.float32)

FPS = 25  # frames a second at which every network sees a video
# Ratio of the part of the scaled video that is read to the central crop that a network sees, in both axes
CLIP_RESIZE_RATIO = Fraction(8, 7)  # 256 to 224, as in the evaluation of I3D
MOTION_RESIZE_RATIO = Fraction(15, 14)  # 120 to 112, as in the data of the networks trained here
MAX_BATCH_INPUT_BYTES = 48_000_000  # of all inputs of a batch; activations take about thirty times as much
MAX_BATCH_CLIPS = 16


@dataclass(frozen=True)
class ClipFormat:
    """How a video must be read for a network: `frames` at 25 a second, `height` x `width` pixels.

    Flow is computed at that size. Then frames and flow are downscaled, and their centre is cropped to the input.
    """

    frames: int
    height: int
    width: int
    downscale: int
    flow: FlowMethod

    @property
    def size(self) -> tuple[int, int]:
        return self.height, self.width

    @property
    def short_side(self) -> int:
        return min(self.size)


def clip_format(card: NetworkCard) -> ClipFormat:
    """Return the format in which videos must be read for a network."""
    family = find_family(card.family)
    streams = {stream.name: stream for stream in card.streams}
    motion = streams.get(StreamName.MOTION)
    size = card.streams[0].height, card.streams[0].width
    ratio = CLIP_RESIZE_RATIO if motion is None else MOTION_RESIZE_RATIO
    short_side = card.short_side or family.short_side
    if short_side is not None:
        ratio = Fraction(short_side, min(size))
    height, width = (int(side * ratio) for side in size)
    frames = max(stream.frames for stream in card.streams)
    if motion is None:
        return ClipFormat(frames, height, width, 1, family.flow)
    downscale = family.flow.downscale
    return ClipFormat(max(frames, motion.frames + 1), height * downscale, width * downscale, downscale, family.flow)


def check_streams(family: Family) -> None:
    """Raise InvalidRequest where videos cannot be converted to the inputs that a family's streams state."""
    first, names = family.streams[0], [stream.name for stream in family.streams]
    for stream in family.streams:
        if (stream.height, stream.width) != (first.height, first.width):
            raise InvalidRequest(
                f"The streams {first.name} ({first.height} x {first.width}) and {stream.name} ({stream.height} x "
                f"{stream.width}) of the family {family.name} differ in size, but both show the same part of a video: "
                "let the module scale its inputs itself, from one size."
            )
        if names.count(stream.name) > 1:
            raise InvalidRequest(f"The family {family.name} has two streams {stream.name}: each can be there once.")
        if stream.name is StreamName.APPEARANCE and stream.frames != 1:
            raise InvalidRequest(
                f"The appearance stream of the family {family.name} has {stream.frames} frames, but appearance is one "
                f"frame: use a stream {StreamName.CLIP}."
            )
    if family.short_side is not None and family.short_side < min(first.height, first.width):
        raise InvalidRequest(
            f"The family {family.name} scales videos to a short side of {family.short_side} pixels, but its input is "
            f"{first.height} x {first.width}: state a `short_side` of {min(first.height, first.width)} or more."
        )


def read_frames(card: NetworkCard, path: Path, read: Callable[..., Frames] = read_clip_in_child) -> Frames:
    """Read the middle of a video in the network's clip format, (T, H, W, 3), RGB.

    `read` reads the file; `ClipDecoders.read_clip` spares starting a process for each of many. Raises VideoError if
    the file cannot be read as a video.
    """
    wanted = clip_format(card)
    return read(path, fps=FPS, frames=wanted.frames, short_side=wanted.short_side, crop=wanted.size)


def make_inputs(card: NetworkCard, frames: Frames, *, without: Collection[StreamName] = ()) -> Inputs:
    """Convert frames (T, H, W, 3) at 25 a second to the inputs of one clip, (1, ...) by stream, in standard units.

    Of too many frames the middle is used; a clip with too few starts again. Frames of another size are scaled to that
    of the clip format. The streams `without` are not made.
    """
    wanted = clip_format(card)
    frames = _resize(wanted, middle_frames(frames, wanted.frames))
    streams = [stream for stream in card.streams if stream.name not in without]
    return {stream.name: _stream_input(stream, wanted, frames)[None] for stream in streams}


def motion_of_all(card: NetworkCard, frames: Frames) -> Tensor:
    """Return the flow between all T frames as the motion stream shows it, (1, 2 (T - 1), H, W), in standard units."""
    wanted = clip_format(card)
    stream = next(stream for stream in card.streams if stream.name is StreamName.MOTION)
    flow = wanted.flow.compute(_resize(wanted, frames))
    return _motion_input(_crop_centre(downscale_flow(flow, wanted.downscale), stream), wanted.flow)[None]


def visible_frames(card: NetworkCard, frames: Frames) -> Frames:
    """Return the frames that `make_inputs` uses, cropped as it crops them, but before they are downscaled."""
    wanted, stream = clip_format(card), card.streams[0]
    return _crop_centre(_resize(wanted, middle_frames(frames, wanted.frames)), stream, wanted.downscale)


def visible_share(card: NetworkCard) -> tuple[float, float]:
    """Return the shares of the height and width of a square clip, as data sets store them, that a network sees.

    It is the middle: position p of the network's picture is position 1/2 + share (p - 1/2) of the clip's.
    """
    wanted, stream = clip_format(card), card.streams[0]
    side = max(wanted.size)  # of the clip where it is scaled until it covers the format
    return stream.height * wanted.downscale / side, stream.width * wanted.downscale / side


def join_clips(clips: Sequence[Inputs]) -> Inputs:
    """Concatenate the inputs of several clips to one batch."""
    return {name: torch.cat([clip[name] for clip in clips]) for name in clips[0]}


def clips_per_batch(card: NetworkCard) -> int:
    """Return how many clips can run through the network at once, so that memory holds them with room to spare."""
    values = sum(stream.depth * stream.frames * stream.height * stream.width for stream in card.streams)
    return max(1, min(MAX_BATCH_CLIPS, MAX_BATCH_INPUT_BYTES // (4 * values)))


def middle_frames(frames: Frames, count: int) -> Frames:
    """Return the `count` frames in the middle; with fewer than that, the frames are repeated from the start."""
    first = max(0, (len(frames) - count) // 2)
    return frames[(first + np.arange(count)) % len(frames)]


def _resize(wanted: ClipFormat, frames: Frames) -> Frames:
    if frames.shape[1:3] == wanted.size:
        return frames
    return np.stack([resize_and_crop(frame, wanted.short_side, wanted.size) for frame in frames])


def _stream_input(stream: Stream, wanted: ClipFormat, frames: Frames) -> Tensor:
    if stream.name is StreamName.MOTION:
        first = (wanted.frames - 1 - stream.frames) // 2
        flow = wanted.flow.compute(frames[first : first + stream.frames + 1])
        return _motion_input(_crop_centre(downscale_flow(flow, wanted.downscale), stream), wanted.flow)
    first = (wanted.frames - stream.frames + (stream.name is StreamName.APPEARANCE)) // 2
    pictures = downscale_frames(frames[first : first + stream.frames], wanted.downscale)
    values = torch.from_numpy(_crop_centre(pictures, stream)).float().permute(3, 0, 1, 2) / 127.5 - 1
    return values[:, 0] if stream.name is StreamName.APPEARANCE else values.contiguous()


def _motion_input(flow: Flow, method: FlowMethod) -> Tensor:
    """Convert flow (L, H, W, 2) in pixels to (2L, H, W) in standard units, the channels u1 v1 u2 v2 ..."""
    as_trained = dequantise(quantise(flow)) if method.quantised else flow
    return torch.from_numpy(as_trained).permute(0, 3, 1, 2).flatten(0, 1).contiguous() / FLOW_UNIT_PX


def _crop_centre(values: npt.NDArray[Number], stream: Stream, scale: int = 1) -> npt.NDArray[Number]:
    """Crop the centre of (T, H, W, D) to `scale` times the size of the stream's input."""
    height, width = stream.height * scale, stream.width * scale
    top, left = (values.shape[1] - height) // 2, (values.shape[2] - width) // 2
    return np.ascontiguousarray(values[:, top : top + height, left : left + width])
