"""Whether a unit codes what is static in a clip, what is dynamic, both, or neither: by correlation over pairs of clips.

After Kowal et al., CVPR 2022 (arXiv 2206.02846), section 3, and the code published with it: a unit codes a factor as
far as its responses to the two clips of a pair correlate, over pairs that share the factor. With x_i the response to
clip i, p_i that to its partner, which shares the factor with it, and q_i that to a baseline, which differs from the
partner in that factor alone:

    difference = r(x, p) - r(x, q)      Pearson's r over the clips

What partner and baseline have in common, and share with the clip, cannot make a difference. For streams that are
swapped r(x, q) is about 0, and r(x, p) is the share of the variance that comes with the factor (Sobol's first index).
Where a factor has several partners (see partner_responses.py), the largest difference counts, its p-value times their
number (Bonferroni).

A unit codes the factor where the difference is at least MIN_DIFFERENCE and significant: under the null hypothesis the
factor does not matter, so that partner and baseline of a clip can be exchanged. They are, for random halves of the
groups of clips, and the share of false discoveries among all units and both factors is held to FALSE_DISCOVERY_RATE.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from app.contract.coding import UnitCoding
from worker.evidence.resampling import FALSE_DISCOVERY_RATE, find_p_limit
from worker.evidence.types import Floats

MIN_DIFFERENCE = 0.1  # of correlations. A factor that a tenth of a unit's variance comes with is little, but no trace
MIN_GROUPS = 12  # of clips: 2^12 ways to exchange them give p-values of 1 / 4096
MAX_EXCHANGES, MIN_EXCHANGES, RESAMPLES = 1999, 299, 200
MAX_PRODUCTS = 2e10  # clips x units x exchanges: half a minute of one core
PUBLISHED_THRESHOLD = 0.5  # of correlations, in the published code
LIVE_DEVIATION = 1e-6  # of a unit's responses, as a share of the largest: with less, a unit is constant

Booleans = npt.NDArray[np.bool_]
Integers = npt.NDArray[np.int64]
KINDS = (UnitCoding.STATIC, UnitCoding.DYNAMIC, UnitCoding.JOINT, UnitCoding.RESIDUAL)


class Factor(NamedTuple):
    """The responses (N, u) to the partner and to the baseline of each of N clips, for one factor."""

    partner: Floats
    baseline: Floats


class Responses(NamedTuple):
    """The responses (N, u) of some units to N clips and to what these are compared with.

    `published_static` are those to the partners that share what is static as the paper makes them.
    """

    clips: Floats
    static: tuple[Factor, ...]
    dynamic: tuple[Factor, ...]
    published_static: Floats


@dataclass(frozen=True)
class Draws:
    """Random exchanges of partners and baselines, and resamples of clips, all by whole groups."""

    exchanged: Floats  # (draws, N): 1 where the two are exchanged
    counts: Floats  # (RESAMPLES, N): how often each clip occurs

    @staticmethod
    def of(groups: Integers, units: int, seed: int) -> "Draws":
        """Return draws for clips of these groups (N,), numbered from 0, of a network with this number of units."""
        generator = np.random.default_rng(seed)
        count = int(groups.max()) + 1
        draws = int(np.clip(MAX_PRODUCTS / (len(groups) * units), MIN_EXCHANGES, MAX_EXCHANGES))
        exchanged = generator.integers(0, 2, (draws, count))[:, groups]
        drawn = generator.integers(0, count, (RESAMPLES, count))
        counts = np.stack([np.bincount(row, minlength=count)[groups] for row in drawn])
        return Draws(exchanged.astype(np.float32), counts.astype(np.float32))


class FactorEffect(NamedTuple):
    """What a factor does to each of u units."""

    shared: Floats  # (u,) r(x, p)
    not_shared: Floats  # (u,) r(x, q)
    p_value: Floats  # (u,)
    resampled: Floats  # (RESAMPLES, u) differences
    exchanged: Floats  # (draws, u) differences
    which: Integers  # (u,) number of the partner with the largest difference
    partners: int  # of which this one was taken

    @property
    def difference(self) -> Floats:
        return self.shared - self.not_shared


class UnitEffects(NamedTuple):
    """The effects of both factors on some units, and which of them are live."""

    live: Booleans  # (u,)
    static: FactorEffect
    dynamic: FactorEffect
    published: Integers  # (u,) index in KINDS by the published rule


def measure_units(responses: Responses, draws: Draws) -> UnitEffects:
    """Return how the two factors decide the responses of units, (N, u) each."""
    clips = np.asarray(responses.clips, np.float32)
    live = clips.std(0) > LIVE_DEVIATION * np.abs(clips).max(0)
    partners = (responses.published_static, responses.dynamic[0].partner)
    correlations = [symmetric_correlation(clips, np.asarray(partner, np.float32)) for partner in partners]
    published = kinds_of(*(each > PUBLISHED_THRESHOLD for each in correlations))
    return UnitEffects(
        live,
        _largest_effect(clips, responses.static, draws),
        _largest_effect(clips, responses.dynamic, draws),
        published,
    )


def kinds_of(static: Booleans, dynamic: Booleans) -> Integers:
    """Return the index in KINDS of units that code what is static, and what is dynamic; of any shape."""
    return np.where(static, np.where(dynamic, 2, 0), np.where(dynamic, 1, 3))


def p_limit(p_values: Floats) -> float:
    """Return the largest p-value that counts as a discovery among these, of all live units and both factors."""
    return find_p_limit(p_values, FALSE_DISCOVERY_RATE)


def symmetric_correlation(one: Floats, other: Floats) -> Floats:
    """Return the correlation (u,) of (N, u) and (N, u) with the mean and variance of both together, as published."""
    mean = (one.mean(0) + other.mean(0)) / 2
    variance = np.concatenate([one, other]).var(0)
    covariance = ((one - mean) * (other - mean)).mean(0)
    return np.where(variance > 1e-12, covariance / np.maximum(variance, 1e-12), 0.0)


def _largest_effect(clips: Floats, factors: tuple[Factor, ...], draws: Draws) -> FactorEffect:
    """Return for each unit the effect of the factor whose difference is largest."""
    effects = [_factor_effect(clips, factor, draws) for factor in factors]
    which = np.argmax([effect.difference for effect in effects], 0)

    def choose(values: list[Floats]) -> Floats:
        return np.asarray(np.take_along_axis(np.stack(values), which[(None,) * values[0].ndim], 0)[0])

    shared, not_shared, p_value, resampled, exchanged = (
        choose([np.asarray(effect[field]) for effect in effects]) for field in range(5)
    )
    return FactorEffect(
        shared, not_shared, np.minimum(1, len(effects) * p_value), resampled, exchanged, which, len(effects)
    )


def _factor_effect(clips: Floats, factor: Factor, draws: Draws) -> FactorEffect:
    x, p, q = (_standardize(values) for values in (clips, factor.partner, factor.baseline))
    one = np.ones((1, len(x)), np.float32)
    shared, not_shared = _correlate(one, x, p)[0], _correlate(one, x, q)[0]
    difference = shared - not_shared
    exchanged = _exchanged_differences(x, p, q, draws.exchanged)
    resampled = _correlate(draws.counts, x, p) - _correlate(draws.counts, x, q)
    larger = (exchanged >= difference - 1e-6).sum(0)
    p_value = (1 + larger) / (1 + len(exchanged))
    return FactorEffect(shared, not_shared, p_value, resampled, exchanged, np.zeros(len(p_value), np.int64), 1)


def _standardize(x: Floats) -> Floats:
    """Return float32 values (N, u) of mean 0 and deviation 1 by unit; 0 for a constant unit."""
    x = np.asarray(x, np.float32)
    deviation = x.std(0)
    is_constant = deviation <= LIVE_DEVIATION * np.abs(x).max(0)
    return np.where(is_constant, np.float32(0), (x - x.mean(0)) / np.where(is_constant, 1, deviation)).astype(
        np.float32
    )


def _correlate(counts: Floats, x: Floats, y: Floats) -> Floats:
    """Return Pearson's r (draws, u) of x and y (N, u), where each clip occurs as often as counts (draws, N) say."""
    total = counts.sum(1, keepdims=True)
    mean_x, mean_y = counts @ x / total, counts @ y / total
    sums = counts @ (x * x) / total, counts @ (y * y) / total, counts @ (x * y) / total
    return _pearson(mean_x, mean_y, *sums)


def _exchanged_differences(x: Floats, p: Floats, q: Floats, exchanged: Floats) -> Floats:
    """Return r(x, p') - r(x, q') (draws, u): p' and q' are p and q, exchanged where `exchanged` (draws, N) is 1."""
    count = len(x)
    moved, moved_squares, moved_products = (exchanged @ (b - a) for a, b in ((p, q), (p * p, q * q), (x * p, x * q)))
    mean_x, square_x = x.mean(0), (x * x).mean(0)
    values = []
    for y, sign in ((p, 1), (q, -1)):
        mean = y.mean(0) + sign * moved / count
        square = (y * y).mean(0) + sign * moved_squares / count
        product = (x * y).mean(0) + sign * moved_products / count
        values.append(_pearson(mean_x, mean, square_x, square, product))
    return np.asarray(values[0] - values[1])


def _pearson(mean_x: Floats, mean_y: Floats, square_x: Floats, square_y: Floats, product: Floats) -> Floats:
    variance = (square_x - mean_x**2) * (square_y - mean_y**2)
    safe = np.maximum(variance, 1e-8)
    return np.where(variance > 1e-8, (product - mean_x * mean_y) / np.sqrt(safe), 0.0)
