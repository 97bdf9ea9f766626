"""Tells open pages what changes in the queue: one poller per process, however many pages listen."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime, timedelta

from app.contract.errors import KinetoscopeError
from app.contract.job import Job
from app.store.database.engine import Store, now
from app.store.jobs import listing

INTERVAL = 0.2  # seconds between two looks
PAUSE = 2.0  # seconds before the next look when the database does not answer
OVERLAP = timedelta(seconds=2)  # a change is stamped before it is committed, and seen only after
BACKLOG = 10_000  # changed jobs kept for one reader

log = logging.getLogger(__name__)


class Subscription:
    """What one reader has not read yet: at most the newest state of each job, however slow it reads."""

    def __init__(self, *, job: int | None = None, network: str | None = None, backlog: int = BACKLOG) -> None:
        self._job = job
        self._network = network
        self._backlog = backlog
        self._pending: dict[int, Job] = {}
        self._newest: dict[int, int] = {}  # revisions, also of what was read
        self._wake = asyncio.Event()
        self._open = True

    def offer(self, job: Job) -> None:
        if self._job not in (None, job.id) or self._network not in (None, job.network):
            return
        if job.revision <= self._newest.get(job.id, -1):
            return
        self._newest[job.id] = job.revision
        self._pending[job.id] = job
        for kept in (self._newest, self._pending):
            if len(kept) > self._backlog:
                del kept[next(iter(kept))]
        self._wake.set()

    def close(self) -> None:
        self._open = False
        self._wake.set()

    async def jobs(self) -> AsyncIterator[Job]:
        while self._open:
            await self._wake.wait()
            self._wake.clear()
            while self._pending and self._open:
                yield self._pending.pop(next(iter(self._pending)))


class Events:
    """Looks for changed jobs while somebody listens, and gives each change to every reader."""

    def __init__(self, store: Store, interval: float = INTERVAL) -> None:
        self._store = store
        self._interval = interval
        self._readers: set[Subscription] = set()
        self._listened = asyncio.Event()
        self._open = True
        self._since: datetime | None = None
        self._seen: dict[int, int] = {}

    @contextmanager
    def subscribe(self, *, job: int | None = None, network: str | None = None) -> Iterator[Subscription]:
        reader = Subscription(job=job, network=network)
        if not self._open:
            reader.close()
        self._readers.add(reader)
        self._listened.set()
        try:
            yield reader
        finally:
            self._readers.discard(reader)

    def close(self) -> None:
        """End every stream: a server that stops waits for its open answers."""
        self._open = False
        for reader in self._readers:
            reader.close()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        poller = asyncio.create_task(self._poll())
        try:
            yield
        finally:
            self.close()
            poller.cancel()
            await asyncio.gather(poller, return_exceptions=True)

    async def _poll(self) -> None:
        while True:
            await self._listened.wait()
            pause = self._interval
            try:
                changed = await asyncio.to_thread(self._changes)
            except KinetoscopeError as error:
                log.warning("Events wait for the database: %s", error.detail)
                pause = PAUSE
            else:
                for job in changed:
                    for reader in self._readers:
                        reader.offer(job)
            if not self._readers:
                self._listened.clear()
                self._since = None
            await asyncio.sleep(pause)

    def _changes(self) -> list[Job]:
        with self._store.session() as session:
            moment = now(session)
            found = listing.list_changed_jobs(session, since=(self._since or moment) - OVERLAP)
        fresh = [job for job in found if self._seen.get(job.id) != job.revision]
        self._seen = {job.id: job.revision for job in found}
        self._since = moment
        return fresh
