"""The map of a network's units: positions in the plane where units that respond to the same classes are close.

The positions are a t-SNE (van der Maaten and Hinton, JMLR 2008) of some units, the landmarks; every other unit is
placed among its nearest landmarks, so that time and memory stay bounded however many units there are.
"""

from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt

from app.contract.evidence import UnitEvidence
from worker.evidence.types import UnitKey

Array = npt.NDArray[np.float32]

MAX_LANDMARKS = 4000  # units
PRINCIPAL_AXES = 30  # of the class profiles, kept before t-SNE
PERPLEXITY = 30.0
NEAREST_LANDMARKS = 5  # averaged for a unit that is not a landmark
MARGIN = 0.03  # left free at the edges of the map, as a share of its side


class UnitEmbedding:
    """Collects the class responses of units while they are iterated over, then computes their positions."""

    def __init__(self) -> None:
        self._keys: list[UnitKey] = []
        self._responses: list[Array] = []

    def collect(self, units: Iterable[UnitEvidence]) -> Iterator[UnitEvidence]:
        """Yield the units unchanged and remember the responses of each."""
        for unit in units:
            self._keys.append((unit.layer, unit.unit))
            self._responses.append(np.array(unit.responses or unit.label_responses, np.float32))
            yield unit

    def positions(self) -> dict[UnitKey, tuple[float, float]]:
        """Return (x, y) in [0, 1] of every collected unit that responds more to one class than to another.

        In a network without classes these are the labels of the data set.
        """
        if not self._keys:
            return {}
        positions = embed_units(np.stack(self._responses))
        return {key: (float(x), float(y)) for key, (x, y) in zip(self._keys, positions, strict=True) if not np.isnan(x)}


def embed_units(responses: Array, *, max_landmarks: int = MAX_LANDMARKS) -> Array:
    """Return the positions (N, 2) in [0, 1] of units with class responses (N, C); NaN for units without a preference.

    Class profiles are compared by their correlation, so neither how strongly nor how specifically a unit responds
    moves it, only which classes it prefers. The same responses give the same map on the same machine.
    """
    centred = responses - responses.mean(1, keepdims=True)
    norms = np.linalg.norm(centred, axis=1)
    has_preference = np.flatnonzero(norms > 1e-6 * np.abs(responses).max(1, initial=0).clip(1e-12))
    positions = np.full((len(responses), 2), np.nan, np.float32)
    if len(has_preference):
        profiles = centred[has_preference] / norms[has_preference, None]
        positions[has_preference] = _fit_to_unit_square(_embed_profiles(profiles, max_landmarks))
    return positions


def _embed_profiles(profiles: Array, max_landmarks: int) -> Array:
    """Embed profiles (N, C) of unit length in the plane: (N, 2)."""
    from sklearn.decomposition import PCA  # takes a second to load, and only surveys need it
    from sklearn.manifold import TSNE
    from sklearn.neighbors import KNeighborsRegressor

    if len(profiles) < 4:  # t-SNE needs more
        return np.eye(3, 2, dtype=np.float32)[: len(profiles)]
    points = PCA(min(PRINCIPAL_AXES, *profiles.shape), svd_solver="full").fit_transform(profiles)
    landmarks = points[np.random.default_rng(0).permutation(len(points))[:max_landmarks]]
    start = landmarks[:, :2] * (1e-4 / landmarks[:, :2].std().clip(1e-12))
    perplexity = min(PERPLEXITY, (len(landmarks) - 1) / 3)
    embedded = TSNE(perplexity=perplexity, init=start, random_state=0).fit_transform(landmarks)
    neighbours = min(NEAREST_LANDMARKS, len(landmarks))
    regressor = KNeighborsRegressor(neighbours, weights="distance").fit(landmarks, embedded)
    positions: Array = regressor.predict(points).astype(np.float32)  # a landmark, at distance 0, keeps its position
    return positions


def _fit_to_unit_square(positions: Array) -> Array:
    low, span = positions.min(0), np.ptp(positions, axis=0)
    fitted: Array = MARGIN + (1 - 2 * MARGIN) * (positions - low) / np.where(span > 0, span, 1)
    return fitted
