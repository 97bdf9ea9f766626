"""Limits how often the same client may do something."""

from collections import OrderedDict
from collections.abc import Callable
from time import monotonic

MAX_CLIENTS = 10_000  # that are remembered; the one that was not seen for the longest time is forgotten first


class RateLimit:
    """Counts what clients do: each may do it `per_minute` times at once, and as often again in each minute after.

    0 sets no limit. The counts are those of this process.
    """

    def __init__(
        self, per_minute: int, *, max_clients: int = MAX_CLIENTS, clock: Callable[[], float] = monotonic
    ) -> None:
        self.per_minute = per_minute
        self._max_clients = max_clients
        self._clock = clock
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()  # how often, at which time

    def take(self, client: str, *, times: int = 1) -> float:
        """Count `times` more for a client, 1 or 0. Return 0, or the seconds to wait if it was too often already.

        What was too often is not counted.
        """
        if not self.per_minute:
            return 0.0
        now = self._clock()
        left, since = self._left.pop(client, (float(self.per_minute), now))
        left = min(self.per_minute, left + (now - since) * self.per_minute / 60)
        wait = 0.0 if left >= 1 else (1 - left) * 60 / self.per_minute
        self._left[client] = (left if wait else left - times, now)
        if len(self._left) > self._max_clients:
            self._left.popitem(last=False)
        return wait
