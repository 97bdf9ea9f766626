"""Tells open pages what changes in the queue: one poller for each process, however many pages listen."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime, timedelta

from app.contract.errors import KinetoscopeError
from app.contract.job import Job
from app.store.database.engine import Store, now
from app.store.jobs import listing
from app.web.http_errors import Busy

POLL_SECONDS = 0.2
RETRY_SECONDS = 2.0  # before the next poll when the database does not answer
OVERLAP = timedelta(seconds=2)  # between polls: a change has the time before its commit, and is seen only after it
MAX_SUBSCRIPTIONS = 1000
SUBSCRIBE_AFTER_SECONDS = 10
MAX_PENDING_JOBS = 10_000  # of one subscription

log = logging.getLogger(__name__)


class Subscription:
    """The changes that one reader has not read yet: at most the newest state of each job."""

    def __init__(
        self, *, job: int | None = None, network: str | None = None, max_pending: int = MAX_PENDING_JOBS
    ) -> None:
        self._job = job
        self._network = network
        self._max_pending = max_pending
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
        for jobs in (self._newest, self._pending):
            if len(jobs) > self._max_pending:
                del jobs[next(iter(jobs))]
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
    """Polls the database for changed jobs while somebody listens, and gives each change to every subscription."""

    def __init__(
        self,
        store: Store,
        *,
        poll_seconds: float = POLL_SECONDS,
        retry_seconds: float = RETRY_SECONDS,
        max_subscriptions: int = MAX_SUBSCRIPTIONS,
    ) -> None:
        self._store = store
        self._poll_seconds = poll_seconds
        self._retry_seconds = retry_seconds
        self._max_subscriptions = max_subscriptions
        self._subscriptions: set[Subscription] = set()
        self._has_subscriptions = asyncio.Event()
        self._open = True
        self._since: datetime | None = None
        self._seen: dict[int, int] = {}

    @contextmanager
    def subscribe(self, *, job: int | None = None, network: str | None = None) -> Iterator[Subscription]:
        """Receive changes within the block; raise Busy where too many receive them already."""
        if len(self._subscriptions) >= self._max_subscriptions:
            raise Busy(retry_after=SUBSCRIBE_AFTER_SECONDS)
        subscription = Subscription(job=job, network=network)
        if not self._open:
            subscription.close()
        self._subscriptions.add(subscription)
        self._has_subscriptions.set()
        try:
            yield subscription
        finally:
            self._subscriptions.discard(subscription)

    def close(self) -> None:
        """End every stream: a server that stops waits for its open answers."""
        self._open = False
        for subscription in self._subscriptions:
            subscription.close()

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
            await self._has_subscriptions.wait()
            pause = self._poll_seconds
            try:
                changed = await asyncio.to_thread(self._changes)
            except KinetoscopeError as error:
                log.warning("Events wait for the database: %s", error.detail)
                pause = self._retry_seconds
            else:
                for job in changed:
                    for subscription in self._subscriptions:
                        subscription.offer(job)
            if not self._subscriptions:
                self._has_subscriptions.clear()
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
