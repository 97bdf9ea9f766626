"""Drifting gratings: what a unit prefers of direction, speed, and frequency in space and time, away from any clip.

A motion stream is shown flow (u, v) = v (cos d, sin d) (1 + cos 2 pi (f x_d - w t)) / 2: vectors of one direction d and
largest size v, whose size is a grating of f cycles across the frame that drifts along d by w cycles a frame. A clip
network is shown a luminance grating cos 2 pi (f x_d - w t), which moves at w / f. Other streams are grey.

What motion adds is the peak less that for no flow, or for the same grating at rest. Direction selectivity is
|sum r e^(i d)| / sum r over the mean responses r to each direction (Mazurek et al. 2014); its p-value is the share of
shuffles, of the directions within each of the other conditions, that give as much.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from itertools import product

import numpy as np
import torch
from torch import Tensor

from app.contract.network import NetworkCard, Stream, StreamName
from worker.devices import device_of
from worker.evidence.activation_reader import read_activations
from worker.evidence.playback import has_motion_stream, shows_motion
from worker.evidence.types import Floats
from worker.graph.inputs import Inputs, on_device
from worker.networks.network import Network
from worker.networks.preprocessing import clips_per_batch, join_clips
from worker.video.flow import FLOW_UNIT_PX

DIRECTIONS = tuple(float(degrees) for degrees in range(0, 360, 45))  # clockwise on the screen from the right
FLOW_SPEEDS = (0.5, 2.0, 8.0)  # px a frame: the largest vector
CYCLES = (1.0, 4.0)  # across the frame
FLOW_FREQUENCIES = (0.0, 0.125)  # cycles a frame
CLIP_FREQUENCIES = (0.0625, 0.125, 0.25)  # cycles a frame; the speed follows from them and CYCLES
SHUFFLES = 499


@dataclass(frozen=True)
class Grating:
    """A grating: direction in degrees, speed in px a frame, cycles across the frame, and cycles a frame."""

    degrees: float
    speed: float
    cycles: float
    frequency: float


@dataclass(frozen=True)
class GratingTuning:
    """The tuning of U units to gratings. NaN for a unit that no grating excites."""

    direction: Floats  # (U,) preferred, degrees
    selectivity: Floats  # (U,)
    p_value: Floats  # (U,) of as much selectivity by chance; 1 for a unit that no grating excites
    speed: Floats  # (U,) of the speeds shown, px a frame: that of the largest mean response
    frequency: Floats  # (U,) the same of the cycles a frame
    by_direction: Floats  # (U, 8) mean responses

    def chunk(self, units: slice) -> "GratingTuning":
        """Return the tuning of some of the units."""
        return GratingTuning(**{each.name: getattr(self, each.name)[units] for each in fields(self)})


def gratings(card: NetworkCard) -> tuple[Grating, ...]:
    """Return the gratings for a network's motion stream, or for its clip; none for a network that sees no motion."""
    if has_motion_stream(card):
        return tuple(Grating(*values) for values in product(DIRECTIONS, FLOW_SPEEDS, CYCLES, FLOW_FREQUENCIES))
    if not shows_motion(card):
        return ()
    width = card.streams[0].width
    return tuple(
        Grating(degrees, frequency * width / cycles, cycles, frequency)
        for degrees, cycles, frequency in product(DIRECTIONS, CYCLES, CLIP_FREQUENCIES)
    )


def grating_inputs(card: NetworkCard, grating: Grating) -> Inputs:
    """Return the inputs (1, ...) that show a grating, in standard units; streams without motion are grey."""
    inputs: dict[StreamName, Tensor] = {}
    shown = StreamName.MOTION if has_motion_stream(card) else StreamName.CLIP
    for stream in card.streams:
        if stream.name is not shown:
            size = (stream.height, stream.width)
            moments = (stream.frames,) if stream.name is StreamName.CLIP else ()
            inputs[stream.name] = torch.zeros(1, stream.depth, *moments, *size)
            continue
        wave = torch.cos(_phase(stream, grating))  # (T, H, W)
        if shown is StreamName.CLIP:
            inputs[shown] = wave.expand(1, 3, -1, -1, -1).contiguous()
        else:
            angle = torch.tensor(np.radians(grating.degrees))
            vector = torch.stack([angle.cos(), angle.sin()]) * (grating.speed / FLOW_UNIT_PX)
            flow = vector.view(1, 2, 1, 1) * (1 + wave[:, None]) / 2
            inputs[shown] = flow.flatten(0, 1)[None].float()
    return inputs


def at_rest(grating: Grating) -> Grating:
    """Return what a grating is compared with: no flow at all, or the same luminance at rest."""
    return Grating(grating.degrees, 0.0, grating.cycles, 0.0)


def grating_responses(network: Network, layers: Sequence[str], shown: Sequence[Grating]) -> dict[str, Floats]:
    """Return by layer what the motion of each of G gratings adds to the peaks of the units, (U, G)."""
    card, device = network.card, device_of(network.module)
    resting = list(dict.fromkeys(at_rest(grating) for grating in shown))
    if has_motion_stream(card):
        resting = resting[:1]  # no flow is no flow
    everything = [*shown, *resting]
    peaks: dict[str, list[Floats]] = {name: [] for name in layers}
    batch = clips_per_batch(card)
    with read_activations(network, list(layers)) as read:
        for start in range(0, len(everything), batch):
            inputs = join_clips([grating_inputs(card, grating) for grating in everything[start : start + batch]])
            for name, reading in read(on_device(inputs, device)).items():
                peaks[name].append(reading.peak.float().cpu().numpy())
    rest_of = [len(shown) + (0 if has_motion_stream(card) else resting.index(at_rest(each))) for each in shown]
    together = {name: np.concatenate(parts).T for name, parts in peaks.items()}  # (U, G + rest)
    return {name: values[:, : len(shown)] - values[:, rest_of] for name, values in together.items()}


def grating_tuning(added: Floats, shown: Sequence[Grating], generator: np.random.Generator) -> GratingTuning:
    """Return the tuning of units from what each grating adds to their responses, (U, G); below 0 counts as 0."""
    responses = np.maximum(added.astype(np.float64), 0)
    order = {degrees: index for index, degrees in enumerate(DIRECTIONS)}
    conditions = list(dict.fromkeys((each.speed, each.cycles, each.frequency) for each in shown))
    table = np.zeros((len(added), len(DIRECTIONS), len(conditions)))
    for column, each in enumerate(shown):
        table[:, order[each.degrees], conditions.index((each.speed, each.cycles, each.frequency))] = responses[
            :, column
        ]
    by_direction = table.mean(2)
    selectivity = _selectivity(by_direction)
    as_much = np.zeros(len(added))
    in_order = np.tile(np.arange(len(DIRECTIONS))[:, None], (1, len(conditions)))
    for _ in range(SHUFFLES):
        orders = generator.permuted(in_order, axis=0)
        shuffled = np.take_along_axis(table, orders[None], 1).mean(2)
        as_much += np.nan_to_num(_selectivity(shuffled)) >= np.nan_to_num(selectivity) - 1e-12
    excited = by_direction.sum(1) > 0
    turns = np.exp(1j * np.radians(DIRECTIONS))
    return GratingTuning(
        direction=np.where(excited, np.degrees(np.angle(by_direction @ turns)).round(6) % 360, np.nan),
        selectivity=selectivity,
        p_value=np.where(excited, (1 + as_much) / (1 + SHUFFLES), 1.0),
        speed=_preferred(responses, [each.speed for each in shown], excited),
        frequency=_preferred(responses, [each.frequency for each in shown], excited),
        by_direction=by_direction,
    )


def _phase(stream: Stream, grating: Grating) -> Tensor:
    """Return the phase (T, H, W) of a grating, in radians; its middle frame has phase 0 in the middle."""
    angle = np.radians(grating.degrees)
    x = (torch.arange(stream.width) - (stream.width - 1) / 2) / stream.width
    y = (torch.arange(stream.height) - (stream.height - 1) / 2) / stream.width
    t = torch.arange(stream.frames) - (stream.frames - 1) / 2
    along = x[None] * float(np.cos(angle)) + y[:, None] * float(np.sin(angle))
    return 2 * torch.pi * (grating.cycles * along[None] - grating.frequency * t[:, None, None])


def _selectivity(by_direction: Floats) -> Floats:
    """Return |sum r e^(i d)| / sum r of responses (U, 8): (U,); NaN where there is none."""
    total = by_direction.sum(1)
    vector = np.abs(by_direction @ np.exp(1j * np.radians(DIRECTIONS)))
    return np.asarray(np.divide(vector, total, out=np.full_like(total, np.nan), where=total > 0))


def _preferred(responses: Floats, values: Sequence[float], excited: Floats) -> Floats:
    """Return for each unit the value whose gratings it responds to most on average: responses (U, G) to (U,)."""
    distinct = sorted(set(values))
    means = np.stack([responses[:, [v == each for v in values]].mean(1) for each in distinct], 1)
    return np.where(excited, np.array(distinct)[means.argmax(1)], np.nan)
