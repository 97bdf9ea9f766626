"""How a response changes with the speed and the direction of motion: the probes' inputs, and the widths of curves."""

from collections.abc import Mapping, Sequence
from math import cos, log2, pi, sin

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from app.contract.evidence import DirectionTuning, SpeedTuning
from app.contract.network import StreamName
from worker.graph.inputs import Inputs

FACTORS = (0.25, 0.5, 1.0, 2.0, 4.0)
DEGREES = tuple(float(turn) for turn in range(0, 360, 45))


def replayed(inputs: Inputs, factor: float) -> dict[StreamName, Tensor]:
    """The same clip at `factor` of its speed, about its middle moment.

    A clip shows its frames at other moments; a flow stack does too, and what moved d pixels from frame to frame now
    moves factor * d. Between two frames lies their mixture; beyond its ends a clip starts again. Appearance stays.
    """
    changed = dict(inputs)
    if StreamName.CLIP in inputs:
        changed[StreamName.CLIP] = _resampled(inputs[StreamName.CLIP], 2, factor)
    if StreamName.MOTION in inputs:
        fields = _fields(inputs[StreamName.MOTION])
        changed[StreamName.MOTION] = (_resampled(fields, 1, factor) * factor).flatten(1, 2)
    return changed


def _fields(motion: Tensor) -> Tensor:
    """(B, 2L, H, W) to (B, L, 2, H, W)."""
    batch, channels, height, width = motion.shape
    return motion.reshape(batch, channels // 2, 2, height, width)


def _resampled(x: Tensor, axis: int, factor: float) -> Tensor:
    count = x.shape[axis]
    moments = (torch.arange(count, dtype=torch.float64) - (count - 1) / 2) * factor + (count - 1) / 2
    before = moments.floor()
    share = (moments - before).to(x).view(-1, *[1] * (x.ndim - axis - 1))
    first, second = (x.index_select(axis, (before.long() + step).remainder(count).to(x.device)) for step in (0, 1))
    return first * (1 - share) + second * share


def turned(inputs: Inputs, degrees: float) -> dict[StreamName, Tensor]:
    """The same clip moving another way: turned by `degrees` clockwise on the screen, as v points down.

    Where there is flow its vectors turn, each in its place, so that nothing but the direction changes. The motion of
    a clip cannot be told from its pictures: there whole frames turn about their centre, mirrored beyond their
    edges, and what a unit asks of still pictures' orientation is part of what is found.
    """
    angle = degrees * pi / 180
    if StreamName.MOTION in inputs:
        u, v = _fields(inputs[StreamName.MOTION]).unbind(2)
        vectors = torch.stack([u * cos(angle) - v * sin(angle), u * sin(angle) + v * cos(angle)], 2)
        return {**inputs, StreamName.MOTION: vectors.flatten(1, 2)}
    clip = inputs[StreamName.CLIP]
    batch, depth, count, height, width = clip.shape
    # a pixel of the turned frame comes from where the turn back leads; the grid counts in half sides
    back = [[cos(angle), sin(angle) * height / width, 0.0], [-sin(angle) * width / height, cos(angle), 0.0]]
    frames = clip.transpose(1, 2).flatten(0, 1)
    grid = F.affine_grid(clip.new_tensor([back]).expand(len(frames), -1, -1), list(frames.shape), align_corners=False)
    seen = F.grid_sample(frames, grid, padding_mode="reflection", align_corners=False)
    return {**inputs, StreamName.CLIP: seen.view(batch, count, depth, height, width).transpose(1, 2)}


def octaves(responses: Sequence[float], factors: Sequence[float] = FACTORS) -> float:
    """Width of the curve at half its height in octaves of speed, within the factors that were tried.

    From the largest response outwards to where the curve, linear between its points over log2 of the factor, first
    falls to half. All that was tried: log2(4 / 0.25) = 4 octaves.
    """
    curve = np.asarray(responses, np.float64)
    places = [log2(factor) for factor in factors]
    best = int(curve.argmax())
    half = curve[best] / 2

    def reach(step: int) -> float:
        here = best
        while 0 <= here + step < len(curve):
            there = here + step
            if curve[there] < half:
                share = (curve[here] - half) / (curve[here] - curve[there])
                return float(places[here] + share * (places[there] - places[here]))
            here = there
        return places[here]

    return reach(1) - reach(-1)


def selectivity(responses: Sequence[float], degrees: Sequence[float] = DEGREES) -> float:
    """|sum r e^(i theta)| / sum r: 0 for all directions alike, 1 for one alone."""
    r, angles = np.asarray(responses, np.float64), np.radians(degrees)
    return float(abs((r * np.exp(1j * angles)).sum()) / r.sum())


def speed_tuning(responses: Mapping[float, float]) -> SpeedTuning | None:
    """Of responses by factor; None for a unit that none of them excites."""
    shares = _shares(responses)
    if shares is None:
        return None
    return SpeedTuning(factors=tuple(responses), responses=shares, octaves=octaves(shares, tuple(responses)))


def direction_tuning(responses: Mapping[float, float]) -> DirectionTuning | None:
    shares = _shares(responses)
    if shares is None:
        return None
    return DirectionTuning(
        degrees=tuple(responses), responses=shares, selectivity=selectivity(shares, tuple(responses))
    )


def _shares(responses: Mapping[float, float]) -> tuple[float, ...] | None:
    """Of the largest; negative responses count as none."""
    largest = max(responses.values())
    return tuple(max(0.0, value) / largest for value in responses.values()) if largest > 0 else None
