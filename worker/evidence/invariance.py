"""Invariance to speed and direction, and abstraction, of every layer of a network and of its control.

Reading order: playback (changed inputs), motion_grid (passes), motion_tuning and unit_motion (units), cross_speed and
layer_sharing (layers), gratings, best_precision, depth (first against last layer). This file puts them together.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from app.contract.invariance import (
    DepthChange,
    InvarianceFacts,
    LayerAbstraction,
    LayerGain,
    LayerInvariance,
    MotionTuning,
    SharedUnderChange,
    SpeedPair,
)
from worker.evidence.abstraction import Abstraction, measure_abstraction
from worker.evidence.depth import Measure, Measured, depth_change
from worker.evidence.gratings import GratingTuning, grating_responses, grating_tuning, gratings
from worker.evidence.invariance_plan import Recorded, plan_invariance
from worker.evidence.layer_sharing import (
    DRAWS,
    SHUFFLES,
    ComparedClips,
    Comparison,
    Kind,
    LayerSharing,
    choose_compared,
    draw_weights,
    resampled_unit,
    share_of_layer,
)
from worker.evidence.motion_grid import GAINS, SPEEDS, TURNS, ChangedPeaks, PeaksReader, read_changed_peaks
from worker.evidence.motion_tuning import grid_responses, usable_gains
from worker.evidence.playback import MotionChange, Playback, has_motion_stream, shows_motion, speed_change
from worker.evidence.redrawn_slopes import join_networks, redrawn_slopes, slope_readers
from worker.evidence.resampling import FALSE_DISCOVERY_RATE, GroupedClips, Integers, find_p_limit, percentile_interval
from worker.evidence.speed_pair import measure_speed_pair
from worker.evidence.types import Floats, Observe, UnitKey
from worker.evidence.unit_motion import LayerCurves, layer_curves, layer_gain, unit_tunings
from worker.networks.families.mocap_classes import SPEED_PAIR
from worker.networks.network import Network

CLIPS_NAMED = 4  # that keep their class when the motion is changed, and as many that lose it
MEASURES: tuple[Measure, ...] = ("speed", "direction", "gain", "abstraction", "decoding")

ReadPlaybacks = Callable[[Sequence[int]], Iterable[tuple[int, Playback]]]


@dataclass(frozen=True)
class MeasuredNetwork:
    """What was measured of the network or of its control, by layer."""

    sharing: Mapping[str, tuple[LayerSharing, ...]]
    curves: Mapping[str, LayerCurves]
    gratings: Mapping[str, GratingTuning]
    p_limit: float  # of a unit's selectivity for the direction of gratings
    abstraction: Mapping[str, Abstraction]


def measure_invariance(
    trained: Recorded,
    control: Recorded | None,
    clips: GroupedClips,
    layers: Sequence[str],
    read_playbacks: ReadPlaybacks,
    names: Sequence[str],
    *,
    redrawn: Sequence[Network] = (),
    seed: int = 0,
    observe: Observe = lambda done, total: None,
    max_passes: float = math.inf,
) -> tuple[InvarianceFacts, dict[UnitKey, MotionTuning]]:
    """Measure the layers, which must be in the network's order, and their units.

    `clips` are the recorded ones, `names` those of all clips by number; `control` was recorded on the same. `redrawn`
    are networks with weights drawn anew, the control of the gain slope. Abstraction is measured in all hidden layers.
    Clips take at most `max_passes` forward passes, gratings some more.
    """
    card = trained.network.card
    plan = plan_invariance(trained, control, clips, layers, max_passes)
    networks = [trained] if control is None else [trained, control]
    readers = [PeaksReader(trained.network, plan.trained_clips, plan.trained)]
    if control is not None and plan.control is not None:
        readers.append(PeaksReader(control.network, plan.control_clips, plan.control))
    ends = (layers[0], layers[-1]) if len(layers) > 1 else None
    of_redrawn = slope_readers(redrawn, ends, plan.trained.grid) if ends else []
    clipping = _Clipping(plan.trained.grid)
    too_short = read_changed_peaks([*readers, *of_redrawn], clipping.watch(read_playbacks(plan.numbers)), observe)
    recorded = trained.checkpoint.recorded
    generator = np.random.default_rng(seed)
    comparisons = _comparisons(trained, readers[0].peaks, recorded, clips, generator)
    weights = np.zeros((DRAWS, int(recorded.max()) + 1))
    weights[:, recorded] = draw_weights(clips, DRAWS, generator)
    slope_gains = usable_gains(GAINS, clipping.shares) if has_motion_stream(card) else ()
    hidden = [layer.name for layer in card.layers if not layer.is_class]
    abstraction = measure_abstraction([each.checkpoint for each in networks], hidden, clips, generator)
    measured = [
        _measure_network(network, reader.peaks, strongest, comparisons, slope_gains, weights, detected, generator)
        for network, reader, strongest, detected in zip(
            networks, readers, (plan.trained_clips, plan.control_clips), abstraction, strict=False
        )
    ]
    slopes = redrawn_slopes(of_redrawn, ends, slope_gains, weights) if ends else []
    groups = np.zeros(int(recorded.max()) + 1, np.int64)
    groups[recorded] = clips.groups
    facts = InvarianceFacts(
        seed=seed,
        clips=max((len(each.compared.numbers) for each in comparisons), default=0),
        classes=len(np.unique(clips.labels)),
        groups=len(np.unique(clips.groups)),
        compared_groups=_count_drawn(comparisons[0].compared.clips) if comparisons else None,
        resampled=resampled_unit(clips),
        sees_motion=shows_motion(card),
        has_gain=has_motion_stream(card),
        clipped=tuple(zip(GAINS, clipping.shares, strict=True)) if has_motion_stream(card) else (),
        slope_gains=slope_gains,
        too_short=tuple(sorted((rate, len(numbers)) for rate, numbers in too_short.items())),
        grid_clips=len(plan.trained.grid),
        redrawn=len(slopes),
        shuffles=SHUFFLES,
        draws=DRAWS,
        layers=tuple(_layer_facts(card.layer(name).stream, name, card.layer(name).units, measured) for name in hidden),
        depth=_depth_changes(
            list(layers) or hidden, measured, join_networks(slopes, np.random.default_rng(seed)), clips, names
        ),
        pairs=_speed_pairs(networks, clips, layers, generator),
    )
    return facts, {
        (name, unit): tuning
        for name, curves in measured[0].curves.items()
        for unit, tuning in unit_tunings(curves, slope_gains, groups, measured[0].gratings.get(name), generator).items()
    }


def _count_drawn(clips: GroupedClips) -> int:
    """Return how many classes are drawn for intervals, or groups where there are too few classes."""
    return len(np.unique(clips.labels if resampled_unit(clips) == "classes" else clips.groups))


class _Clipping:
    """Adds up how much of the flow each gain would take beyond what the data can hold, over the clips on the grid."""

    def __init__(self, grid: Mapping[int, object]) -> None:
        self.grid = grid
        self.sums, self.count = np.zeros(len(GAINS)), 0

    def watch(self, clips: Iterable[tuple[int, Playback]]) -> Iterator[tuple[int, Playback]]:
        for number, playback in clips:
            if number in self.grid and has_motion_stream(playback.card):
                self.sums += [playback.clipped_share(gain) for gain in GAINS]
                self.count += 1
            yield number, playback

    @property
    def shares(self) -> tuple[float, ...]:
        return tuple((self.sums / max(1, self.count)).tolist())


def _comparisons(
    trained: Recorded, peaks: ChangedPeaks, recorded: Integers, clips: GroupedClips, generator: np.random.Generator
) -> tuple[Comparison, ...]:
    """Return the comparisons of clips with their changed versions that the clips allow."""
    card = trained.network.card
    wanted: list[tuple[Kind, float, MotionChange]] = [
        *(("speed", speed, speed_change(card, speed)) for speed in SPEEDS),
        *(("direction", degrees, MotionChange(degrees=degrees)) for degrees in TURNS),
    ]  # fmt: skip
    chosen: dict[tuple[int, ...], ComparedClips | None] = {}
    comparisons = []
    for kind, amount, change in wanted:
        numbers = tuple(sorted(peaks.layers.get(change, ())))
        if numbers not in chosen:
            chosen[numbers] = choose_compared(numbers, recorded, clips, generator)
        compared = chosen[numbers]
        if compared is not None:
            comparisons.append(Comparison(kind, amount, change, compared))
    return tuple(comparisons)


def _measure_network(
    network: Recorded,
    peaks: ChangedPeaks,
    strongest: Mapping[str, Integers],
    comparisons: Sequence[Comparison],
    slope_gains: Sequence[float],
    weights: Floats,
    abstraction: Mapping[str, Abstraction],
    generator: np.random.Generator,
) -> MeasuredNetwork:
    """Measure the layers of one network from its peaks on changed clips."""
    card, recorded = network.network.card, network.checkpoint.recorded
    sharing: dict[str, tuple[LayerSharing, ...]] = {}
    curves: dict[str, LayerCurves] = {}
    for name in strongest:
        rows = {number: row for row, number in enumerate(recorded.tolist())}
        needed = sorted({number for comparison in comparisons for number in comparison.compared.numbers})
        values = np.asarray(network.checkpoint.peaks(name)[[rows[number] for number in needed]]) if needed else ()
        unchanged = dict(zip(needed, values, strict=True))
        sharing[name] = tuple(share_of_layer(name, each, peaks, unchanged) for each in comparisons)
        if peaks.grid_changes:
            responses = grid_responses(peaks, name, strongest[name], signed=card.layer(name).signed)
            curves[name] = layer_curves(responses, slope_gains, weights)
    shown = gratings(card)
    tunings: dict[str, GratingTuning] = {}
    if shown and strongest:
        added = grating_responses(network.network, list(strongest), shown)
        tuning = grating_tuning(np.concatenate(list(added.values())), shown, generator)  # one shuffle for all layers
        ends = np.cumsum([len(values) for values in added.values()]).tolist()
        tunings = {
            name: tuning.chunk(slice(end - len(values), end))
            for (name, values), end in zip(added.items(), ends, strict=True)
        }
    p_values = [tuning.p_value[~np.isnan(tuning.selectivity)] for tuning in tunings.values()]
    p_limit = find_p_limit(np.concatenate(p_values), FALSE_DISCOVERY_RATE) if p_values else 0.0
    return MeasuredNetwork(sharing, curves, tunings, p_limit, abstraction)


def _speed_pairs(
    networks: Sequence[Recorded], clips: GroupedClips, layers: Sequence[str], generator: np.random.Generator
) -> tuple[SpeedPair, ...]:
    """Measure the classes that differ by speed alone, where the network has them."""
    card = networks[0].network.card
    slow, fast = (card.find_class(name) if card.classes else None for name in SPEED_PAIR)
    if slow is None or fast is None:
        return ()
    checkpoints = [network.checkpoint for network in networks]
    return measure_speed_pair(checkpoints, SPEED_PAIR, (slow, fast), clips, layers, generator)


def _layer_facts(stream: str, name: str, units: int, measured: Sequence[MeasuredNetwork]) -> LayerInvariance:
    """Return the facts of a layer; the second measured network, if there is one, is the control."""

    def sharing(network: MeasuredNetwork) -> tuple[SharedUnderChange, ...]:
        return tuple(each.facts() for each in network.sharing.get(name, ()))

    def gain(network: MeasuredNetwork) -> LayerGain | None:
        curves = network.curves.get(name)
        tuning = network.gratings.get(name)
        return None if curves is None else layer_gain(curves, len(curves.gains) > 1, tuning, network.p_limit)

    def abstraction(network: MeasuredNetwork) -> LayerAbstraction | None:
        return network.abstraction[name].facts if name in network.abstraction else None

    trained, control = measured[0], measured[1] if len(measured) > 1 else None
    return LayerInvariance(
        layer=name,
        stream=stream,
        units=units,
        changes=sharing(trained),
        control_changes=() if control is None else sharing(control),
        gain=gain(trained),
        control_gain=None if control is None else gain(control),
        abstraction=abstraction(trained),
        control_abstraction=None if control is None else abstraction(control),
    )


def _depth_changes(
    layers: Sequence[str],
    measured: Sequence[MeasuredNetwork],
    redrawn: tuple[Measured, Measured] | None,
    clips: GroupedClips,
    names: Sequence[str],
) -> tuple[DepthChange, ...]:
    """Return the differences between the last and the first of the layers, of each measure that both have.

    `redrawn` are the slopes of networks with weights drawn anew.
    """
    if len(layers) < 2:
        return ()
    first, last = layers[0], layers[-1]

    def widest_change(network: MeasuredNetwork, layer: str, measure: Measure) -> LayerSharing | None:
        kind = "direction" if measure == "direction" else "speed"
        found = [each for each in network.sharing.get(layer, ()) if each.comparison.kind == kind]
        return found[-1] if found else None  # the largest factor, the largest angle

    def of(network: MeasuredNetwork, layer: str, measure: Measure) -> Measured | None:
        if measure == "gain":
            curves = network.curves.get(layer)
            slope = None if curves is None else curves.median_slope
            return None if curves is None or slope is None else (slope.value, curves.resampled)
        if measure == "abstraction":
            detected = network.abstraction.get(layer)
            return None if detected is None else (detected.share, detected.resampled)
        widest = widest_change(network, layer, measure)
        if widest is None:
            return None
        if measure == "decoding":
            scores = widest.sharing.decoded_within
            return scores.mean(), scores.resampled(widest.comparison.compared.weights)
        return widest.beyond_still, widest.resampled_beyond_still()

    def ends(network: MeasuredNetwork, measure: Measure) -> tuple[Measured, Measured] | None:
        values = [of(network, layer, measure) for layer in (first, last)]
        return None if values[0] is None or values[1] is None else (values[0], values[1])

    changes = []
    for measure in MEASURES:
        trained = ends(measured[0], measure)
        if trained is None:
            continue
        control = ends(measured[1], measure) if len(measured) > 1 else None
        if measure == "gain" and redrawn is not None:
            control = redrawn
        compared = [widest_change(measured[0], layer, measure) for layer in (first, last)]
        is_shared = measure in ("speed", "direction", "decoding")
        count = len(compared[1].comparison.compared.numbers) if is_shared and compared[1] else len(clips.labels)
        change = depth_change(measure, (first, last), trained, control, count, "clips", falls=measure == "gain")
        if change is not None and is_shared and compared[0] and compared[1] and measure != "decoding":
            change = change.model_copy(update=_chance_and_clips(compared[0], compared[1], names))
        changes += [] if change is None else [change]
    return tuple(changes)


def _chance_and_clips(first: LayerSharing, last: LayerSharing, names: Sequence[str]) -> dict[str, object]:
    """Return the change under shuffled labels, and clips of which the last layer keeps the class, or loses it."""
    by_chance = last.sharing.chance - first.sharing.chance
    numbers, labels = last.comparison.compared.numbers, last.comparison.compared.clips.labels
    is_kept = last.sharing.same_class.values > 0

    def of_different_classes(wanted: bool) -> tuple[str, ...]:
        chosen: dict[int, str] = {}
        for row in np.flatnonzero(is_kept == wanted).tolist():
            chosen.setdefault(int(labels[row]), names[numbers[row]])
        return tuple(chosen.values())[:CLIPS_NAMED]

    return {
        "chance": percentile_interval(by_chance.mean(), by_chance),
        "kept": of_different_classes(True),
        "lost": of_different_classes(False),
    }
