"""Sends changes of jobs to open pages. Each process polls the database once, however many pages listen."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.contract.errors import KinetoscopeError
from app.contract.job import Job
from app.store.database.chunks import chunks
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


@dataclass(frozen=True, eq=False)
class Change:
    """A job after a change. Whoever has received it has missed nothing that was dated before `since`."""

    job: Job
    since: datetime


ChangesPage = tuple[list[Job], tuple[datetime, int] | None]  # changed jobs, and where the next page begins


class Subscription:
    """The changes that one client has not received yet: at most the newest state of each job.

    A client that comes back, or falls behind by more than `max_pending` jobs, receives what it has missed page by page
    from the database: `read_changes` returns the page that begins at a time, behind a job that changed then.
    """

    def __init__(
        self,
        read_changes: Callable[[datetime, int], Awaitable[ChangesPage]],
        *,
        job: int | None = None,
        network: str | None = None,
        missed_since: datetime | None = None,
        max_pending: int = MAX_PENDING_JOBS,
    ) -> None:
        self._read_changes = read_changes
        self._job = job
        self._network = network
        self._max_pending = max_pending
        self._missed_since = missed_since  # None where all that it has missed is pending
        self._pending: dict[int, Change] = {}  # by job, in the order of `since`
        self._newest: dict[int, int] = {}  # revision of jobs offered, also of those received
        self._wake = asyncio.Event()
        if missed_since is not None:
            self._wake.set()
        self._open = True

    def offer(self, change: Change) -> None:
        """Add a change, unless the client does not want the job or has or will have this revision anyway."""
        job = change.job
        if self._job not in (None, job.id) or self._network not in (None, job.network):
            return
        if self._missed_since is not None or not self.is_new(job):
            return
        self._pending[job.id] = change
        if len(self._pending) > self._max_pending:
            self._missed_since = next(iter(self._pending.values())).since
            self._pending.clear()
            self._newest.clear()
        self._wake.set()

    def is_new(self, job: Job) -> bool:
        """Return whether the client has no newer revision of the job, and remember this one as the newest."""
        if job.revision <= self._newest.get(job.id, -1):
            return False
        self._newest[job.id] = job.revision
        self._pending.pop(job.id, None)
        if len(self._newest) > self._max_pending:
            del self._newest[next(iter(self._newest))]
        return True

    def close(self) -> None:
        self._open = False
        self._wake.set()

    async def changes(self) -> AsyncIterator[Change]:
        """Yield changes as they are offered, until the subscription is closed."""
        while self._open:
            await self._wake.wait()
            self._wake.clear()
            start = None if self._missed_since is None else (self._missed_since, 0)
            self._missed_since = None  # from here on changes are offered again
            while start is not None and self._open:
                since, (jobs, start) = start[0] - OVERLAP, await self._read_changes(*start)
                for job in jobs:
                    if self._open and self.is_new(job):
                        yield Change(job, since)
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
        max_pending: int = MAX_PENDING_JOBS,
    ) -> None:
        self._store = store
        self._poll_seconds = poll_seconds
        self._retry_seconds = retry_seconds
        self._max_subscriptions = max_subscriptions
        self._max_pending = max_pending
        self._subscriptions: set[Subscription] = set()
        self._has_subscriptions = asyncio.Event()
        self._open = True
        self._since: datetime | None = None  # time of the last poll
        self._look_back_to: datetime | None = None  # for the next poll
        self._seen: dict[int, int] = {}  # revisions at the last poll
        self._one_reads = asyncio.Lock()  # many clients come back at once after a restart

    @contextmanager
    def subscribe(
        self, *, job: int | None = None, network: str | None = None, missed_since: datetime | None = None
    ) -> Iterator[Subscription]:
        """Receive changes within the block. Raises Busy where there are `max_subscriptions` already."""
        if len(self._subscriptions) >= self._max_subscriptions:
            raise Busy(retry_after=RETRY_AFTER_SECONDS)

        def read(since: datetime, after_id: int) -> ChangesPage:
            with self._store.session() as session:
                return listing.list_changed_jobs(session, since=since, after_id=after_id, job=job, network=network)

        async def read_changes(since: datetime, after_id: int) -> ChangesPage:
            async with self._one_reads:
                return await asyncio.to_thread(read, since, after_id)

        subscription = Subscription(
            read_changes, job=job, network=network, missed_since=missed_since, max_pending=self._max_pending
        )
        if not self._open:
            subscription.close()
        self._subscriptions.add(subscription)
        self._has_subscriptions.set()
        try:
            yield subscription
        finally:
            self._subscriptions.discard(subscription)

    def look_back_to(self, moment: datetime) -> None:
        """Let the next poll read what changed from this time on: a poll that begins late would begin after it."""
        self._look_back_to = min(moment, self._look_back_to or moment)

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
                await self._offer_changes()
            except KinetoscopeError as error:
                log.warning("Events wait for the database: %s", error.detail)
                pause = self._retry_seconds
            except Exception:
                log.exception("Events could not be read; trying again")
                pause = self._retry_seconds
            if not self._subscriptions:
                self._has_subscriptions.clear()
                self._since = None
            await asyncio.sleep(pause)

    async def _offer_changes(self) -> None:
        """Offer what has changed since the last poll to all subscriptions."""
        look_back_to, self._look_back_to = self._look_back_to, None
        moment, since, revisions = await asyncio.to_thread(self._changes, look_back_to)
        fresh = [id for id, revision in revisions.items() if self._seen.get(id) != revision]
        for ids in chunks(fresh, listing.CHANGES_PER_PAGE):
            for job in await asyncio.to_thread(self._read_jobs, ids):
                change = Change(job, since)
                for subscription in self._subscriptions:
                    subscription.offer(change)
                await asyncio.sleep(0)
        self._since, self._seen = moment, revisions

    def _changes(self, look_back_to: datetime | None) -> tuple[datetime, datetime, dict[int, int]]:
        """Return the time, the time from which on changes were read, and the revision of each changed job."""
        with self._store.session() as session:
            moment = now(session)
            since = min(moment, self._since or moment, look_back_to or moment) - OVERLAP
            return moment, since, listing.changed_revisions(session, since=since)

    def _read_jobs(self, ids: list[int]) -> list[Job]:
        with self._store.session() as session:
            return listing.jobs_by_id(session, ids=ids)
