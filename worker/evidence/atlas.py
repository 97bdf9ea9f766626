"""Where units lie on a map of a network: those that classes excite alike lie together.

t-SNE (van der Maaten and Hinton, JMLR 2008), exact, of some units; the others lie among the nearest of these, so that
time and memory stay bounded however many units there are.
"""

from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt

from app.contract.evidence import UnitEvidence

Array = npt.NDArray[np.float32]

LANDMARKS = 1200  # units that t-SNE places; its cost grows with their square
AXES = 30  # principal axes of the profiles that are kept
PERPLEXITY = 30.0
STEPS, EARLY, EXAGGERATION = 300, 100, 12.0  # in the early steps alike units are drawn together so much more
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
        """x and y in [0, 1] of every unit that some class excites more than another."""
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
        places[alive] = _within(_spread(_axes(centred[alive] / norms[alive, None])))
    return places


def _axes(profiles: Array) -> Array:
    """(N, C) -> (N, at most AXES): along the principal axes, each pointing to where its largest weight is."""
    centred = profiles - profiles.mean(0)
    _, vectors = np.linalg.eigh(centred.T @ centred)
    vectors = vectors[:, ::-1][:, :AXES]
    signs = np.sign(vectors[np.abs(vectors).argmax(0), np.arange(vectors.shape[1])])
    turned: Array = centred @ (vectors * signs)
    return turned


def _spread(points: Array) -> Array:
    """(N, D) -> (N, 2)"""
    chosen = np.sort(np.random.default_rng(0).permutation(len(points))[:LANDMARKS])
    flat = tsne(points[chosen])
    places = np.empty((len(points), 2), np.float32)
    for start in range(0, len(points), 4096):
        far = _distances(points[start : start + 4096], points[chosen])
        near = np.argsort(far, axis=1)[:, :NEAREST]
        weights = 1 / (np.take_along_axis(far, near, 1) + 1e-6)
        places[start : start + 4096] = (flat[near] * weights[..., None]).sum(1) / weights.sum(1)[:, None]
    places[chosen] = flat
    return places


def tsne(points: Array) -> Array:
    """(N, D) -> (N, 2), begun from the first two axes."""
    count = len(points)
    start = np.zeros((count, 2), np.float32)
    start[:, : points.shape[1]] = points[:, :2]
    if count < 4:
        return start
    affinities = _affinities(_distances(points, points), min(PERPLEXITY, (count - 1) / 3))
    places = (start / (start.std() or 1) * 1e-4).astype(np.float32)
    speed, gains = np.zeros_like(places), np.ones_like(places)
    for step in range(STEPS):
        kernel = 1 / (1 + _distances(places, places))
        np.fill_diagonal(kernel, 0)
        pull = affinities * (EXAGGERATION if step < EARLY else 1.0)
        force = (pull - kernel / kernel.sum()) * kernel
        gradient = 4 * (force.sum(1)[:, None] * places - force @ places)
        agrees = (gradient > 0) == (speed > 0)
        gains = np.where(agrees, gains * 0.8, gains + 0.2).clip(0.01)
        speed = (0.5 if step < EARLY else 0.8) * speed - max(count / EXAGGERATION / 4, 50) * gains * gradient
        places = places + speed - (places + speed).mean(0)
    return places


def _affinities(far: Array, perplexity: float) -> Array:
    """(N, N) squared distances -> joint probabilities; each row's width is such that it counts `perplexity` others."""
    low, high = np.zeros(len(far), np.float32), np.full(len(far), np.inf, np.float32)
    narrow = np.full(len(far), 1 / max(float(far.mean()), 1e-12), np.float32)
    for _ in range(40):
        weights = np.exp(-far * narrow[:, None])
        np.fill_diagonal(weights, 0)
        total = weights.sum(1).clip(1e-30)
        entropy = np.log(total) + narrow * (far * weights).sum(1) / total
        wide = entropy > np.log(perplexity)
        low, high = np.where(wide, narrow, low), np.where(wide, high, narrow)
        narrow = np.where(np.isinf(high), narrow * 2, (low + high) / 2).astype(np.float32)
    rows = weights / total[:, None]
    joint: Array = ((rows + rows.T) / (2 * len(far))).clip(1e-12)
    return joint


def _distances(a: Array, b: Array) -> Array:
    """Squared, (N, M)."""
    far: Array = ((a * a).sum(1)[:, None] + (b * b).sum(1) - 2 * (a @ b.T)).clip(0)
    return far


def _within(places: Array) -> Array:
    low, span = places.min(0), np.ptp(places, axis=0)
    within: Array = MARGIN + (1 - 2 * MARGIN) * (places - low) / np.where(span > 0, span, 1)
    return within
