"""Which clips are changed, and how, to measure the invariance of a network's units and layers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from app.contract.evidence import TOP_CLIPS_PER_UNIT
from app.contract.network import NetworkCard
from worker.evidence.checkpoint import SurveyCheckpoint
from worker.evidence.clip_cover import cover_units, keep_chosen
from worker.evidence.motion_grid import GAINS, ChangedClips, gain_changes, grid_changes, layer_changes
from worker.evidence.playback import MotionChange
from worker.evidence.resampling import GroupedClips, Integers
from worker.networks.network import Network

MAX_LAYER_CLIPS = 210  # changed to compare layers: ten of each class of the shipped network, for each of two networks
MAX_PEAKS = 50_000_000  # of changed clips in memory, 4 bytes each: fewer clips are taken of a network of many units
CLIPS_PER_UNIT, CONTROL_CLIPS_PER_UNIT = 3, 1  # of each unit's strongest clips, at least, on the grid
CONTROL_PASSES_PER_CLIP = len(GAINS) + 1  # of clips on the control's grid
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
    trained: Recorded, control: Recorded | None, clips: GroupedClips, layers: Sequence[str]
) -> InvariancePlan:
    """Plan the passes; nothing is changed for a network that sees no motion."""
    card = trained.network.card
    recorded = trained.checkpoint.recorded
    changes = layer_changes(card)
    units = sum(card.layer(name).units for name in layers)
    count = max(1, min(MAX_LAYER_CLIPS, MAX_PEAKS // max(1, units * len(changes) * (1 if control is None else 2))))
    rows = choose_clips(clips, count) if changes and layers else []
    compared = {int(recorded[row]): changes for row in rows}
    grid, chosen = _plan_grid(trained.checkpoint, layers, grid_changes(card), CLIPS_PER_UNIT)
    control_grid: dict[int, Sequence[MotionChange]] = {}
    control_chosen: dict[str, Integers] = {}
    if control is not None:
        control_grid, control_chosen = _plan_grid(
            control.checkpoint, layers, gain_changes(card), CONTROL_CLIPS_PER_UNIT
        )
    return InvariancePlan(
        tuple(layers),
        ChangedClips(grid, compared),
        chosen,
        None if control is None else ChangedClips(control_grid, compared),
        control_chosen,
    )


def _plan_grid(
    checkpoint: SurveyCheckpoint, layers: Sequence[str], changes: Sequence[MotionChange], clips_per_unit: int
) -> tuple[dict[int, Sequence[MotionChange]], dict[str, Integers]]:
    """Return the clips to change, and by layer which of them each unit was strongest on."""
    strongest = checkpoint.strongest_clips(layers)
    if not layers or not changes:
        return {}, {name: np.zeros((len(clips), 0), np.int64) for name, clips in strongest.items()}
    for each in range(clips_per_unit, 0, -1):
        numbers = cover_units(strongest.values(), each)
        if len(numbers) <= MAX_GRID_CLIPS:
            break
    numbers = numbers[:: -(-len(numbers) // MAX_GRID_CLIPS)] if numbers else numbers
    kept = {name: keep_chosen(clips, numbers, TOP_CLIPS_PER_UNIT).numpy() for name, clips in strongest.items()}
    return dict.fromkeys(numbers, changes), kept


def choose_clips(clips: GroupedClips, count: int) -> list[int]:
    """Return the rows of at most `count` clips: classes take turns, and within a class its groups."""
    ranked: list[tuple[int, int]] = []
    for label in np.unique(clips.labels):
        rows = np.flatnonzero(clips.labels == label)
        _, index = np.unique(clips.groups[rows], return_inverse=True)
        turn = np.array([(index[:place] == group).sum() for place, group in enumerate(index)], int)
        ordered = rows[np.argsort(turn, kind="stable")]
        ranked += [(rank, int(row)) for rank, row in enumerate(ordered)]
    return sorted(row for _, row in sorted(ranked)[:count])
