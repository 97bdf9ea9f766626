"""Where units lie on a map of a network: those that classes excite alike lie together.

t-SNE (van der Maaten and Hinton, JMLR 2008) of some units; the others lie among the nearest of these, so that time
and memory stay bounded however many units there are.
"""

from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt

from app.contract.evidence import UnitEvidence

Array = npt.NDArray[np.float32]

LANDMARKS = 4000  # units that t-SNE places
AXES = 30  # principal axes of the profiles that are kept
PERPLEXITY = 30.0
NEAREST = 5  # landmarks between which another unit lies
MARGIN = 0.03  # of the map stays free at its edges


class Atlas:
    """Keeps what the map needs of units that pass by."""

    def __init__(self) -> None:
        self._names: list[tuple[str, int]] = []
        self._responses: list[Array] = []

    def watch(self, units: Iterable[UnitEvidence]) -> Iterator[UnitEvidence]:
        for unit in units:
            self._names.append((unit.layer, unit.unit))
            self._responses.append(np.array(unit.responses, np.float32))
            yield unit

    def places(self) -> dict[tuple[str, int], tuple[float, float]]:
        """X and y in [0, 1] of every unit that some class excites more than another."""
        if not self._names:
            return {}
        found = place(np.stack(self._responses))
        return {name: (float(x), float(y)) for name, (x, y) in zip(self._names, found, strict=True) if x == x}


def place(responses: Array) -> Array:
    """(N, C) responses by class -> (N, 2) in [0, 1]; NaN for units that all classes excite alike, such as dead ones.

    Profiles are compared by their correlation: neither how strong nor how specific a unit is moves it, only what it
    prefers. The same responses give the same map on the same machine.
    """
    centred = responses - responses.mean(1, keepdims=True)
    norms = np.linalg.norm(centred, axis=1)
    alive = np.flatnonzero(norms > 1e-6 * np.abs(responses).max(1, initial=0).clip(1e-12))
    places = np.full((len(responses), 2), np.nan, np.float32)
    if len(alive):
        places[alive] = _within(_spread(centred[alive] / norms[alive, None]))
    return places


def _spread(profiles: Array) -> Array:
    """(N, C) -> (N, 2)"""
    from sklearn.decomposition import PCA  # takes a second to load, and only surveys need it
    from sklearn.manifold import TSNE
    from sklearn.neighbors import KNeighborsRegressor

    if len(profiles) < 4:  # too few to be near or far
        return np.eye(3, 2, dtype=np.float32)[: len(profiles)]
    points = PCA(min(AXES, *profiles.shape), svd_solver="full").fit_transform(profiles)
    landmarks = points[np.random.default_rng(0).permutation(len(points))[:LANDMARKS]]
    start = landmarks[:, :2] * (1e-4 / landmarks[:, :2].std().clip(1e-12))
    perplexity = min(PERPLEXITY, (len(landmarks) - 1) / 3)
    flat = TSNE(perplexity=perplexity, init=start, random_state=0).fit_transform(landmarks)
    among = KNeighborsRegressor(min(NEAREST, len(landmarks)), weights="distance").fit(landmarks, flat)
    places: Array = among.predict(points).astype(np.float32)  # a landmark, at distance 0, keeps its own place
    return places


def _within(places: Array) -> Array:
    low, span = places.min(0), np.ptp(places, axis=0)
    within: Array = MARGIN + (1 - 2 * MARGIN) * (places - low) / np.where(span > 0, span, 1)
    return within
