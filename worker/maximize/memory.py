"""What to do when memory runs out: the same work in smaller pieces."""

from collections.abc import Callable
from typing import TypeVar

import torch

from app.contract.errors import OutOfMemory

T = TypeVar("T")


def is_out_of_memory(error: BaseException) -> bool:
    """True for a device's and for the CPU allocator's refusal."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(
        words in str(error) for words in ("can't allocate memory", "not enough memory")
    )


def out_of_memory() -> OutOfMemory:
    return OutOfMemory(
        "There is not enough memory for this unit, even alone in its batch. Choose a smaller size or fewer frames, "
        "stop other programs on that device, or use one with more memory."
    )


class Pieces:
    """Works through a batch in pieces; where memory runs out, in pieces of half the size from then on."""

    def __init__(self, size: int) -> None:
        self.size = size

    def run(self, count: int, work: Callable[[slice], T]) -> list[tuple[slice, T | None]]:
        """`work` on consecutive pieces of range(count); None for a single item that is still too large."""
        results: list[tuple[slice, T | None]] = []
        start = 0
        while start < count:
            piece = slice(start, min(start + self.size, count))
            result = self._try(work, piece)
            if result is None and piece.stop - piece.start > 1:
                self.size = (piece.stop - piece.start + 1) // 2
                continue
            results.append((piece, result))
            start = piece.stop
        return results

    def _try(self, work: Callable[[slice], T], piece: slice) -> T | None:
        """None where memory runs out. What the failed attempt held is free once this returns."""
        try:
            return work(piece)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        return None
