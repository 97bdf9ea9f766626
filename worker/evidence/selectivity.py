"""How many units of a layer answer to few classes, beside what chance and a network without training give.

A unit is specific where it has fewer effective classes than a quarter of all, and significantly fewer than under
shuffled labels: a permutation test, with the share of false discoveries among all units of the network held to
FALSE_DISCOVERY_RATE (Benjamini and Hochberg 1995).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from app.contract.interval import Interval
from app.contract.survey import LayerSelectivity
from app.contract.unit import specific_below
from worker.evidence.checkpoint import SurveyCheckpoint
from worker.evidence.measures import effective_classes
from worker.evidence.resampling import (
    FALSE_DISCOVERY_RATE,
    GroupedClips,
    Integers,
    find_p_limit,
    make_interval,
    one_sided_p_value,
    percentile_interval,
)
from worker.evidence.types import Floats, Labels

MAX_DRAWS, MIN_DRAWS = 999, 99  # permutations of labels; half as many resamples of clips
MAX_PRODUCTS = 2e10  # clips x units x draws: about a minute of one core
MAX_VALUES = 500_000  # draws x classes x units at once: small layers take many draws in one product


@dataclass(frozen=True)
class ClassDraws:
    """How often each of N clips counts for each of C classes, in each of D draws of labels or of clips."""

    classes: int
    members: csr_array  # (D C, N)
    totals: Floats  # (D C,)

    @staticmethod
    def of(labels: Sequence[Labels], counts: Sequence[Floats] | None = None) -> "ClassDraws":
        """Return the draws with these labels (N,), which are the same classes in all; `counts` (N,) weigh the clips."""
        classes = np.unique(labels[0])
        index = np.searchsorted(classes, np.stack(labels))  # (D, N)
        rows = (index + len(classes) * np.arange(len(labels))[:, None]).ravel()
        weights = np.ones(index.size) if counts is None else np.concatenate(counts)
        shape = (len(labels) * len(classes), index.shape[1])
        members = csr_array((weights, (rows, np.tile(np.arange(shape[1]), len(labels)))), shape=shape)
        return ClassDraws(len(classes), members, np.asarray(np.bincount(rows, weights, shape[0]), np.float64))

    def shares(self, peaks: Floats) -> Iterator[tuple[slice, Floats]]:
        """Yield the effective classes of units as a share of the classes, some draws at a time: (N, u) to (d, u).

        Peaks are not negative. A silent unit has 0. Sparse products take less time than sorting the peaks by class.
        """
        units = peaks.shape[1]
        step = max(1, MAX_VALUES // (self.classes * units))
        for first in range(0, len(self.totals) // self.classes, step):
            rows = slice(first * self.classes, (first + step) * self.classes)
            means = (self.members[rows] @ peaks) / np.maximum(self.totals[rows], 1)[:, None]
            by_unit = means.reshape(-1, self.classes, units).transpose(0, 2, 1).reshape(-1, self.classes)
            shares = (effective_classes(by_unit) / self.classes).reshape(-1, units)
            yield slice(first, first + len(shares)), shares


@dataclass(frozen=True)
class LayerMeasures:
    """What is measured of the U units of one layer."""

    share: Floats  # (U,) effective classes as a share of all classes
    live: npt.NDArray[np.bool_]  # (U,) units that some clip made positive
    p_value: Floats  # (U,) of as few effective classes under shuffled labels
    shuffled: Integers  # (draws,) units below `specific_below` under shuffled labels
    resampled: Floats  # (draws,) units below `specific_below` on resampled clips, with units drawn anew
    limit: float  # share of the classes that is `specific_below`

    @property
    def below(self) -> npt.NDArray[np.bool_]:
        """Which units (U,) are live and have fewer effective classes than the limit."""
        return self.live & (self.share < self.limit)

    def beyond_chance(self, below: Floats) -> Floats:
        """Return numbers of units that are below as shares of the live ones, less the share that chance gives."""
        return np.asarray((below - self.shuffled.mean()) / max(1, self.live.sum()))


def measure_selectivity(
    trained: SurveyCheckpoint, control: SurveyCheckpoint | None, clips: GroupedClips, seed: int = 0
) -> tuple[LayerSelectivity, ...]:
    """Return what is measured of every layer but classes and dictionaries; nothing where clips allow no interval.

    `control` holds the same clips and layers, recorded from the network with shuffled weights.
    """
    names = [layer.name for layer in trained.layers if not layer.is_class and layer.dictionary is None]
    if not names or not clips.can_be_resampled:
        return ()
    units = sum(layer.units for layer in trained.layers) * (1 if control is None else 2)
    draws = int(np.clip(MAX_PRODUCTS / (len(clips.labels) * units), MIN_DRAWS, MAX_DRAWS))
    generator = np.random.default_rng(seed)
    shuffled = ClassDraws.of([clips.shuffle(generator) for _ in range(draws)])
    counts = [clips.resample(generator) for _ in range(draws // 2)]
    resampled = ClassDraws.of([clips.labels] * len(counts), counts)
    measured = [measure_layer(trained, name, clips.labels, shuffled, resampled, generator) for name in names]
    return tuple(
        _summarize(
            name,
            layer,
            significant,
            None if control is None else measure_layer(control, name, clips.labels, shuffled, resampled, generator),
        )
        for name, layer, significant in zip(names, measured, find_significant(measured), strict=True)
    )


def measure_layer(
    checkpoint: SurveyCheckpoint,
    layer: str,
    labels: Labels,
    shuffled: ClassDraws,
    resampled: ClassDraws,
    generator: np.random.Generator,
) -> LayerMeasures:
    """Measure the units of a layer under the labels, under each of the shuffled labels, and on resampled clips.

    On each resample the live units are drawn anew too: another training, or another shuffle of the weights, would have
    given other units. In a layer of few units three that are below may be luck, however sure it is that these are.
    """
    shares, lives, p_values = [], [], []
    classes = shuffled.classes
    below = np.zeros(len(shuffled.totals) // classes, np.int64)
    below_resampled = np.zeros(len(resampled.totals) // classes)
    limit = specific_below(classes)
    for _, chunk in checkpoint.unit_chunks(layer):
        peaks = np.maximum(chunk, 0).astype(np.float64)
        live = peaks.max(0) > 0
        share = class_share(peaks, labels)
        as_few = np.zeros(peaks.shape[1])
        for draws, by_chance in shuffled.shares(peaks):
            as_few += (by_chance <= share).sum(0)
            below[draws] += ((by_chance < limit) & live).sum(1)
        for draws, drawn in resampled.shares(peaks):
            below_resampled[draws] += ((drawn < limit) & live).sum(1)
        shares.append(share)
        lives.append(live)
        p_values.append(np.where(live, (1 + as_few) / (1 + len(below)), 1.0))
    live = np.concatenate(lives)
    drawn = generator.binomial(live.sum(), below_resampled / max(1, live.sum())).astype(np.float64)
    return LayerMeasures(np.concatenate(shares), live, np.concatenate(p_values), below, drawn, limit)


def class_share(peaks: Floats, labels: Labels, counts: Floats | None = None) -> Floats:
    """Return the effective classes of units as a share of the classes there are: peaks (N, u), not negative, to (u,).

    `counts` (N,) says how often each clip occurs. A silent unit has 0.
    """
    draws = ClassDraws.of([labels], None if counts is None else [counts])
    ((_, shares),) = draws.shares(peaks.astype(np.float64, copy=False))
    return np.asarray(shares[0])


def find_significant(layers: Sequence[LayerMeasures]) -> list[npt.NDArray[np.bool_]]:
    """Return by layer which units (U,) have fewer effective classes than chance gives, over all layers together."""
    p_values = np.concatenate([layer.p_value[layer.live] for layer in layers])
    limit = find_p_limit(p_values, FALSE_DISCOVERY_RATE)
    return [layer.live & (layer.p_value <= limit) for layer in layers]


def _summarize(
    name: str, trained: LayerMeasures, significant: npt.NDArray[np.bool_], control: LayerMeasures | None
) -> LayerSelectivity:
    beyond, resampled = trained.beyond_chance(trained.below.sum()), trained.beyond_chance(trained.resampled)
    found = LayerSelectivity(
        layer=name,
        live=int(trained.live.sum()),
        below=int(trained.below.sum()),
        specific=int((significant & trained.below).sum()),
        by_chance=float(trained.shuffled.mean()),
        beyond_chance=make_interval(beyond, resampled),
        chance=_share_by_chance(trained),
    )
    if control is None:
        return found
    beyond_control = control.beyond_chance(control.below.sum())
    resampled_control = control.beyond_chance(control.resampled)
    difference, resampled_difference = beyond - beyond_control, resampled - resampled_control
    return found.model_copy(
        update={
            "control_live": int(control.live.sum()),
            "control": make_interval(beyond_control, resampled_control),
            "difference": make_interval(difference, resampled_difference),
            "p_value": one_sided_p_value(difference, resampled_difference),
        }
    )


def _share_by_chance(layer: LayerMeasures) -> Interval:
    shares = layer.shuffled / max(1, layer.live.sum())
    return percentile_interval(shares.mean(), shares)
