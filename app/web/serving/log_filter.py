"""Keeps clients from filling the log: a repeated message is logged once a minute."""

import logging
from collections.abc import Callable
from time import monotonic

REPEAT_SECONDS = 60.0
MAX_MESSAGES = 1000  # that are remembered; the oldest are forgotten first


class OncePerMinute(logging.Filter):
    """A filter that lets a repeated message pass only every `repeat_seconds`, with the number of those held back."""

    def __init__(self, repeat_seconds: float = REPEAT_SECONDS, clock: Callable[[], float] = monotonic) -> None:
        super().__init__()
        self._repeat_seconds = repeat_seconds
        self._clock = clock
        self._passed_at: dict[str, float] = {}
        self._held_back: dict[str, int] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        message, now = record.getMessage(), self._clock()
        passed_at = self._passed_at.get(message)
        if passed_at is not None and now - passed_at < self._repeat_seconds:
            self._held_back[message] = self._held_back.get(message, 0) + 1
            return False
        self._passed_at.pop(message, None)  # so that it becomes the newest
        self._passed_at[message] = now
        if len(self._passed_at) > MAX_MESSAGES:
            oldest = next(iter(self._passed_at))
            del self._passed_at[oldest]
            self._held_back.pop(oldest, None)
        if times := self._held_back.pop(message, 0):
            record.msg, record.args = f"{message} (and {times:,} times since it was last logged)", ()
        return True
