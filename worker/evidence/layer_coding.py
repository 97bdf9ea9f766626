"""The shares of a layer's units by what they code, with intervals, beside chance and the control."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from app.contract.coding import ChanceShares, CodingShares, LayerCoding, UnitCodingEvidence, UnitCorrelation
from app.contract.interval import Interval
from app.contract.network import Layer
from worker.evidence.coding import (
    KINDS,
    MIN_DIFFERENCE,
    Booleans,
    Draws,
    FactorEffect,
    Integers,
    Responses,
    UnitEffects,
    kinds_of,
    measure_units,
    p_limit,
)
from worker.evidence.resampling import compare_with_draws, make_interval, percentile_interval, spread_of_draws
from worker.evidence.types import Floats, UnitKey

SEED = 0  # of the units that are drawn anew
ReadResponses = Callable[[Layer], Iterator[tuple[slice, Responses]]]  # in chunks of units


@dataclass
class Sums:
    """Counts of the live units of one or more layers, by kind: observed, resampled, and with pairs exchanged."""

    units: int = 0
    live: int = 0
    observed: Floats = field(default_factory=lambda: np.zeros(4))
    resampled: Floats = field(default_factory=lambda: np.zeros((1, 4)))  # (RESAMPLES, 4)
    exchanged: Floats = field(default_factory=lambda: np.zeros((1, 4)))  # (draws, 4)
    published: Floats = field(default_factory=lambda: np.zeros(4))
    correlations: Floats = field(default_factory=lambda: np.zeros(2))

    def add(self, other: "Sums") -> None:
        """Add the counts of another layer."""
        self.units, self.live = self.units + other.units, self.live + other.live
        self.observed = self.observed + other.observed
        self.resampled, self.exchanged = self.resampled + other.resampled, self.exchanged + other.exchanged
        self.published, self.correlations = self.published + other.published, self.correlations + other.correlations

    def shares(self, counts: Floats) -> Floats:
        """Return counts (..., 4) as shares of the live units."""
        return np.asarray(counts / max(1, self.live))

    def draw_units(self, generator: np.random.Generator) -> "Sums":
        """Return the same with as many live units drawn anew for each resample of clips."""
        if not self.live:
            return self
        drawn = generator.multinomial(self.live, self.resampled / self.resampled.sum(1, keepdims=True))
        return replace(self, resampled=drawn.astype(float))

    @property
    def lean(self) -> tuple[Floats, Floats]:
        """The static share less the dynamic one, and the same on resampled clips."""
        observed, resampled = self.shares(self.observed), self.shares(self.resampled)
        return np.asarray(observed[0] - observed[1]), resampled[:, 0] - resampled[:, 1]


@dataclass(frozen=True)
class MeasuredCoding:
    """What the units of some layers of one network code."""

    sums: dict[str, Sums]  # by layer
    units: dict[UnitKey, UnitCodingEvidence]


def measure_coding(
    layers: Sequence[Layer], read: ReadResponses, draws: Draws, observe: Callable[[], None] = lambda: None
) -> MeasuredCoding:
    """Return what every unit of the layers codes, and the counts by layer.

    Responses are read twice: which p-values are discoveries is known only after all units. `observe` is called after
    each layer of each time.
    """
    p_values: list[Floats] = []
    for layer in layers:
        for _, responses in read(layer):
            effects = measure_units(responses, draws)
            p_values += [effect.p_value[effects.live] for effect in (effects.static, effects.dynamic)]
        observe()
    limit = p_limit(np.concatenate(p_values)) if p_values else 0.0
    sums: dict[str, Sums] = {}
    units: dict[UnitKey, UnitCodingEvidence] = {}
    for layer in layers:
        counted = Sums()
        for chunk, responses in read(layer):
            effects = measure_units(responses, draws)
            counted.add(_count(effects, limit))
            pairs = len(responses.clips)
            units |= {(layer.name, chunk.start + column): each for column, each in _evidence(effects, limit, pairs)}
        sums[layer.name] = counted
        observe()
    return MeasuredCoding(sums, units)


def _found(effect: FactorEffect, limit: float) -> Booleans:
    return np.asarray(effect.difference >= MIN_DIFFERENCE) & (effect.p_value <= limit)


def _count(effects: UnitEffects, limit: float) -> Sums:
    live = effects.live
    factors = (effects.static, effects.dynamic)
    significant = [effect.p_value <= limit for effect in factors]
    observed = kinds_of(*(_found(effect, limit) for effect in factors))
    resampled = kinds_of(
        *((effect.resampled >= MIN_DIFFERENCE) & sure for effect, sure in zip(factors, significant, strict=True))
    )
    # By chance a unit passes as often as its own exchanges pass the size and the p-value that count as a discovery.
    exchanged = kinds_of(*(np.asarray(effect.exchanged >= _critical(effect, limit)) for effect in factors))
    return Sums(
        units=len(live),
        live=int(live.sum()),
        observed=_by_kind(observed[live]),
        resampled=np.stack([_by_kind(row[live]) for row in resampled]),
        exchanged=np.stack([_by_kind(row[live]) for row in exchanged]),
        published=_by_kind(effects.published[live]),
        correlations=np.array([effect.shared[live].sum() for effect in factors]),
    )


def _critical(effect: FactorEffect, limit: float) -> Floats:
    """Return the difference (u,) from which on an exchange would count as a discovery."""
    draws = len(effect.exchanged)
    allowed = int(limit / effect.partners * (draws + 1))  # exchanges, itself included, that may be as large
    if allowed == 0:
        return np.full(effect.exchanged.shape[1], np.inf)
    ordered = np.sort(effect.exchanged, 0)[::-1]
    return np.asarray(np.maximum(ordered[min(allowed, draws) - 1], MIN_DIFFERENCE))


def _by_kind(kinds: Integers) -> Floats:
    return np.bincount(kinds, minlength=len(KINDS))[: len(KINDS)].astype(float)


def _evidence(effects: UnitEffects, limit: float, pairs: int) -> Iterator[tuple[int, UnitCodingEvidence]]:
    kinds = kinds_of(_found(effects.static, limit), _found(effects.dynamic, limit))
    for column in np.flatnonzero(effects.live).tolist():
        static, dynamic = (_correlation(effect, column) for effect in (effects.static, effects.dynamic))
        yield column, UnitCodingEvidence(kind=KINDS[kinds[column]], static=static, dynamic=dynamic, pairs=pairs)


def _correlation(effect: FactorEffect, column: int) -> UnitCorrelation:
    return UnitCorrelation(
        shared=float(effect.shared[column]),
        not_shared=float(effect.not_shared[column]),
        difference=_percentiles(float(effect.difference[column]), effect.resampled[:, column]),
        p_value=float(effect.p_value[column]),
    )


def summarize(name: str, trained: Sums, controls: Sequence[Sums], *, by_architecture: bool) -> LayerCoding:
    """Return the shares of a layer, or of several together, with what chance and the controls give.

    Each of the controls has other weights. They may be none, and are two at least otherwise. Differences have the
    spread of clips, of units, which are drawn anew, and of the controls.
    """
    lean, resampled_lean = trained.lean
    static, dynamic, joint, _ = trained.shares(trained.exchanged.mean(0)).tolist()
    published = trained.shares(trained.published).tolist()
    found = LayerCoding(
        layer=name,
        units=trained.units,
        live=trained.live,
        by_architecture=by_architecture,
        shares=_shares(trained),
        chance=ChanceShares(static=static, dynamic=dynamic, joint=joint),
        lean=make_interval(lean, resampled_lean),
        static_correlation=float(trained.correlations[0] / max(1, trained.live)),
        dynamic_correlation=float(trained.correlations[1] / max(1, trained.live)),
        published=(published[0], published[1], published[2], published[3]),
    )
    if not controls:
        return found
    observed = np.stack([control.shares(control.observed) for control in controls])  # (k, 4)
    resampled = np.stack([control.shares(control.resampled) for control in controls]).mean(0)  # (RESAMPLES, 4)
    drawn = trained.draw_units(np.random.default_rng(SEED))
    joint_difference, joint_p_value = compare_with_draws(
        trained.shares(trained.observed)[2],
        trained.shares(drawn.resampled)[:, 2] - resampled[:, 2],
        observed[:, 2],
    )
    control_leans = observed[:, 0] - observed[:, 1]
    lean_difference, one_sided = compare_with_draws(
        lean, drawn.lean[1] - (resampled[:, 0] - resampled[:, 1]), control_leans
    )
    return found.model_copy(
        update={
            "control": CodingShares(**{kind: spread_of_draws(observed[:, row], 0) for row, kind in enumerate(KINDS)}),
            "control_live": round(sum(control.live for control in controls) / len(controls)),
            "joint_difference": joint_difference,
            "joint_p_value": joint_p_value,
            "control_lean": spread_of_draws(control_leans, -1),
            "lean_difference": lean_difference,
            "lean_p_value": min(1.0, 2 * min(one_sided, 1 - one_sided)),
        }
    )


def _shares(sums: Sums) -> CodingShares:
    observed, resampled = sums.shares(sums.observed), sums.shares(sums.resampled)
    intervals = [_share(observed[kind], resampled[:, kind]) for kind in range(len(KINDS))]
    return CodingShares(static=intervals[0], dynamic=intervals[1], joint=intervals[2], residual=intervals[3])


def _percentiles(value: float, resampled: Floats) -> Interval:
    interval = percentile_interval(value, resampled)
    return Interval(value=value, low=min(interval.low, value), high=max(interval.high, value))


def _share(value: Floats, resampled: Floats) -> Interval:
    """Return a share with its interval, which ends at 0 and 1."""
    interval = make_interval(value, resampled)
    low, high = min(max(0.0, interval.low), interval.value), max(min(1.0, interval.high), interval.value)
    return Interval(value=interval.value, low=low, high=high)
