"""Measure units on changed clips: their motion at other speeds and in other directions, removed, or swapped."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from app.contract.evidence import DirectionTuning, SpeedTuning, Synergy
from app.contract.network import NetworkCard
from worker.devices import device_of
from worker.evidence.activation_reader import ActivationReader, Readings, read_activations
from worker.evidence.probe_plan import (
    APPEARANCE_ONLY,
    DIRECTION_CHANGES,
    MOTION_ONLY,
    ORIGINAL,
    SPEED_CHANGES,
    SWAPPED,
    Change,
    ProbePlan,
)
from worker.evidence.synergy import (
    appearance_only,
    blank,
    has_motion_and_appearance,
    motion_only,
    synergy,
    with_motion_of,
)
from worker.evidence.tuning import direction_tuning, replay_at_speed, speed_tuning, turn_motion
from worker.evidence.types import Observe, UnitKey
from worker.graph.inputs import Inputs, on_device
from worker.networks.network import Network
from worker.networks.preprocessing import clips_per_batch, join_clips

# the same as ORIGINAL, summed only over clips that were swapped
SWAP_BASELINE = Change("swap baseline")


@dataclass(frozen=True)
class ProbeResult:
    """The measures of one unit on changed clips; None for those that were not measured or have no response."""

    synergy: Synergy | None = None
    speed: SpeedTuning | None = None
    direction: DirectionTuning | None = None


def probe(
    network: Network,
    plan: ProbePlan,
    clips: Iterable[tuple[int, Inputs]],
    labels: Mapping[int, int],
    stimuli: Mapping[UnitKey, Inputs],
    observe: Observe = lambda done, total: None,
) -> dict[UnitKey, ProbeResult]:
    """Return the tuning and synergy of the plan's units.

    `clips` gives the clips by number in the plan's reading order; `labels` the class of each; `stimuli` the optimized
    stimulus of a unit, where there is one.
    """
    device = device_of(network.module)
    fused = {name for name in plan.layers if network.card.layer(name).stream == "fusion"}
    sums = {name: _ResponseSums(network.card.layer(name).units, plan.changes) for name in plan.layers}
    blank_peaks: dict[str, Tensor] = {}  # by layer, of an input without anything
    stimulus_synergies: dict[UnitKey, float] = {}
    with read_activations(network, plan.layers) as read_layers:
        read = _CountingReader(read_layers, plan.passes, observe)
        for number, inputs, partner in _with_partners(plan, clips, labels, device):
            if has_motion_and_appearance(inputs) and not blank_peaks:
                blank_peaks = read_peaks(read, [blank(inputs)], 1)
            changes = [change for change in plan.changes if change != SWAPPED or partner is not None]
            changed = [change_clip(inputs, partner, change) for change in changes]
            peaks = read_peaks(read, changed, clips_per_batch(network.card))
            for name in plan.layers:
                units = plan.units[name].get(number)
                if units is not None:
                    responses = {change: peaks[name][row, units] for row, change in enumerate(changes)}
                    blank_responses = blank_peaks[name][0, units] if blank_peaks and name in fused else None
                    sums[name].add(units, responses, blank_responses)
        if blank_peaks:
            stimulus_synergies = _measure_stimuli(read, network.card, stimuli, blank_peaks, device)
    return {
        (name, unit): layer_sums.result(unit, stimulus_synergies.get((name, unit)))
        for name, layer_sums in sums.items()
        for unit in range(layer_sums.units)
        if layer_sums.count[unit] > 0 or (name, unit) in stimulus_synergies
    }


def _with_partners(
    plan: ProbePlan, clips: Iterable[tuple[int, Inputs]], labels: Mapping[int, int], device: torch.device
) -> Iterator[tuple[int, Inputs, Inputs | None]]:
    """Yield each of the plan's clips with its partner: the latest clip of another class, or None without one."""
    latest: dict[int, Inputs] = {}  # by class, for the last two classes: one of them is another class than the next
    is_partner_only = plan.first_partner is not None
    for number, clip in clips:
        inputs, label = on_device(clip, device), labels[number]
        if not is_partner_only:
            yield number, inputs, next((latest[known] for known in reversed(latest) if known != label), None)
        is_partner_only = False
        latest.pop(label, None)
        latest = dict([*latest.items(), (label, inputs)][-2:])


def change_clip(inputs: Inputs, partner: Inputs | None, change: Change) -> Inputs:
    """Return the clip changed; `partner` is a clip of another class, which gives its motion to a swap."""
    if change.kind == "speed":
        return inputs if change.amount == 1 else replay_at_speed(inputs, change.amount)
    if change.kind == "turn":
        return turn_motion(inputs, change.amount)
    if change == SWAPPED and partner is not None:
        return with_motion_of(inputs, partner)
    return motion_only(inputs) if change == MOTION_ONLY else appearance_only(inputs)


class _CountingReader:
    """Reads activations and reports how many of the planned passes are done."""

    def __init__(self, read: ActivationReader, total: int, observe: Observe) -> None:
        self.read, self.total, self.observe = read, total, observe
        self.done = 0

    def __call__(self, inputs: Inputs) -> Readings:
        readings = self.read(inputs)
        self.done += len(next(iter(inputs.values())))
        self.observe(min(self.done, self.total), self.total)
        return readings


def read_peaks(read: ActivationReader, clips: Sequence[Inputs], batch: int) -> dict[str, Tensor]:
    """Return by layer the peaks (N, U) of N clips on the CPU, read `batch` clips at a time."""
    peaks: dict[str, list[Tensor]] = {}
    for start in range(0, len(clips), batch):
        for name, reading in read(join_clips(clips[start : start + batch])).items():
            peaks.setdefault(name, []).append(reading.peak.float().cpu())
    return {name: torch.cat(parts) for name, parts in peaks.items()}


def _measure_stimuli(
    read: ActivationReader,
    card: NetworkCard,
    stimuli: Mapping[UnitKey, Inputs],
    blank_peaks: Mapping[str, Tensor],
    device: torch.device,
) -> dict[UnitKey, float]:
    """Return the fusion synergy of each unit for its own stimulus."""
    synergies = {}
    for (layer, unit), stimulus in stimuli.items():
        if layer not in blank_peaks or card.layer(layer).stream != "fusion":
            continue
        inputs = on_device(stimulus, device)
        peaks = read_peaks(read, [inputs, appearance_only(inputs), motion_only(inputs)], clips_per_batch(card))
        joint, appearance, motion = peaks[layer][:, unit]
        synergies[layer, unit] = float(synergy(appearance, motion, joint, blank_peaks[layer][0, unit]))
    return synergies


class _ResponseSums:
    """The responses of the units of a layer, summed over their clips, by the way in which the clips were changed."""

    def __init__(self, units: int, changes: Sequence[Change]) -> None:
        self.units = units
        self.sums = {change: torch.zeros(units) for change in (*changes, SWAP_BASELINE)}
        self.synergy = torch.zeros(units)
        self.count = torch.zeros(units)
        self.has_synergy = False

    def add(self, units: Tensor, peaks: Mapping[Change, Tensor], blank_peaks: Tensor | None) -> None:
        """Add the positive parts of the responses (n,) of some units (n,) to one more clip.

        `blank_peaks` (n,) are their responses to a blank input, given where the clip's synergy is measured.
        """
        for change, responses in peaks.items():
            self.sums[change][units] += responses.relu()
        if SWAPPED in peaks:
            self.sums[SWAP_BASELINE][units] += peaks[ORIGINAL].relu()
        if blank_peaks is not None:
            self.has_synergy = True
            self.synergy[units] += synergy(peaks[APPEARANCE_ONLY], peaks[MOTION_ONLY], peaks[ORIGINAL], blank_peaks)
        self.count[units] += 1

    def result(self, unit: int, stimulus_synergy: float | None) -> ProbeResult:
        """Return the measures of one unit; `stimulus_synergy` is that of its own stimulus, where it has one."""

        def response(change: Change) -> float:
            return float(self.sums[change][unit])

        count = float(self.count[unit])
        fusion = None
        if stimulus_synergy is not None or (self.has_synergy and count):
            baseline = response(SWAP_BASELINE)
            fusion = Synergy(
                stimulus=stimulus_synergy,
                clips=float(self.synergy[unit]) / count if count else None,
                swap=response(SWAPPED) / baseline if baseline > 0 else None,
            )
        return ProbeResult(
            fusion,
            speed_tuning({factor: response(change) for factor, change in SPEED_CHANGES.items()}),
            direction_tuning({degrees: response(change) for degrees, change in DIRECTION_CHANGES.items()}),
        )
