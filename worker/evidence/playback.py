"""The inputs of a clip whose motion is shown larger or smaller, faster or slower, turned, or not at all.

Two things change when something moves s times as fast: displacements are s times as large (gain), and what happens
takes 1/s of the time (rate). A motion stream can be shown either alone; frames only at another rate.
"""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from app.contract.network import NetworkCard, StreamName
from worker.evidence.tuning import turn_motion
from worker.graph.inputs import Inputs
from worker.networks.preprocessing import clip_format, make_inputs, motion_of_all
from worker.networks.registry import find_family
from worker.video.flow import FLOW_RANGE_PX, FLOW_UNIT_PX, Frames

MOTION, CLIP = StreamName.MOTION, StreamName.CLIP


class MotionChange(NamedTuple):
    """How the motion of a clip is changed: flow times `gain`, time times `rate`, vectors turned by `degrees`.

    Without a motion stream a gain other than 0 does nothing, and whole frames are turned.
    """

    gain: float = 1.0
    rate: float = 1.0
    degrees: float = 0.0


UNCHANGED = MotionChange()
STILL = MotionChange(gain=0.0)  # no flow, and one frame repeated


def speed_change(card: NetworkCard, factor: float) -> MotionChange:
    """Return the change by which everything moves `factor` times as fast."""
    return MotionChange(factor if has_motion_stream(card) else 1.0, factor)


def has_motion_stream(card: NetworkCard) -> bool:
    """Return whether the network has a motion stream, whose gain can be changed alone."""
    return any(stream.name is MOTION for stream in card.streams)


def shows_motion(card: NetworkCard) -> bool:
    """Return whether any input of the network has more than one moment."""
    return any(stream.name is MOTION or stream.frames > 1 for stream in card.streams)


def flow_limit(card: NetworkCard) -> float | None:
    """Return the largest flow that the network's data can hold, in standard units; None where nothing limits it."""
    return FLOW_RANGE_PX / FLOW_UNIT_PX if find_family(card.family).flow.quantised else None


def frames_at_rate(card: NetworkCard, rate: float) -> int:
    """Return how many frames of a clip its inputs at this rate span."""
    spans = [clip_format(card).frames]
    for stream in card.streams:
        steps = (stream.frames - 1) * rate
        spans.append(int(np.ceil(steps)) + (2 if stream.name is MOTION else 1))
    return max(spans)


class Playback:
    """A clip from which inputs with changed motion are made: frames (T, H, W, 3) at 25 a second.

    At a rate above 1 the inputs span more frames; where the clip has too few there are none, because a clip that
    starts again would show a jump.
    """

    def __init__(self, card: NetworkCard, frames: Frames) -> None:
        self.card, self.frames = card, frames
        self._first = (len(frames) - clip_format(card).frames) // 2  # of the frames that `make_inputs` uses
        self._limit = flow_limit(card)
        self._unchanged = make_inputs(card, frames, without=(MOTION,))
        self._motion = motion_of_all(card, frames) if has_motion_stream(card) and self._first >= 0 else None

    def inputs(self, change: MotionChange) -> Inputs | None:
        """Return the inputs (1, ...) with the motion changed; None where the clip is too short for the rate."""
        if self._first < 0 and change.rate != 1:
            return None
        inputs: dict[StreamName, Tensor] = {}
        for stream in self.card.streams:
            if stream.name is MOTION:
                motion = self._motion_at(change.rate, stream.frames)
                if motion is None:
                    return None
                inputs[MOTION] = self._limited(motion * change.gain)
            elif stream.name is CLIP and change.rate != 1:
                frames = self._frames_at(change.rate, stream.frames)
                if frames is None:
                    return None
                inputs[CLIP] = make_inputs(self.card, frames, without=(MOTION, StreamName.APPEARANCE))[CLIP]
            else:
                inputs[stream.name] = self._unchanged[stream.name]
        if change.gain == 0 and CLIP in inputs:
            inputs[CLIP] = repeat_middle_frame(inputs[CLIP])
        return turn_motion(inputs, change.degrees) if change.degrees else inputs

    def clipped_share(self, gain: float) -> float:
        """Return the share of the clip's flow vectors that this gain would take beyond what the data can hold."""
        motion = self._motion_at(1, next(stream.frames for stream in self.card.streams if stream.name is MOTION))
        if motion is None or self._limit is None:
            return 0.0
        largest = motion.reshape(-1, 2, *motion.shape[2:]).abs().amax(1)
        return float((largest * gain > self._limit).float().mean())

    def _limited(self, motion: Tensor) -> Tensor:
        return motion if self._limit is None else motion.clamp(-self._limit, self._limit)

    def _motion_at(self, rate: float, fields: int) -> Tensor | None:
        """Return flow (1, 2 L, H, W) at a rate, its vectors as they are; fields in between are interpolated."""
        if self._motion is None:
            return make_inputs(self.card, self.frames)[MOTION] if rate == 1 else None
        first = self._first + (clip_format(self.card).frames - 1 - fields) // 2
        times = _times(first, fields, rate)
        all_fields = self._motion.reshape(-1, 2, *self._motion.shape[2:])
        if times[0] < 0 or times[-1] > len(all_fields) - 1:
            return None
        return _interpolate(all_fields, times).flatten(0, 1)[None]

    def _frames_at(self, rate: float, count: int) -> Frames | None:
        """Return `count` frames at a rate; frames in between are blended."""
        times = _times(self._first + (clip_format(self.card).frames - count) // 2, count, rate)
        if times[0] < 0 or times[-1] > len(self.frames) - 1:
            return None
        blended = _interpolate(torch.from_numpy(self.frames).float(), times)
        return blended.round().to(torch.uint8).numpy()


def repeat_middle_frame(clip: Tensor) -> Tensor:
    """Return a clip (B, 3, T, H, W) whose middle frame stands still."""
    middle = clip.shape[2] // 2
    return clip[:, :, middle : middle + 1].expand_as(clip).contiguous()


def _times(first: int, count: int, rate: float) -> Tensor:
    """Return the moments (count,) that are shown at a rate, about the middle of `count` moments from `first` on."""
    middle = (count - 1) / 2
    return first + middle + (torch.arange(count, dtype=torch.float64) - middle) * rate


def _interpolate(values: Tensor, times: Tensor) -> Tensor:
    """Interpolate values (T, ...) linearly at moments (n,) within [0, T - 1]: (n, ...)."""
    before = times.floor().long()
    weight = (times - before).to(values).view(-1, *[1] * (values.ndim - 1))
    after = (before + 1).clamp(max=len(values) - 1)
    return values[before] * (1 - weight) + values[after] * weight
