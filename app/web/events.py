"""Sends changes of jobs to open pages. Each process polls the database once, however many pages listen."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime, timedelta

from app.contract.errors import KinetoscopeError
from app.contract.job import Job
from app.store.database.clock import now
from app.store.database.engine import Store
from app.store.jobs import listing
from app.web.http_errors import Busy

POLL_SECONDS = 0.2
RETRY_SECONDS = 2.0  # until the next poll, where the database does not answer
OVERLAP = timedelta(seconds=2)  # of two polls: a change is stamped before its commit, and visible only after it
MAX_SUBSCRIPTIONS = 1000
RETRY_AFTER_SECONDS = 10  # for clients beyond MAX_SUBSCRIPTIONS
MAX_PENDING_JOBS = 10_000  # of one subscription

log = logging.getLogger(__name__)


class Subscription:
    """The changes that one client has not received yet: at most the newest state of each job."""

    def __init__(
        self, *, job: int | None = None, network: str | None = None, max_pending: int = MAX_PENDING_JOBS
    ) -> None:
        self._job = job
        self._network = network
        self._max_pending = max_pending
        self._pending: dict[int, Job] = {}
        self._newest: dict[int, int] = {}  # revision of each job offered, also of those received
        self._wake = asyncio.Event()
        self._open = True

    def offer(self, job: Job) -> None:
        """Add a job, unless the client does not want it or was offered this revision before."""
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
        """Yield changed jobs as they are offered, until the subscription is closed."""
        while self._open:
            await self._wake.wait()
            self._wake.clear()
            while self._pending and self._open:
                yield self._pending.pop(next(iter(self._pending)))


class Events:
    """The poller: it reads changed jobs while there are subscriptions, and offers each change to all of them."""

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
        """Receive changes within the block. Raises Busy where there are `max_subscriptions` already."""
        if len(self._subscriptions) >= self._max_subscriptions:
            raise Busy(retry_after=RETRY_AFTER_SECONDS)
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
        """End all streams, because a stopping server waits for them."""
        self._open = False
        for subscription in self._subscriptions:
            subscription.close()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Poll within the block."""
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
        """Return the jobs that have changed since the last poll."""
        with self._store.session() as session:
            moment = now(session)
            changed = listing.list_changed_jobs(session, since=(self._since or moment) - OVERLAP)
        fresh = [job for job in changed if self._seen.get(job.id) != job.revision]
        self._seen = {job.id: job.revision for job in changed}
        self._since = moment
        return fresh
