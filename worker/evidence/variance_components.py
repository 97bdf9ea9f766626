"""Variance components of responses to combinations of appearances and motions (two-way analysis of variance).

For the response y(p, m) to appearance p with motion m, both drawn independently, the variance is the sum of what
appearance explains by itself, what motion explains by itself, and their interaction (Sobol's indices). The estimates
are unbiased: mean squares over their degrees of freedom (Searle, Casella and McCulloch 1992, chapter 4).
"""

from dataclasses import dataclass

import numpy as np

from worker.evidence.types import Floats


@dataclass(frozen=True)
class VarianceComponents:
    """Components of the variance of U responses, for each of B resamples: (B, U) each."""

    appearance: Floats
    motion: Floats
    interaction: Floats

    @property
    def total(self) -> Floats:
        return np.asarray(self.appearance + self.motion + self.interaction)

    @property
    def share(self) -> Floats:
        """The share of interaction in the variance, (B, U), at most 1; 0 where nothing varies."""
        return np.asarray(self.interaction / np.maximum(np.maximum(self.total, self.interaction), 1e-300))

    def pool(self) -> "VarianceComponents":
        """Return the components of all responses together, (B, 1)."""
        parts = (self.appearance, self.motion, self.interaction)
        return VarianceComponents(*(part.sum(1, keepdims=True) for part in parts))


def variance_components(
    responses: Floats, appearance_counts: Floats | None = None, motion_counts: Floats | None = None
) -> VarianceComponents:
    """Return the components of responses (P, M, U) to P appearances with M motions, as (B, U).

    `appearance_counts` (B, P) and `motion_counts` (B, M) say how often each occurs in each of B resamples; without
    them each occurs once and B is 1.
    """
    appearances, motions, _ = responses.shape
    first = np.ones((1, appearances)) if appearance_counts is None else appearance_counts
    second = np.ones((1, motions)) if motion_counts is None else motion_counts
    n, m = first.sum(1)[:, None], second.sum(1)[:, None]  # (B, 1)
    first, second = first / n, second / m
    y = responses.astype(np.float64)
    y = y - y.mean((0, 1))
    by_appearance = np.tensordot(second, y, (1, 1))  # (B, P, U)
    by_motion = np.tensordot(first, y, (1, 0))  # (B, M, U)
    mean = np.einsum("bp,bpu->bu", first, by_appearance)
    square = np.einsum("bm,bmu->bu", second, np.tensordot(first, y**2, (1, 0)))
    a = np.einsum("bp,bpu->bu", first, by_appearance**2) - mean**2
    b = np.einsum("bm,bmu->bu", second, by_motion**2) - mean**2
    rest = np.maximum(square - mean**2 - a - b, 0)
    interaction = rest * n * m / np.maximum((n - 1) * (m - 1), 1)
    return VarianceComponents(
        a * n / np.maximum(n - 1, 1) - interaction / m, b * m / np.maximum(m - 1, 1) - interaction / n, interaction
    )
