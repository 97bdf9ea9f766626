"""Which clips are changed, and how, to measure the invariance of a network's units and layers."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from app.contract.evidence import TOP_CLIPS_PER_UNIT
from app.contract.network import NetworkCard
from worker.evidence.checkpoint import SurveyCheckpoint
from worker.evidence.clip_choice import choose_clips
from worker.evidence.clip_cover import cover_units, keep_chosen
from worker.evidence.motion_grid import ChangedClips, gain_changes, grid_changes, layer_changes
from worker.evidence.pass_budget import thin_out
from worker.evidence.playback import MotionChange
from worker.evidence.redrawn_slopes import REDRAWN
from worker.evidence.resampling import MIN_GROUPS, GroupedClips, Integers
from worker.networks.network import Network

MAX_LAYER_CLIPS = 210  # changed to compare layers: ten of each class of the shipped network, for each of two networks
MAX_PEAKS = 50_000_000  # of changed clips in memory, 4 bytes each: fewer clips are taken of a network of many units
CLIPS_PER_UNIT, CONTROL_CLIPS_PER_UNIT = 3, 1  # of each unit's strongest clips, at least, on the grid
MAX_GRID_CLIPS = 120  # changed for single units; where three for each unit are more, units have two or one


@dataclass(frozen=True)
class Recorded:
    """A network and what was recorded of it on the clips of a survey."""

    network: Network
    checkpoint: SurveyCheckpoint


@dataclass(frozen=True)
class InvariancePlan:
    """Which clips are changed for a network and for its control, and the layers that are read, input first."""

    layers: tuple[str, ...]
    trained: ChangedClips
    trained_clips: Mapping[str, Integers]  # by layer, the clips (U, K) of each unit on the grid, -1 for none
    control: ChangedClips | None
    control_clips: Mapping[str, Integers]

    @property
    def numbers(self) -> tuple[int, ...]:
        """The clips to read, ascending."""
        control = () if self.control is None else self.control.numbers
        return tuple(sorted({*self.trained.numbers, *control}))

    @property
    def passes(self) -> int:
        """Forward passes of both networks, were every clip long enough for every rate."""
        return self.trained.passes + (0 if self.control is None else self.control.passes)


def motion_layers(card: NetworkCard, probed: Sequence[str]) -> tuple[str, ...]:
    """Return those of the probed layers that motion reaches and that are no classes, in the network's order."""
    return tuple(
        layer.name
        for layer in card.layers
        if layer.name in probed and layer.stream != "appearance" and not layer.is_class
    )


def plan_invariance(
    trained: Recorded,
    control: Recorded | None,
    clips: GroupedClips,
    layers: Sequence[str],
    max_passes: float = math.inf,
) -> InvariancePlan:
    """Plan the passes; nothing is changed for a network that sees no motion.

    Half of `max_passes` may go into the comparison of layers, half into the grid, both networks together.
    """
    card = trained.network.card
    recorded = trained.checkpoint.recorded
    changes = layer_changes(card)
    units = sum(card.layer(name).units for name in layers)
    fit = MAX_PEAKS // max(1, units * len(changes) * (1 if control is None else 2))
    count = max(2 * MIN_GROUPS, int(min(MAX_LAYER_CLIPS, fit, max_passes / 2 // max(1, 2 * len(changes)))))
    rows = choose_clips(clips, count) if changes and layers else []
    compared = {int(recorded[row]): changes for row in rows}
    per_clip = len(grid_changes(card)) + (1 + REDRAWN) * len(gain_changes(card))  # of the network, and of its controls
    most = int(min(MAX_GRID_CLIPS, max_passes / 2 // max(1, per_clip)))
    grid, chosen = _plan_grid(trained.checkpoint, layers, grid_changes(card), CLIPS_PER_UNIT, most)
    control_grid: dict[int, Sequence[MotionChange]] = {}
    control_chosen: dict[str, Integers] = {}
    if control is not None:
        control_grid, control_chosen = _plan_grid(
            control.checkpoint, layers, gain_changes(card), CONTROL_CLIPS_PER_UNIT, most
        )
    return InvariancePlan(
        tuple(layers),
        ChangedClips(grid, compared),
        chosen,
        None if control is None else ChangedClips(control_grid, compared),
        control_chosen,
    )


def _plan_grid(
    checkpoint: SurveyCheckpoint,
    layers: Sequence[str],
    changes: Sequence[MotionChange],
    clips_per_unit: int,
    max_clips: int,
) -> tuple[dict[int, Sequence[MotionChange]], dict[str, Integers]]:
    """Return the clips to change, and by layer which of them each unit was strongest on."""
    strongest = checkpoint.strongest_clips(layers)
    if not layers or not changes:
        return {}, {name: np.zeros((len(clips), 0), np.int64) for name, clips in strongest.items()}
    for each in range(clips_per_unit, 0, -1):
        numbers = cover_units(strongest.values(), each)
        if len(numbers) <= max_clips:
            break
    numbers = tuple(thin_out(numbers, max_clips))
    kept = {name: keep_chosen(clips, numbers, TOP_CLIPS_PER_UNIT).numpy() for name, clips in strongest.items()}
    return dict.fromkeys(numbers, changes), kept
