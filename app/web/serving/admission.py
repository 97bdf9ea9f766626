"""Limits how many requests use the database at once; the others wait in line.

A request runs in the thread pool several times: to open its session, to run the endpoint, to validate the answer, to
commit. Between these it keeps its connection, and a writing request SQLite's write lock, but no thread. If other
requests waited for a connection inside a thread, they could take all threads, and the requests that own the connections
could not go on: a deadlock until a timeout. A request that waits here holds neither a thread nor a connection.

Code that opens and closes its session within one thread (event streams, archives, the health check) does not wait here:
it never holds a connection without a thread. For it the connection pools of app.store must be larger than the limits
below.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from app.web.http_errors import Busy

# Few, because threads that compute share the interpreter lock with the event loop, which speaks to all clients. 100
# posts beside 100 readers take 8 s with 8 readers at once on SQLite, and 2 s with 2 (benchmarks/load.py). On PostgreSQL
# a request computes less and waits more. SQLite has one write lock; waiting here keeps the order.
MAX_READERS = {"sqlite": 2, "postgresql": 4}
MAX_WRITERS = {"sqlite": 1, "postgresql": 4}
MAX_WAITING = 500  # requests in each line
MAX_WAIT_SECONDS = 20.0
RETRY_AFTER_SECONDS = 2  # for requests that find a full line, or wait too long


class WaitingLine:
    """A semaphore with a limit on its queue: `slots` requests go on at once, the others in the order of arrival."""

    def __init__(
        self, slots: int, *, max_waiting: int = MAX_WAITING, max_wait_seconds: float = MAX_WAIT_SECONDS
    ) -> None:
        self.slots = slots
        self._free = asyncio.Semaphore(slots)
        self._waiting = 0
        self._max_waiting = max_waiting
        self._max_wait_seconds = max_wait_seconds

    @asynccontextmanager
    async def slot(self, *, patient: bool = False) -> AsyncIterator[None]:
        """Hold one of the slots within the block.

        Raises Busy at once where the line is full, and after `max_wait_seconds` in line. With `patient` it waits
        without a limit: for an answer of which a part was sent already.
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
    """The waiting lines in front of the database: one for requests that read, one for requests that write."""

    def __init__(self, readers: WaitingLine, writers: WaitingLine) -> None:
        self.readers = readers
        self.writers = writers
        self._downloads = WaitingLine(1)

    @classmethod
    def for_database(cls, dialect: str) -> "Admission":
        """Return the lines for a database, `sqlite` or `postgresql`."""
        return cls(WaitingLine(MAX_READERS[dialect]), WaitingLine(MAX_WRITERS[dialect]))

    @asynccontextmanager
    async def download_slot(self) -> AsyncIterator[None]:
        """Hold a reader's slot within the block, for a part of a long answer, however long the wait.

        One part at a time is in line: a part takes ten times as long as a page. 20 downloads, each of which had a place
        in line, made 300 readers wait 6 s instead of 4.
        """
        async with self._downloads.slot(patient=True), self.readers.slot(patient=True):
            yield
