"""What positions along one axis of a tensor see of one axis of the inputs: an interval for each position."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Positions = npt.NDArray[np.int64]

FAR = 1 << 40  # further than any input reaches


@dataclass(frozen=True, eq=False)
class Span:
    """Position p sees the inputs low[p] to high[p], both included; a span of one entry holds for every position.

    Intervals may reach beyond the input, where padding is. A position with low > high sees nothing.
    """

    low: Positions
    high: Positions

    @classmethod
    def each(cls, size: int) -> "Span":
        """Return the span of an input itself, whose position p sees p."""
        positions = np.arange(size)
        return cls(positions, positions)

    @classmethod
    def whole(cls, size: int) -> "Span":
        """Return the span of positions that see all of an axis of that size."""
        return cls(np.array([0]), np.array([size - 1]))

    @classmethod
    def nothing(cls, size: int) -> "Span":
        """Return the span of positions that see nothing."""
        return cls(np.full(size, FAR), np.full(size, -FAR))

    @property
    def size(self) -> int:
        """The length of the longest interval, at least 1."""
        return max(int((self.high - self.low).max(initial=0)) + 1, 1)

    def hull(self) -> "Span":
        """Return the span of a position that sees what all of these see."""
        return Span(self.low.min(keepdims=True, initial=FAR), self.high.max(keepdims=True, initial=-FAR))

    def union(self, other: "Span") -> "Span":
        """Return the span that sees what either sees."""
        return Span(np.minimum(self.low, other.low), np.maximum(self.high, other.high))

    def expand(self, size: int) -> "Span":
        """Return the span with an entry for each of `size` positions."""
        return self if len(self.low) == size else Span(np.repeat(self.low, size), np.repeat(self.high, size))

    def take(self, positions: Positions) -> "Span":
        """Return the span whose entry p sees what the positions[p] see, of shape (n,) or (n, k).

        Positions before the first and after the last are padding: intervals are continued there as they move at that
        end, so that windows have the same size at the border as elsewhere.
        """
        if len(self.low) == 1:
            return self
        windows = positions[:, None] if positions.ndim == 1 else positions
        return Span(_continued(self.low, windows).min(1), _continued(self.high, windows).max(1))


def _continued(bounds: Positions, positions: Positions) -> Positions:
    """Return bounds[positions], continued in a straight line before the first and after the last."""
    last = len(bounds) - 1
    before, after = bounds[1] - bounds[0], bounds[last] - bounds[last - 1]
    if max(abs(before), abs(after)) > FAR // 2:  # one of them sees nothing
        before = after = 0
    found = bounds[positions.clip(0, last)]
    found = found + before * positions.clip(max=0) + after * (positions - last).clip(min=0)
    return found  # type: ignore[no-any-return]


def sliding(outputs: int, size: int, dilation: int, stride: int, padding: int) -> Positions:
    """Return the input positions (outputs, size) of a sliding window at each of its output positions."""
    return np.arange(outputs)[:, None] * stride - padding + np.arange(size) * dilation


def adaptive(outputs: int, inputs: int) -> Positions:
    """Return the input positions (outputs, 2), first and last, of an adaptive pool's windows."""
    first = np.arange(outputs) * inputs // outputs
    last = -(-(np.arange(1, outputs + 1) * inputs) // outputs) - 1
    return _between(first, last)


def transposed(outputs: int, inputs: int, size: int, dilation: int, stride: int, padding: int) -> Positions:
    """Return the input positions from which a transposed convolution writes into each of its output positions."""
    first = -(-(np.arange(outputs) + padding - (size - 1) * dilation) // stride)
    last = (np.arange(outputs) + padding) // stride
    return _between(first.clip(0, inputs - 1), last.clip(0, inputs - 1))


def _between(first: Positions, last: Positions) -> Positions:
    """Return the positions from each first to each last, (n, k); the last is repeated where there are fewer."""
    return np.minimum(first[:, None] + np.arange(max(int((last - first).max()) + 1, 1)), last[:, None])  # type: ignore[no-any-return]


def reflected(before: int, after: int, inputs: int) -> Positions:
    """Return the input positions of an axis that is padded by its reflection."""
    positions = np.abs(np.arange(-before, inputs + after))
    return np.where(positions > inputs - 1, 2 * (inputs - 1) - positions, positions)


def concatenated(spans: Sequence[Span], sizes: Sequence[int]) -> Span:
    """Return the span of an axis that the parts lie along one after another."""
    parts = [span.expand(size) for span, size in zip(spans, sizes, strict=True)]
    return Span(np.concatenate([part.low for part in parts]), np.concatenate([part.high for part in parts]))
