"""How a response changes with the speed and the direction of motion: changed inputs, and the widths of the curves."""

from collections.abc import Mapping, Sequence
from math import cos, log2, pi, sin

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from app.contract.evidence import DirectionTuning, SpeedTuning
from app.contract.network import StreamName
from worker.graph.inputs import Inputs

SPEED_FACTORS = (0.25, 0.5, 1.0, 2.0, 4.0)
DIRECTION_DEGREES = tuple(float(degrees) for degrees in range(0, 360, 45))


def replay_at_speed(inputs: Inputs, factor: float) -> dict[StreamName, Tensor]:
    """Return the same clip at `factor` of its speed, resampled in time about its middle.

    Frames of a clip and fields of a flow stack are resampled linearly, and past its ends a clip starts again. Flow
    vectors are also scaled: what moved d pixels a frame now moves factor * d. The appearance stream stays as it is.
    """
    changed = dict(inputs)
    if StreamName.CLIP in inputs:
        changed[StreamName.CLIP] = _resample(inputs[StreamName.CLIP], 2, factor)
    if StreamName.MOTION in inputs:
        fields = _flow_fields(inputs[StreamName.MOTION])
        changed[StreamName.MOTION] = (_resample(fields, 1, factor) * factor).flatten(1, 2)
    return changed


def _flow_fields(motion: Tensor) -> Tensor:
    """Reshape motion (B, 2L, H, W) to (B, L, 2, H, W)."""
    batch, channels, height, width = motion.shape
    return motion.reshape(batch, channels // 2, 2, height, width)


def _resample(x: Tensor, axis: int, factor: float) -> Tensor:
    count = x.shape[axis]
    times = (torch.arange(count, dtype=torch.float64) - (count - 1) / 2) * factor + (count - 1) / 2
    before = times.floor()
    weight = (times - before).to(x).view(-1, *[1] * (x.ndim - axis - 1))
    first, second = (x.index_select(axis, (before.long() + step).remainder(count).to(x.device)) for step in (0, 1))
    return first * (1 - weight) + second * weight


def turn_motion(inputs: Inputs, degrees: float) -> dict[StreamName, Tensor]:
    """Return the same clip with its motion turned by `degrees`, clockwise on the screen (v points down).

    With a motion stream the flow vectors are turned, each at its position, so nothing but the direction changes. A
    clip of frames has no motion apart from its appearance, so whole frames are turned about their centre, with
    mirrored edges: there the measured tuning includes what the unit asks of the orientation of still images.
    """
    angle = degrees * pi / 180
    if StreamName.MOTION in inputs:
        u, v = _flow_fields(inputs[StreamName.MOTION]).unbind(2)
        vectors = torch.stack([u * cos(angle) - v * sin(angle), u * sin(angle) + v * cos(angle)], 2)
        return {**inputs, StreamName.MOTION: vectors.flatten(1, 2)}
    clip = inputs[StreamName.CLIP]
    batch, depth, count, height, width = clip.shape
    # for each pixel of the turned frame, where it comes from: the inverse rotation, in units of half the sides
    inverse = [[cos(angle), sin(angle) * height / width, 0.0], [-sin(angle) * width / height, cos(angle), 0.0]]
    frames = clip.transpose(1, 2).flatten(0, 1)
    matrices = clip.new_tensor([inverse]).expand(len(frames), -1, -1)
    grid = F.affine_grid(matrices, list(frames.shape), align_corners=False)
    rotated = F.grid_sample(frames, grid, padding_mode="reflection", align_corners=False)
    return {**inputs, StreamName.CLIP: rotated.view(batch, count, depth, height, width).transpose(1, 2)}


def tuning_width(responses: Sequence[float], factors: Sequence[float] = SPEED_FACTORS) -> float:
    """Return the width in octaves of a speed tuning curve at half its maximum.

    The curve is linear between its points over log2 of the factor. From its maximum, each side reaches to where the
    curve first falls to half, or to the last factor: at most log2(4 / 0.25) = 4 octaves in all.
    """
    curve = np.asarray(responses, np.float64)
    octaves = [log2(factor) for factor in factors]
    best = int(curve.argmax())
    half = curve[best] / 2

    def half_point(step: int) -> float:
        index = best
        while 0 <= index + step < len(curve):
            beyond = index + step
            if curve[beyond] < half:
                share = (curve[index] - half) / (curve[index] - curve[beyond])
                return float(octaves[index] + share * (octaves[beyond] - octaves[index]))
            index = beyond
        return octaves[index]

    return half_point(1) - half_point(-1)


def direction_selectivity(responses: Sequence[float], degrees: Sequence[float] = DIRECTION_DEGREES) -> float:
    """Return |sum r e^(i theta)| / sum r: 0 for equal responses to all directions, 1 for a response to one alone."""
    r, angles = np.asarray(responses, np.float64), np.radians(degrees)
    return float(abs((r * np.exp(1j * angles)).sum()) / r.sum())


def speed_tuning(responses: Mapping[float, float]) -> SpeedTuning | None:
    """Return the tuning curve of responses by speed factor, or None where no response is positive."""
    shares = _shares_of_largest(responses)
    if shares is None:
        return None
    return SpeedTuning(factors=tuple(responses), responses=shares, octaves=tuning_width(shares, tuple(responses)))


def direction_tuning(responses: Mapping[float, float]) -> DirectionTuning | None:
    """Return the tuning curve of responses by degrees, or None where no response is positive."""
    shares = _shares_of_largest(responses)
    if shares is None:
        return None
    return DirectionTuning(
        degrees=tuple(responses), responses=shares, selectivity=direction_selectivity(shares, tuple(responses))
    )


def _shares_of_largest(responses: Mapping[float, float]) -> tuple[float, ...] | None:
    """Divide by the largest response; negative responses become 0."""
    largest = max(responses.values())
    return tuple(max(0.0, value) / largest for value in responses.values()) if largest > 0 else None
