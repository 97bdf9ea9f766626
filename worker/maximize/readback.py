"""Read what the device computed at each step without waiting for the device."""

from collections import deque
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

LAG_STEPS = 4  # steps that a CUDA device may be ahead of what the host has read


class AsyncReadback:
    """A queue of rows of numbers, one column an item, posted at each step and read in order.

    On the CPU they are read at once. A copy from CUDA runs beside the computation and is read LAG_STEPS later, always
    the same number, so that a run does not depend on how fast the device is.
    """

    def __init__(self, device: torch.device) -> None:
        self.lag = LAG_STEPS if device.type == "cuda" else 0
        self._posted: deque[tuple[list[int], Tensor, torch.cuda.Event | None]] = deque()

    def post(self, items: Sequence[int], rows: Tensor) -> None:
        """Queue numbers (rows, B) of these items."""
        if rows.device.type != "cuda":
            self._posted.append((list(items), rows, None))
            return
        host = torch.empty(rows.shape, dtype=rows.dtype, pin_memory=True)
        host.copy_(rows, non_blocking=True)
        copied = torch.cuda.Event()  # type: ignore[no-untyped-call]
        copied.record()
        self._posted.append((list(items), host, copied))

    def read(self, everything: bool = False) -> Iterator[tuple[int, tuple[float, ...]]]:
        """Yield each item with its numbers, oldest step first; `everything`: also those of the last steps."""
        while len(self._posted) > (0 if everything else self.lag):
            items, rows, copied = self._posted.popleft()
            if copied is not None:
                copied.synchronize()
            yield from zip(items, zip(*rows.tolist(), strict=True), strict=True)
