"""Connections of the server with time limits, so that slow and silent clients cannot keep all of them."""

import asyncio
from asyncio import TimerHandle
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

STALLED_SECONDS = 60.0  # without a byte read by the client


class Connection(H11Protocol):
    """An HTTP connection with limits that uvicorn itself does not have.

    - The headers of a request must arrive within the keep-alive time, counted from the connection or from their first
      byte. (Bodies have their own limit: middleware/body_limits.py.)
    - A client that reads nothing of its answer for `stalled_seconds` is cut off.
    - Where there are `limit_concurrency` connections, a new one closes the one that has been idle longest. Where all
      are in use, uvicorn answers the new one with 503; from an eighth above the limit on, new ones are cut off at once.
    """

    stalled_seconds = STALLED_SECONDS

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.idle_since = 0.0
        self._header_timer: TimerHandle | None = None
        self._stalled_timer: TimerHandle | None = None

    @property
    def is_idle(self) -> bool:
        """Whether no request is in progress."""
        return self.cycle is None or self.cycle.response_complete

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        if self.limit_concurrency is not None and len(self.connections) >= self.limit_concurrency - 1:
            self._close_longest_idle()
        super().connection_made(transport)
        self.idle_since = self.loop.time()
        if self.limit_concurrency is not None and len(self.connections) > self.limit_concurrency * 9 / 8:
            transport.abort()
        self._start_header_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_header_timer()
        self.resume_writing()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.conn.their_state is h11.IDLE:
            self._start_header_timer()
        else:
            self._stop_header_timer()

    def on_response_complete(self) -> None:
        self.idle_since = self.loop.time()
        super().on_response_complete()

    def timeout_keep_alive_handler(self) -> None:
        super().timeout_keep_alive_handler()  # closes once the client has read the rest of the answer
        self._start_stalled_timer()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._start_stalled_timer()

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._stalled_timer is not None:
            self._stalled_timer.cancel()
            self._stalled_timer = None

    def _start_header_timer(self) -> None:
        if self._header_timer is None:
            self._header_timer = self.loop.call_later(self.timeout_keep_alive, self.timeout_keep_alive_handler)

    def _stop_header_timer(self) -> None:
        if self._header_timer is not None:
            self._header_timer.cancel()
            self._header_timer = None

    def _start_stalled_timer(self) -> None:
        if self._stalled_timer is None:
            self._stalled_timer = self.loop.call_later(self.stalled_seconds, self.transport.abort)

    def _close_longest_idle(self) -> None:
        idle = [each for each in self.connections if isinstance(each, Connection) and each.is_idle]
        longest = min(idle, key=lambda each: each.idle_since, default=None)
        if longest is not None:
            self.connections.discard(longest)
            longest.transport.abort()
