"""From the frames of a video to what a network takes, whatever its streams: as its training data were made."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from app.contract.network import NetworkCard, Stream, StreamName
from worker.graph.inputs import Inputs
from worker.networks.registry import find_family
from worker.video.decode import fit, read_clip
from worker.video.flow import Flow, FlowMethod, Frames, dequantise, quantise, reduce_flow, reduce_frames

Number = TypeVar("Number", np.uint8, np.float32)

FPS = 25
FLOW_UNIT_PX = 20  # standard units of motion are px / 20
AROUND_CLIPS = Fraction(8, 7)  # the picture's short side to a network's crop of it: 256 to 224, as I3D's evaluation
AROUND_MOTION = Fraction(15, 14)  # 120 to 112, as the data of the networks trained here
BATCH_BYTES = 48_000_000  # of inputs; activations take some thirty times as much
LARGEST_BATCH = 16


@dataclass(frozen=True)
class View:
    """What a network looks at: `frames` in the middle of a clip at 25 a second, square, of `side` pixels.

    Flow is computed at that size; then all is made `finer` times smaller, and the centre cropped.
    """

    frames: int
    side: int
    finer: int
    flow: FlowMethod


def view(card: NetworkCard) -> View:
    family = find_family(card.family)
    streams = {stream.name: stream for stream in card.streams}
    motion = streams.get(StreamName.MOTION)
    side = card.streams[0].height
    short_side = family.short_side or int(side * (AROUND_CLIPS if motion is None else AROUND_MOTION))
    frames = max(stream.frames for stream in card.streams)
    if motion is None:
        return View(frames, short_side, 1, family.flow)
    finer = family.flow.finer
    return View(max(frames, motion.frames + 1), short_side * finer, finer, family.flow)


def read_frames(card: NetworkCard, path: Path) -> Frames:
    """The middle of a video as the network looks at it. Raises VideoError."""
    look = view(card)
    return read_clip(path, fps=FPS, frames=look.frames, short_side=look.side, crop=look.side)


def make_inputs(card: NetworkCard, frames: Frames) -> Inputs:
    """Frames (T, H, W, 3) at 25 a second as the inputs of one clip, (1, ...) by stream, in standard units.

    Too many frames: those in the middle. Too few: the clip starts again. Another size is scaled to the view's.
    """
    look = view(card)
    frames = _fitted(look, middle(frames, look.frames))
    return {stream.name: _input(stream, look, frames)[None] for stream in card.streams}


def seen(card: NetworkCard, frames: Frames) -> Frames:
    """The pictures that `make_inputs` takes its values from, cropped as it crops them, before they are made smaller."""
    look, stream = view(card), card.streams[0]
    return _cropped(_fitted(look, middle(frames, look.frames)), stream, look.finer)


def join(clips: Sequence[Inputs]) -> Inputs:
    """One batch of several."""
    return {name: torch.cat([clip[name] for clip in clips]) for name in clips[0]}


def batch_size(card: NetworkCard) -> int:
    """Clips that go through the network at once: as many as memory easily holds."""
    values = sum(stream.depth * stream.frames * stream.height * stream.width for stream in card.streams)
    return max(1, min(LARGEST_BATCH, BATCH_BYTES // (4 * values)))


def middle(frames: Frames, count: int) -> Frames:
    first = max(0, (len(frames) - count) // 2)
    return frames[(first + np.arange(count)) % len(frames)]


def _fitted(look: View, frames: Frames) -> Frames:
    if frames.shape[1:3] == (look.side, look.side):
        return frames
    return np.stack([fit(frame, look.side, look.side) for frame in frames])


def _input(stream: Stream, look: View, frames: Frames) -> Tensor:
    if stream.name is StreamName.MOTION:
        first = (look.frames - 1 - stream.frames) // 2
        flow = look.flow.compute(frames[first : first + stream.frames + 1])
        return _motion(_cropped(reduce_flow(flow, look.finer), stream), look.flow)
    first = (look.frames - stream.frames + (stream.name is StreamName.APPEARANCE)) // 2
    pictures = reduce_frames(frames[first : first + stream.frames], look.finer)
    values = torch.from_numpy(_cropped(pictures, stream)).float().permute(3, 0, 1, 2) / 127.5 - 1
    return values[:, 0] if stream.name is StreamName.APPEARANCE else values.contiguous()


def _motion(flow: Flow, method: FlowMethod) -> Tensor:
    """(L, H, W, 2) in px to (2L, H, W), u1 v1 u2 v2 ..."""
    kept = dequantise(quantise(flow)) if method.stored else flow
    return torch.from_numpy(kept).permute(0, 3, 1, 2).flatten(0, 1).contiguous() / FLOW_UNIT_PX


def _cropped(values: npt.NDArray[Number], stream: Stream, finer: int = 1) -> npt.NDArray[Number]:
    """The centre of (T, H, W, D), as large as the stream's input or `finer` times as large."""
    height, width = stream.height * finer, stream.width * finer
    top, left = (values.shape[1] - height) // 2, (values.shape[2] - width) // 2
    return np.ascontiguousarray(values[:, top : top + height, left : left + width])
