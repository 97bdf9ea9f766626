"""Plan a probe: which clips it changes, in which ways, for which units, and how many forward passes that takes.

Units share clips (see `clip_cover.py`): each clip is changed in every way once, and one forward pass as far as the
deepest layer reads all units.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from torch import Tensor

from app.contract.errors import InvalidRequest
from app.contract.network import NetworkCard
from worker.evidence.clip_cover import cover_units
from worker.evidence.pass_budget import thin_out
from worker.evidence.tuning import DIRECTION_DEGREES, SPEED_FACTORS

CLIPS_PER_UNIT = 3  # of each unit's strongest clips, at least


class Change(NamedTuple):
    """A way to change a clip."""

    kind: str
    amount: float = 0.0


ORIGINAL = Change("speed", 1.0)
APPEARANCE_ONLY, MOTION_ONLY, SWAPPED = Change("appearance"), Change("motion"), Change("swap")
SPEED_CHANGES = {factor: Change("speed", factor) for factor in SPEED_FACTORS}
DIRECTION_CHANGES = {degrees: Change("turn", degrees) if degrees else ORIGINAL for degrees in DIRECTION_DEGREES}
STREAM_CHANGES = (APPEARANCE_ONLY, MOTION_ONLY, SWAPPED)


@dataclass(frozen=True)
class ProbePlan:
    """The clips to change and the units to read: `units[layer][clip]` are the units that the clip excites most."""

    layers: tuple[str, ...]
    units: Mapping[str, Mapping[int, Tensor]]
    clips: tuple[int, ...]  # in the order in which they are read: the classes take turns
    first_partner: int | None  # read before the clips: gives its motion to the first of them
    changes: tuple[Change, ...]

    @property
    def passes(self) -> int:
        """The number of clips that go through the network, without the units' stimuli and one blank input."""
        return len(self.clips) * len(self.changes)

    @property
    def reading_order(self) -> tuple[int, ...]:
        return self.clips if self.first_partner is None else (self.first_partner, *self.clips)


def default_layers(card: NetworkCard) -> tuple[str, ...]:
    """Return the layers after the fusion of streams, and those without positions (fully connected and classes)."""
    without_positions = {layer.name for layer in card.layers if (layer.map.height, layer.map.width) == (1, 1)}
    return tuple(layer.name for layer in card.layers if layer.stream == "fusion" or layer.name in without_positions)


def tuned_layers(card: NetworkCard) -> tuple[str, ...]:
    """Return all layers that motion reaches: how tuning changes with depth needs early and late ones."""
    return tuple(layer.name for layer in card.layers if layer.stream != "appearance")


def plan_probe(
    card: NetworkCard,
    layers: Sequence[str],
    strongest: Mapping[str, Tensor],
    labels: Mapping[int, int],
    clips_per_unit: int = CLIPS_PER_UNIT,
    max_passes: int | None = None,
) -> ProbePlan:
    """Plan to change at least `clips_per_unit` of each unit's strongest clips.

    `strongest` gives by layer the numbers (U, K) of its units' strongest clips, -1 for none; `labels` the class of
    every clip by number. Clips that would take more than `max_passes` are left out, evenly, and with them units that
    none of the others excites most. Raises InvalidRequest where motion reaches none of the layers.
    """
    with_motion = tuple(name for name in layers if card.layer(name).stream != "appearance")
    if not with_motion:
        raise InvalidRequest(f"No motion reaches {', '.join(layers)}: there is nothing to probe. Choose other layers.")
    clips: Sequence[int] = cover_units([strongest[name] for name in with_motion], clips_per_unit)
    changes = dict.fromkeys([*SPEED_CHANGES.values(), *DIRECTION_CHANGES.values()])
    stream_changes = STREAM_CHANGES if len(card.streams) > 1 else ()
    if max_passes is not None:
        clips = thin_out(clips, max_passes // (len(changes) + len(stream_changes)))
    units = {}
    for name in with_motion:
        excited = {number: (strongest[name] == number).any(1).nonzero()[:, 0] for number in clips}
        units[name] = {number: indices for number, indices in excited.items() if len(indices)}
    order = _alternate_classes(clips, labels)
    first_partner = next((number for number in reversed(order) if labels[number] != labels[order[0]]), None)
    return ProbePlan(with_motion, units, order, first_partner, (*changes, *stream_changes))


def plan_affordable_probe(
    card: NetworkCard,
    layers: Sequence[str],
    strongest: Mapping[str, Tensor],
    labels: Mapping[int, int],
    max_passes: int,
) -> ProbePlan:
    """Plan with three clips for each unit, or two or one to stay within `max_passes`, and then for fewer units."""
    for clips_per_unit in range(CLIPS_PER_UNIT, 0, -1):
        plan = plan_probe(card, layers, strongest, labels, clips_per_unit)
        if plan.passes <= max_passes:
            return plan
    return plan_probe(card, layers, strongest, labels, 1, max_passes)


def _alternate_classes(numbers: Sequence[int], labels: Mapping[int, int]) -> tuple[int, ...]:
    """Order clips so that the first of every class comes first, then the second of every class, and so on."""
    latest_rank: dict[int, int] = {}
    ranked = []
    for number in numbers:
        rank = latest_rank[labels[number]] = latest_rank.get(labels[number], -1) + 1
        ranked.append((rank, number))
    return tuple(number for _, number in sorted(ranked))
