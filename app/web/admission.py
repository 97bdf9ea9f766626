"""Admits requests to the database: as many at once as it has connections for. The others wait in line.

A request keeps its connection, and a writing one the write lock of SQLite, over several trips to the thread pool: to
open the session, to run the endpoint, to validate the answer, to commit. If requests waited for a connection in a
thread, those waiting could take every thread that the owners of the connections need to go on, and all would stand
still until a timeout. A request that waits here holds neither.

What uses a session within one trip to a thread (event streams, archives, the health check) need not wait here: it
never holds a connection without a thread. The pools of `app.store` must be larger than the numbers below for it.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from app.web.http_errors import Busy

# Few, because threads that compute share one interpreter lock with the thread that speaks to all clients. With 8
# readers at once on SQLite, 100 posts beside 100 readers took 8 s, with 2 they take 2 s (benchmarks/load.py). With
# PostgreSQL more of a request is waiting. SQLite has one write lock, which is better waited for in order.
MAX_READERS = {"sqlite": 2, "postgresql": 4}
MAX_WRITERS = {"sqlite": 1, "postgresql": 4}
MAX_WAITING = 500  # requests in a line
MAX_WAIT_SECONDS = 20.0
RETRY_AFTER_SECONDS = 2


class WaitingLine:
    """Lets `places` requests go on at once, in the order in which they came."""

    def __init__(
        self, places: int, *, max_waiting: int = MAX_WAITING, max_wait_seconds: float = MAX_WAIT_SECONDS
    ) -> None:
        self.places = places
        self._free = asyncio.Semaphore(places)
        self._waiting = 0
        self._max_waiting = max_waiting
        self._max_wait_seconds = max_wait_seconds

    @asynccontextmanager
    async def place(self, *, patient: bool = False) -> AsyncIterator[None]:
        """Hold one of the places within the block; raise Busy at once where the line is full.

        With `patient`, wait however long it takes: for the parts of an answer that has begun.
        """
        if patient:
            await self._free.acquire()
        else:
            await self._wait()
        try:
            yield
        finally:
            self._free.release()

    async def _wait(self) -> None:
        if self._free.locked() and self._waiting >= self._max_waiting:
            raise Busy(retry_after=RETRY_AFTER_SECONDS)
        self._waiting += 1
        try:
            async with asyncio.timeout(self._max_wait_seconds):
                await self._free.acquire()
        except TimeoutError as error:
            raise Busy(retry_after=RETRY_AFTER_SECONDS) from error
        finally:
            self._waiting -= 1


class Admission:
    """The two lines in front of the database: requests that only read, and those that write."""

    def __init__(self, readers: WaitingLine, writers: WaitingLine) -> None:
        self.readers = readers
        self.writers = writers

    @classmethod
    def for_database(cls, dialect: str) -> "Admission":
        return cls(WaitingLine(MAX_READERS[dialect]), WaitingLine(MAX_WRITERS[dialect]))
