"""What the device says of each step, read by the host without waiting for the device."""

from collections import deque
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

LAG = 4  # steps that a CUDA device may be ahead of what the host has read


class Flags:
    """Rows of numbers, one column a unit, posted at each step and read in order.

    On the CPU they are read at once. A copy from CUDA runs beside the computation and is read LAG steps later,
    always the same number, so that a run does not depend on how fast the device is.
    """

    def __init__(self, device: torch.device) -> None:
        self.lag = LAG if device.type == "cuda" else 0
        self._posted: deque[tuple[list[int], Tensor, torch.cuda.Event | None]] = deque()

    def post(self, places: Sequence[int], rows: Tensor) -> None:
        """(rows, units) of the units at these places."""
        if rows.device.type != "cuda":
            self._posted.append((list(places), rows, None))
            return
        host = torch.empty(rows.shape, dtype=rows.dtype, pin_memory=True)
        host.copy_(rows, non_blocking=True)
        arrived = torch.cuda.Event()  # type: ignore[no-untyped-call]
        arrived.record()
        self._posted.append((list(places), host, arrived))

    def read(self, everything: bool = False) -> Iterator[tuple[int, tuple[float, ...]]]:
        """Place and numbers of each unit, oldest step first."""
        while len(self._posted) > (0 if everything else self.lag):
            places, rows, arrived = self._posted.popleft()
            if arrived is not None:
                arrived.synchronize()
            yield from zip(places, zip(*rows.tolist(), strict=True), strict=True)
