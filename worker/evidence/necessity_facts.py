"""What silencing units shows of a network and of each unit, from the changes in every group of clips."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from app.contract.interval import Interval
from app.contract.necessity import (
    MIN_CHANGED_GROUPS,
    SEVERAL_CLASSES,
    ClassNeed,
    LayerNecessity,
    Necessity,
    NeededUnit,
    NeedTest,
    UnitNecessity,
)
from worker.evidence.detector_need import (
    DRAWS,
    DetectorContrast,
    contrast_detectors,
    join_layers,
    rank_correlations,
)
from worker.evidence.necessity import Needs, UnitChanges, find_needs
from worker.evidence.paired_changes import sum_by_class
from worker.evidence.resampling import COVERED, make_interval, percentile_interval
from worker.evidence.silenced_network import SilencedNetwork
from worker.evidence.types import Floats, UnitKey

STRONGEST_UNITS = 6  # named for a network
RESAMPLES = 199
MIN_CORRELATED_UNITS = 8  # of a layer, for a rank correlation over them

Counts = npt.NDArray[np.int64]
Resamples = Sequence[Counts]


class NetworkNeeds(NamedTuple):
    """The needs of the units of all measured layers of one network, one layer after the other."""

    network: SilencedNetwork
    changes: UnitChanges
    needs: Needs
    parts: dict[str, slice]  # of each layer

    @property
    def units(self) -> int:
        """The number of units that were silenced."""
        return len(self.changes.margin)

    def size_of(self, layer: str) -> int:
        """Return how many units of a layer were silenced."""
        part = self.parts.get(layer, slice(0, 0))
        return int(part.stop - part.start)

    @property
    def keys(self) -> list[UnitKey]:
        """The layer and number of every unit, in order."""
        return [(layer.name, int(unit)) for layer in self.network.layers for unit in layer.units]


def find_network_needs(network: SilencedNetwork, resamples: Resamples, generator: np.random.Generator) -> NetworkNeeds:
    """Test the single units of a network whose clips have all been added."""
    margins, corrects = zip(*(network.of_units(layer) for layer in network.layers), strict=True)
    changes = UnitChanges(np.concatenate(margins), np.concatenate(corrects), network.groups)
    parts, first = {}, 0
    for layer in network.layers:
        parts[layer.name] = slice(first, first + len(layer.units))
        first += len(layer.units)
    return NetworkNeeds(network, changes, find_needs(changes, resamples[: changes.draws], generator), parts)


def summarize(
    trained: SilencedNetwork, control: SilencedNetwork | None, not_measured: Sequence[str], seed: int = 0
) -> tuple[Necessity, dict[UnitKey, UnitNecessity]]:
    """Return what silencing shows of the network, and of each silenced unit."""
    generator = np.random.default_rng(seed)
    groups = trained.groups
    resamples = [groups.resample(generator) for _ in range(RESAMPLES)]
    found = find_network_needs(trained, resamples, generator)
    other = None if control is None else find_network_needs(control, resamples, generator)
    contrasts = contrast_layers(trained, resamples)
    control_contrasts = {} if control is None else contrast_layers(control, resamples)
    correlations = correlate_layers(found, resamples, generator)
    control_correlations = {} if other is None else correlate_layers(other, resamples, generator)
    both = [name for name in contrasts if name in control_contrasts]
    predicted = trained.first.predicted
    facts = Necessity(
        clips=int(groups.sizes.sum()),
        groups=len(groups.labels),
        classes=len(groups.classes),
        tested_classes=int((groups.groups_per_class >= MIN_CHANGED_GROUPS).sum()),
        margin_deviation=trained.first.margin_deviation,
        layers=tuple(
            LayerNecessity(
                layer=layer.name,
                units=layer.sets.shape[1],
                live=layer.live,
                measured=len(layer.units),
                counts=found.needs.count(found.parts[layer.name]),
                control=other.needs.count(other.parts[layer.name]) if other and layer.name in other.parts else None,
                control_measured=other.size_of(layer.name) if other else 0,
                detectors=contrasts[layer.name].summarize(generator, control_contrasts.get(layer.name))
                if layer.name in contrasts
                else None,
                selectivity_correlation=correlations[layer.name].interval if layer.name in correlations else None,
            )
            for layer in trained.layers
        ),
        not_measured=tuple(not_measured),
        never_predicted=tuple(int(label) for label in groups.classes if not predicted[label]),
        one_class=_need_test(found, other, "one"),
        several_classes=_need_test(found, other, "several"),
        recall=_need_test(found, other, "losing_recall"),
        detectors=join_layers(list(contrasts.values())).summarize(
            generator, join_layers([control_contrasts[name] for name in both]) if both else None
        )
        if contrasts
        else None,
        selectivity_correlation=_mean_correlation(correlations),
        correlation_p_value=_correlation_p_value(correlations),
        correlation_control=_mean_correlation(control_correlations),
        strongest_one=_strongest(found, lambda needing: needing == 1),
        strongest_several=_strongest(found, lambda needing: needing >= SEVERAL_CLASSES),
        control_measured=None if other is None else other.units,
        passes=trained.passes,
        seed=seed,
    )
    return facts, describe_units(found, resamples)


def contrast_layers(network: SilencedNetwork, resamples: Resamples) -> dict[str, DetectorContrast]:
    """Return by layer what the best detectors of classes matter more than other units, where sets were silenced."""
    contrasts = {}
    for layer in network.layers:
        sets = network.sets[layer.name]
        if sets.size:
            margin, correct = network.of_sets(layer)
            contrasts[layer.name] = contrast_detectors(
                margin, correct, sets.classes, network.groups, resamples, sets.size
            )
    return contrasts


class Correlation(NamedTuple):
    """A rank correlation over the units of a layer, on resampled groups, and with the units permuted."""

    value: float
    resampled: Floats
    permuted: Floats

    @property
    def interval(self) -> Interval:
        return percentile_interval(self.value, self.resampled)


def correlate_layers(
    found: NetworkNeeds, resamples: Resamples, generator: np.random.Generator
) -> dict[str, Correlation]:
    """Correlate by layer the selectivity of units with the fall of the mean margin over all clips without them."""
    correlations, sizes = {}, found.network.groups.sizes
    for layer in found.network.layers:
        if len(layer.units) < MIN_CORRELATED_UNITS:
            continue
        selectivity = found.network.selectivity[layer.name][layer.units]
        margin = found.changes.margin[found.parts[layer.name]]
        resampled = np.stack([-(margin @ counts) / (sizes @ counts) for counts in resamples])
        fall = -margin.sum(1) / sizes.sum()
        permuted = np.stack([generator.permutation(selectivity) for _ in range(DRAWS)])
        correlations[layer.name] = Correlation(
            float(rank_correlations(selectivity, fall[None])[0]),
            rank_correlations(selectivity, resampled),
            rank_correlations(fall, permuted),
        )
    return correlations


def _mean_correlation(correlations: Mapping[str, Correlation]) -> Interval | None:
    if not correlations:
        return None
    values = list(correlations.values())
    return percentile_interval(
        float(np.mean([each.value for each in values])), np.mean([each.resampled for each in values], 0)
    )


def _correlation_p_value(correlations: Mapping[str, Correlation]) -> float | None:
    """Return the two-sided p-value of the mean over layers, where the units of each layer are permuted."""
    if not correlations:
        return None
    value = np.mean([each.value for each in correlations.values()])
    permuted = np.mean([each.permuted for each in correlations.values()], 0)
    return float((1 + (np.abs(permuted) >= abs(value)).sum()) / (1 + len(permuted)))


def _need_test(found: NetworkNeeds, other: NetworkNeeds | None, name: str) -> NeedTest:
    """Return the number of units that `name`, a field of Numbers, counts, beside chance and the control."""
    value, resampled = _shares(found, name)
    chance = np.array([getattr(each, name) for each in found.needs.by_chance])
    units, total = getattr(found.needs.numbers, name), max(1, found.units)
    test = NeedTest(
        units=units,
        measured=found.units,
        share=_moved(value, resampled),
        null=percentile_interval(float(chance.mean()) / total, chance / total),
        p_value=float((1 + (chance >= units).sum()) / (1 + len(chance))),
    )
    if other is None:
        return test
    control, control_resampled = _shares(other, name)
    draws = min(len(resampled), len(control_resampled))
    difference = resampled[:draws] - control_resampled[:draws]
    return test.model_copy(
        update={
            "control": _moved(control, control_resampled),
            "difference": _moved(value - control, difference),
        }
    )


def _shares(found: NetworkNeeds, name: str) -> tuple[float, Floats]:
    """Return a number of units as a share of those silenced, and on resampled groups (draws,)."""
    units = max(1, found.units)
    resampled = np.array([getattr(each, name) for each in found.needs.resampled])
    return getattr(found.needs.numbers, name) / units, resampled / units


def _moved(value: float, resampled: Floats) -> Interval:
    """Return the interval of resamples moved by their bias: a resample has fewer different clips."""
    moved = make_interval(np.asarray(value), resampled)
    return Interval(value=value, low=max(-1.0, moved.low), high=min(1.0, moved.high))


def _strongest(found: NetworkNeeds, chosen: Callable[[Counts], npt.NDArray[np.bool_]]) -> tuple[NeededUnit, ...]:
    """Return the units whose number of classes is chosen that lower the margin of one of these most."""
    needs, classes = found.needs, found.network.groups.classes
    falls = np.where(needs.needed, needs.margin.change, 0.0)
    units, keys = np.flatnonzero(chosen(needs.needed.sum(1))), found.keys
    named = []
    for unit in units[np.argsort(falls[units].min(1, initial=0.0), kind="stable")][:STRONGEST_UNITS]:
        order = [row for row in np.argsort(falls[unit], kind="stable") if needs.needed[unit, row]]
        layer, number = keys[unit]
        named.append(
            NeededUnit(
                layer=layer,
                unit=number,
                classes=tuple(int(classes[row]) for row in order),
                margin_change=float(needs.margin.change[unit, order[0]]),
                recall_change=float(needs.recall.change[unit, order[0]]),
            )
        )
    return tuple(named)


def describe_units(found: NetworkNeeds, resamples: Resamples) -> dict[UnitKey, UnitNecessity]:
    """Return what silencing each unit changes: the accuracy, and the classes that it costs something."""
    groups, changes, needs = found.network.groups, found.changes, found.needs
    sizes, counts = groups.sizes, np.stack(list(resamples))
    accuracy = changes.correct.sum(1) / sizes.sum()
    resampled = changes.correct @ counts.T / (counts @ sizes)
    low, high = np.percentile(resampled, COVERED, 1)
    before = sum_by_class(found.network.first.correct_before[None], groups.labels)[0]
    clips = sum_by_class(sizes[None], groups.labels)[0]
    units = {}
    for number, key in enumerate(found.keys):
        listed = np.flatnonzero(needs.needed[number] | needs.losing[number])
        listed = listed[np.argsort(needs.margin.change[number, listed], kind="stable")]
        units[key] = UnitNecessity(
            accuracy_change=Interval(value=accuracy[number], low=low[number], high=high[number]),
            needed_by=int(needs.needed[number].sum()),
            classes=tuple(
                ClassNeed(
                    class_index=int(groups.classes[row]),
                    clips=int(clips[row]),
                    recall=float(before[row] / clips[row]),
                    recall_change=_class_interval(changes.correct[number], found, int(row), counts),
                    margin_change=_class_interval(changes.margin[number], found, int(row), counts),
                    needed=bool(needs.needed[number, row]),
                    loses_recall=bool(needs.losing[number, row]),
                )
                for row in listed
            ),
        )
    return units


def _class_interval(changes: Floats, found: NetworkNeeds, row: int, counts: Counts) -> Interval:
    """Return the mean change over the clips of a class, from the changes (K,) and the resamples (draws, K)."""
    groups = found.network.groups
    of_class = groups.labels == groups.classes[row]
    sums, sizes, drawn = changes[of_class], groups.sizes[of_class], counts[:, of_class]
    return percentile_interval(float(sums.sum() / sizes.sum()), drawn @ sums / (drawn @ sizes))
