"""Active measures: what units do when the motion of their strongest clips is changed, taken away or swapped.

Units share clips (see cover.py): each clip is changed in all ways once, and one pass as far as the deepest layer asked
for reads all units. The cost is counted first.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from app.contract.errors import InvalidRequest
from app.contract.evidence import DirectionTuning, SpeedTuning, Synergy
from app.contract.network import NetworkCard
from worker.devices import device_of
from worker.evidence.activation_reader import Readings, Record, recorder
from worker.evidence.clip_cover import shared_clips
from worker.evidence.synergy import both, motion_alone, neither, swapped, synergy, without_motion
from worker.evidence.tuning import DEGREES, FACTORS, direction_tuning, replayed, speed_tuning, turned
from worker.graph.inputs import Inputs, on_device
from worker.networks.network import Network
from worker.networks.preprocessing import batch_size, join

PROBED_CLIPS = 3  # of each unit's strongest clips, at least

Unit = tuple[str, int]  # layer, number
Way = tuple[str, float]  # how a clip is changed, and how much
Observe = Callable[[int, int], None]  # passes made, of all; may raise to stop

OWN, PICTURE, MOTION, SWAP = ("speed", 1.0), ("picture", 0.0), ("motion", 0.0), ("swap", 0.0)
SPEEDS = tuple(("speed", factor) for factor in FACTORS)
TURNS = tuple(("turn", degrees) for degrees in DEGREES[1:])
DIRECTIONS = dict(zip(DEGREES, (OWN, *TURNS), strict=True))
BESIDE_SWAP = ("own", 0.0)  # the same as OWN, over the clips that had another to swap with


@dataclass(frozen=True)
class Probed:
    synergy: Synergy | None = None
    speed: SpeedTuning | None = None
    direction: DirectionTuning | None = None


@dataclass(frozen=True)
class Plan:
    """Which clips are changed for which units: `units[layer][clip]` are those that the clip excites most."""

    layers: tuple[str, ...]
    units: Mapping[str, Mapping[int, Tensor]]
    clips: tuple[int, ...]  # in the order in which they are to be given, the classes in turn
    lead: int | None  # given before them: the first one's partner for the swap
    ways: tuple[Way, ...]

    @property
    def passes(self) -> int:
        """Clips through the network, counted beforehand; own stimuli and a look at nothing come on top."""
        return len(self.clips) * len(self.ways)


def default_layers(card: NetworkCard) -> tuple[str, ...]:
    """Where streams have met, and where no positions are left: fusion, fully connected and class layers."""
    flat = {layer.name for layer in card.layers if (layer.map.height, layer.map.width) == (1, 1)}
    return tuple(layer.name for layer in card.layers if layer.stream == "fusion" or layer.name in flat)


def tuned_layers(card: NetworkCard) -> tuple[str, ...]:
    """Those that motion reaches, early and late: what is said of depth needs them all."""
    return tuple(layer.name for layer in card.layers if layer.stream != "appearance")


def plan(
    card: NetworkCard,
    layers: Sequence[str],
    top: Mapping[str, Tensor],
    labels: Mapping[int, int],
    clips: int = PROBED_CLIPS,
) -> Plan:
    """`top`: of each layer, the numbers (U, K) of its units' strongest clips, -1 for none; `labels`: of all clips;
    `clips`: how many of each unit's strongest are changed at least.
    """
    moving = tuple(name for name in layers if card.layer(name).stream != "appearance")
    if not moving:
        raise InvalidRequest(f"No motion reaches {', '.join(layers)}: there is nothing to probe. Choose other layers.")
    chosen = shared_clips([top[name] for name in moving], clips)
    served = {name: {number: (top[name] == number).any(1).nonzero()[:, 0] for number in chosen} for name in moving}
    units = {name: {number: some for number, some in found.items() if len(some)} for name, found in served.items()}
    order = _taking_turns(chosen, labels)
    lead = next((number for number in reversed(order) if labels[number] != labels[order[0]]), None)
    fused = (PICTURE, MOTION, SWAP) if len(card.streams) > 1 else ()
    return Plan(moving, units, order, lead, (*SPEEDS, *TURNS, *fused))


def _taking_turns(numbers: Sequence[int], labels: Mapping[int, int]) -> tuple[int, ...]:
    """The first of every class, then the second of every class, and so on."""
    seen: dict[int, int] = {}
    turns = []
    for number in numbers:
        turn = seen[labels[number]] = seen.get(labels[number], -1) + 1
        turns.append((turn, number))
    return tuple(number for _, number in sorted(turns))


def probe(
    network: Network,
    todo: Plan,
    clips: Iterable[tuple[int, Inputs]],
    labels: Mapping[int, int],
    stimuli: Mapping[Unit, Inputs],
    observe: Observe = lambda done, total: None,
) -> dict[Unit, Probed]:
    """The measures of the plan's units. `clips` gives its lead, where it has one, then its clips in their order;
    `stimuli` are what units were found to prefer, where that is known.
    """
    device = device_of(network.module)
    sums = {name: _Sums(network.card.layer(name).units, todo.ways) for name in todo.layers}
    silence: dict[str, Tensor] = {}
    latest: dict[int, Inputs] = {}  # one of each of the last two classes: either serves as the other class
    own: dict[Unit, float] = {}
    lead = todo.lead
    with recorder(network, todo.layers) as record_only:
        record = _Counted(record_only, todo.passes, observe)
        for number, given in clips:
            inputs = on_device(given, device)
            label = labels[number]
            if number != lead:
                if both(inputs) and not silence:
                    silence = peaks_of(record, [neither(inputs)], 1)
                other = next((latest[known] for known in reversed(latest) if known != label), None)
                changed = [(way, _changed(inputs, other, way)) for way in todo.ways if way != SWAP or other is not None]
                found = peaks_of(record, [x for _, x in changed], batch_size(network.card))
                for name in todo.layers:
                    units = todo.units[name].get(number)
                    if units is not None:
                        values = {way: found[name][place, units] for place, (way, _) in enumerate(changed)}
                        fused = silence and network.card.layer(name).stream == "fusion"
                        sums[name].add(units, values, silence[name][0, units] if fused else None)
            lead = None  # once it has been, it is a clip like any other
            latest.pop(label, None)
            latest = dict([*latest.items(), (label, inputs)][-2:])
        if silence:
            own = _of_stimuli(record, network.card, stimuli, silence, device)
    return {
        (name, unit): found.measured(unit, own.get((name, unit)))
        for name, found in sums.items()
        for unit in range(found.units)
        if found.count[unit] > 0 or (name, unit) in own
    }


class _Counted:
    """Records, and tells how far the plan is."""

    def __init__(self, record: Record, total: int, observe: Observe) -> None:
        self.record, self.total, self.observe = record, total, observe
        self.done = 0

    def __call__(self, inputs: Inputs) -> Readings:
        readings = self.record(inputs)
        self.done += len(next(iter(inputs.values())))
        self.observe(min(self.done, self.total), self.total)
        return readings


def _changed(inputs: Inputs, other: Inputs | None, way: Way) -> Inputs:
    kind, amount = way
    if kind == "speed":
        return inputs if amount == 1 else replayed(inputs, amount)
    if kind == "turn":
        return turned(inputs, amount)
    if way == SWAP and other is not None:
        return swapped(inputs, other)
    return motion_alone(inputs) if way == MOTION else without_motion(inputs)


def peaks_of(record: Record, clips: Sequence[Inputs], size: int) -> dict[str, Tensor]:
    """The peaks (B, U) of each layer that is recorded, `size` clips at once."""
    found: dict[str, list[Tensor]] = {}
    for start in range(0, len(clips), size):
        for name, reading in record(join(clips[start : start + size])).items():
            found.setdefault(name, []).append(reading.peak.float().cpu())
    return {name: torch.cat(peaks) for name, peaks in found.items()}


def _of_stimuli(
    record: Record,
    card: NetworkCard,
    stimuli: Mapping[Unit, Inputs],
    silence: Mapping[str, Tensor],
    device: torch.device,
) -> dict[Unit, float]:
    """Fusion synergy of each unit for its own stimulus."""
    found = {}
    for (layer, unit), given in stimuli.items():
        if layer not in silence or card.layer(layer).stream != "fusion":
            continue
        inputs = on_device(given, device)
        peaks = peaks_of(record, [inputs, without_motion(inputs), motion_alone(inputs)], batch_size(card))
        j, a, m = peaks[layer][:, unit]
        found[layer, unit] = float(synergy(a, m, j, silence[layer][0, unit]))
    return found


class _Sums:
    """Over the clips of each unit of a layer, by the way in which they were changed."""

    def __init__(self, units: int, ways: Sequence[Way]) -> None:
        self.units = units
        self.sums = {way: torch.zeros(units) for way in (*ways, BESIDE_SWAP)}
        self.synergy = torch.zeros(units)
        self.count = torch.zeros(units)
        self.fused = False

    def add(self, units: Tensor, peaks: Mapping[Way, Tensor], silence: Tensor | None) -> None:
        """Responses of these units to one more clip: positive parts are summed."""
        for way, values in peaks.items():
            self.sums[way][units] += values.relu()
        if SWAP in peaks:
            self.sums[BESIDE_SWAP][units] += peaks[OWN].relu()
        if silence is not None:
            self.fused = True
            self.synergy[units] += synergy(peaks[PICTURE], peaks[MOTION], peaks[OWN], silence)
        self.count[units] += 1

    def measured(self, unit: int, stimulus: float | None) -> Probed:
        def response(way: Way) -> float:
            return float(self.sums[way][unit])

        count = float(self.count[unit])
        fused = None
        if stimulus is not None or (self.fused and count):
            beside = response(BESIDE_SWAP)
            fused = Synergy(
                stimulus=stimulus,
                clips=float(self.synergy[unit]) / count if count else None,
                swap=response(SWAP) / beside if beside > 0 else None,
            )
        return Probed(
            fused,
            speed_tuning({factor: response(("speed", factor)) for factor in FACTORS}),
            direction_tuning({degrees: response(way) for degrees, way in DIRECTIONS.items()}),
        )
