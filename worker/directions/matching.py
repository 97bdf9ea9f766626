"""Find the same direction in two networks: units of two layers that the same clips excite.

Each unit has its largest activation on every clip, and two units match as their Pearson correlation over clips says
(Dravid et al., 2023, arXiv 2306.09346, call matches across networks Rosetta neurons).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from app.contract.errors import InvalidRequest
from worker.directions.activations import Rows, read_batches
from worker.evidence.activation_reader import read_activations
from worker.evidence.types import Observe
from worker.networks.network import Network
from worker.survey.prefetch import Sample

MIN_CLIPS = 4  # fewer correlate by chance whatever they are
PERMUTATIONS = 200


@dataclass(frozen=True)
class Match:
    """A unit, the unit of the other layer that correlates with it most, and whether that one's best is this unit."""

    unit: int
    other: int
    correlation: float
    is_mutual: bool


@dataclass(frozen=True)
class Matches:
    """The best match of each unit that ever changes, the largest correlation first.

    `by_chance` is what the best of all pairs reaches in 19 of 20 permutations of the clips of one network.
    """

    matches: tuple[Match, ...]
    by_chance: float


def record_peaks(
    network: Network,
    layer: str,
    samples: Sequence[Sample],
    *,
    threads: int = 1,
    observe: Observe = lambda done, total: None,
) -> dict[str, Rows]:
    """Return the largest activation of each unit of a layer, (U,), by the name of the clip; unreadable clips lack."""
    peaks: dict[str, Rows] = {}
    with read_activations(network, [layer]) as read:
        for numbers, batch in read_batches(network, samples, [], threads=threads, observe=observe):
            for number, peak in zip(numbers, read(batch)[layer].peak.float().cpu().numpy(), strict=True):
                peaks[samples[number].name] = peak
    return peaks


def match_units(first: Rows, second: Rows, seed: int = 0, *, permutations: int = PERMUTATIONS) -> Matches:
    """Match the units of two layers by their peaks on the same N clips, (N, U) and (N, V).

    Raises InvalidRequest for too few clips.
    """
    clips = len(first)
    if clips < MIN_CLIPS:
        raise InvalidRequest(f"Both networks read {clips} clips: matching needs {MIN_CLIPS}, and means much with 50.")
    own, others = _standardize(first), _standardize(second)
    correlation = own.T @ others / clips
    rng = np.random.default_rng(seed)
    chance = [float((own[rng.permutation(clips)].T @ others).max()) / clips for _ in range(permutations)]
    best, best_back = correlation.argmax(1), correlation.argmax(0)
    changing = np.abs(own).max(0) > 0
    matches = [
        Match(unit, int(other), float(correlation[unit, other]), bool(best_back[other] == unit))
        for unit, other in enumerate(best)
        if changing[unit]
    ]
    matches.sort(key=lambda match: -match.correlation)
    return Matches(tuple(matches), float(np.quantile(chance, 0.95)))


def _standardize(peaks: Rows) -> Rows:
    """Return columns of mean 0 and variance 1; of zeros for a unit that never changes."""
    centred = peaks - peaks.mean(0)
    deviation = centred.std(0)
    scale = np.where(deviation > 1e-6 * np.abs(peaks).max(0), deviation, np.inf)
    return np.asarray(centred / scale)
