"""Work through a batch in microbatches that become smaller when memory runs out."""

from collections.abc import Callable
from typing import TypeVar

import torch

from app.contract.errors import OutOfMemory

T = TypeVar("T")


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether a device or the CPU allocator refused memory."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(
        words in str(error) for words in ("can't allocate memory", "not enough memory")
    )


def out_of_memory() -> OutOfMemory:
    """Return the error of an item that does not fit into memory even alone."""
    return OutOfMemory(
        "There is not enough memory for this unit, even alone in its batch. Choose a smaller size or fewer frames, "
        "stop other programs on that device, or use one with more memory."
    )


class AdaptiveMicrobatches:
    """Runs work on consecutive parts of a batch; where memory runs out, on parts of half the size from then on.

    No part becomes smaller than `smallest`: items that depend on each other stay together.
    """

    def __init__(self, size: int, smallest: int = 1) -> None:
        self.size, self.smallest = size, smallest

    def run(self, count: int, work: Callable[[slice], T]) -> list[tuple[slice, T | None]]:
        """Return each part of range(count) with its result; None for the smallest part where it is still too large."""
        results: list[tuple[slice, T | None]] = []
        start = 0
        while start < count:
            rows = slice(start, min(start + self.size, count))
            result = self._try(work, rows)
            if result is None and rows.stop - rows.start > self.smallest:
                self.size = (rows.stop - rows.start + 1) // 2
                continue
            results.append((rows, result))
            start = rows.stop
        return results

    def _try(self, work: Callable[[slice], T], rows: slice) -> T | None:
        """Return None where memory runs out. What the failed attempt held is free once this returns."""
        try:
            return work(rows)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        return None
