"""The peaks of units on clips whose motion is changed, of a network and its control, in one pass over the clips.

Each clip is read once and shown in all the ways that any measure needs: on a grid of gain and rate for the units that
it excites most, and at other speeds, in other directions and still for the comparison of whole layers.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch

from app.contract.network import NetworkCard
from worker.devices import device_of
from worker.evidence.activation_reader import read_activations
from worker.evidence.playback import STILL, MotionChange, Playback, has_motion_stream, shows_motion, speed_change
from worker.evidence.probing import read_peaks
from worker.evidence.resampling import Integers
from worker.evidence.types import Floats, Observe
from worker.graph.inputs import Inputs, on_device
from worker.networks.network import Network
from worker.networks.preprocessing import clips_per_batch

GAINS = (0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
RATES = (0.25, 0.5, 1.0, 2.0, 4.0)
SPEEDS = (0.5, 2.0)  # at which classes are decoded; 1 is as recorded
TURNS = (90.0, 180.0)  # degrees


@dataclass(frozen=True)
class ChangedClips:
    """Which clips are changed in which ways: `grid` for single units, `layers` to compare whole layers."""

    grid: Mapping[int, Sequence[MotionChange]]  # by clip number
    layers: Mapping[int, Sequence[MotionChange]]

    @property
    def numbers(self) -> tuple[int, ...]:
        return tuple(sorted({*self.grid, *self.layers}))

    @property
    def passes(self) -> int:
        """The number of inputs that go through the network, were every clip long enough for every rate."""
        return sum(len(self.of_clip(number)) for number in self.numbers)

    def of_clip(self, number: int) -> tuple[MotionChange, ...]:
        return tuple(dict.fromkeys([*self.grid.get(number, ()), *self.layers.get(number, ())]))


@dataclass
class ChangedPeaks:
    """The peaks of the units of a network's layers on changed clips.

    `grid[layer]` is (U, K, M): of each unit's K strongest clips, changed in the M ways of `grid_changes`; NaN where the
    clip was not changed, or was too short. `layers[change][number]` are the peaks (U,) of all layers in their order.
    """

    grid_changes: tuple[MotionChange, ...]
    grid: dict[str, Floats]
    columns: dict[str, slice]  # of each layer in the peaks of `layers`
    layers: dict[MotionChange, dict[int, Floats]] = field(default_factory=dict)

    def of_layer(self, layer: str, change: MotionChange, numbers: Sequence[int]) -> Floats:
        """Return the peaks (n, U) of a layer on these clips, which must have been changed in this way."""
        rows = self.layers[change]
        return np.stack([rows[number][self.columns[layer]] for number in numbers])


def grid_changes(card: NetworkCard) -> tuple[MotionChange, ...]:
    """Return the ways in which a unit's clips are changed: no motion, each gain at rate 1, each rate at gain 1."""
    if not shows_motion(card):
        return ()
    gains = GAINS if has_motion_stream(card) else (1.0,)
    changes = [STILL, *(MotionChange(gain=gain) for gain in gains), *(MotionChange(rate=rate) for rate in RATES)]
    return tuple(dict.fromkeys(changes))


def gain_changes(card: NetworkCard) -> tuple[MotionChange, ...]:
    """Return the part of the grid that the slope with gain needs; nothing without a motion stream."""
    return tuple(change for change in grid_changes(card) if change.rate == 1) if has_motion_stream(card) else ()


def layer_changes(card: NetworkCard) -> tuple[MotionChange, ...]:
    """Return the ways in which clips are changed to compare layers: other speeds, still, and other directions."""
    if not shows_motion(card):
        return ()
    return (
        *(speed_change(card, speed) for speed in SPEEDS),
        STILL,
        *(MotionChange(degrees=degrees) for degrees in TURNS),
    )


class PeaksReader:
    """Reads the peaks of one network on changed clips; `strongest` gives by layer each unit's clips (U, K)."""

    def __init__(self, network: Network, strongest: Mapping[str, Integers], clips: ChangedClips) -> None:
        self.network, self.strongest, self.clips = network, strongest, clips
        changes = next(iter(clips.grid.values()), ())  # the same of every clip
        columns, first = {}, 0
        for name in strongest:
            columns[name] = slice(first, first + network.card.layer(name).units)
            first = columns[name].stop
        grid = {
            name: np.full((*numbers.shape, len(changes)), np.nan, np.float32) for name, numbers in strongest.items()
        }
        self.peaks = ChangedPeaks(tuple(changes), grid, columns)

    def read(self, number: int, inputs: Mapping[MotionChange, Inputs]) -> int:
        """Add a clip, given by its number and its changed inputs; return how many inputs were shown."""
        wanted = [change for change in self.clips.of_clip(number) if change in inputs]
        if not wanted:
            return 0
        with read_activations(self.network, list(self.strongest)) as read:
            peaks = read_peaks(read, [inputs[change] for change in wanted], clips_per_batch(self.network.card))
        for change in self.clips.layers.get(number, ()):
            if change in inputs:
                row = wanted.index(change)
                together = np.concatenate([peaks[name][row].numpy() for name in self.strongest])
                self.peaks.layers.setdefault(change, {})[number] = together
        if number in self.clips.grid:
            shown = [change for change in self.peaks.grid_changes if change in wanted]
            columns = [self.peaks.grid_changes.index(change) for change in shown]
            rows = [wanted.index(change) for change in shown]
            for name, numbers in self.strongest.items():
                units, slots = np.nonzero(numbers == number)
                if len(units):
                    values = peaks[name].numpy()[rows][:, units]  # (changes, units)
                    self.peaks.grid[name][units[:, None], slots[:, None], np.array(columns)[None]] = values.T
        return len(wanted)


def read_changed_peaks(
    readers: Sequence[PeaksReader], clips: Iterable[tuple[int, Playback]], observe: Observe = lambda done, total: None
) -> dict[float, set[int]]:
    """Show each clip, changed, to every reader's network; return by rate the clips that are too short for it."""
    total = sum(reader.clips.passes for reader in readers)
    done = 0
    too_short: dict[float, set[int]] = {}
    for number, playback in clips:
        wanted = dict.fromkeys(change for reader in readers for change in reader.clips.of_clip(number))
        device = device_of(readers[0].network.module)
        inputs: dict[MotionChange, Inputs] = {}
        for change in wanted:
            changed = playback.inputs(change)
            if changed is None:
                too_short.setdefault(change.rate, set()).add(number)
            else:
                inputs[change] = on_device(changed, device)
        with torch.no_grad():
            for reader in readers:
                reader.read(number, inputs)
                done += len(reader.clips.of_clip(number))
        observe(min(done, total), total)
    return too_short
