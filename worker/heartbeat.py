"""The worker's heartbeat, in a thread of its own: it keeps the worker's jobs whatever a task does, and notices deaths.

A worker counts its heartbeats in the database. It takes another for dead that recorded none while it recorded as many
itself as fit into a lease. No clock is compared, so none that jumps takes live work away or leaves dead work waiting;
and while the database is away, nobody records anything and nobody dies.

Whatever the worker starts as a child process it starts anew (subprocess, spawn): a bare fork copies the locks of this
thread, and not the thread.
"""

import faulthandler
import logging
import os
import socket
from collections.abc import Hashable, Mapping
from datetime import timedelta
from math import ceil
from threading import Event, Thread
from typing import Generic, Protocol, Self, TypeVar

from app.contract.errors import KinetoscopeError
from app.contract.job import Job
from app.store.database.engine import Store
from app.store.jobs import deaths, leases, workers

log = logging.getLogger(__name__)

MAX_INTERVAL = timedelta(seconds=2)  # between two heartbeats
BEATS_PER_LEASE = 5  # at least
HANG_LIMIT = timedelta(minutes=15)  # for a task to do anything that it reports
STOP_SECONDS = 5.0  # to wait for a heartbeat under way
HUNG_STATUS = 70  # of the process that ends itself

Key = TypeVar("Key", bound=Hashable)


class Worker(Protocol):
    """What the heartbeat needs of the worker's loop."""

    store: Store
    name: str
    device: str
    lease: timedelta
    hang_limit: timedelta
    held_jobs: dict[int, Job]
    paused: str | None
    active_at: float  # when its task last reported anything, by time.monotonic()


class UnchangedFor(Generic[Key]):
    """Tells which values stayed the same in `limit` observations after their first."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._seen: dict[Key, tuple[object, int]] = {}  # the value, and how often it was seen again

    def observe(self, values: Mapping[Key, object]) -> set[Key]:
        """Take what the values are now; those of keys that are missing are forgotten."""
        before = self._seen
        self._seen = {
            key: (value, before[key][1] + 1 if key in before and before[key][0] == value else 0)
            for key, value in values.items()
        }
        return {key for key, (_, times) in self._seen.items() if times >= self.limit}


def end_hung_process() -> None:
    """End this process at once, after its log has told what each thread was doing."""
    faulthandler.dump_traceback()
    os._exit(HUNG_STATUS)


class Heartbeat:
    """Records heartbeats of a worker within its `with` block, and releases the jobs of workers that have none."""

    def __init__(self, worker: Worker) -> None:
        self.worker = worker
        self.interval = min(worker.lease / BEATS_PER_LEASE, MAX_INTERVAL)
        beats = ceil(worker.lease / self.interval)
        self._others: UnchangedFor[str] = UnchangedFor(beats)
        self._not_held: UnchangedFor[int] = UnchangedFor(ceil(beats / 2))
        # Heartbeats are counted here, too: a process that was itself stopped for a while has not hung.
        self._reports: UnchangedFor[int] = UnchangedFor(ceil(worker.hang_limit / self.interval))
        self._is_failing = False
        self._stop = Event()
        self._thread = Thread(target=self._run, name="heartbeat", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._stop.set()
        self._thread.join(STOP_SECONDS)

    def beat(self) -> None:
        """Record one heartbeat, and release the jobs of dead workers. Raises KinetoscopeError."""
        worker = self.worker
        held = set(worker.held_jobs)
        with worker.store.transaction() as session:
            workers.record_heartbeat(
                session,
                worker=worker.name,
                host=socket.gethostname(),
                pid=os.getpid(),
                device=worker.device,
                paused=worker.paused,
            )
            others = {name: beats for name, beats in deaths.read_heartbeats(session).items() if name != worker.name}
            for name in self._others.observe(others):
                if released := deaths.release_dead(session, worker=name):
                    log.warning("worker %s is dead: %d jobs are taken from it", name, released)
            # Jobs that are this worker's without its knowledge: the answer to its claim was lost, or it gave them up
            # while the database was away. To be claimed and not yet held takes a moment, hence more than one look.
            claimed = leases.list_claimed(session, worker=worker.name)
            forgotten = self._not_held.observe({id: attempt for id, attempt in claimed.items() if id not in held})
            if forgotten:
                log.warning("jobs %s are not being computed and go back to the queue", sorted(forgotten))
                leases.release(session, worker=worker.name, jobs=forgotten)

    def _run(self) -> None:
        while True:
            self._check_for_hang()
            try:
                self.beat()
            except Exception as error:
                self._note_failure(error)
            else:
                if self._is_failing:
                    log.warning("heartbeats are recorded again")
                self._is_failing = False
            if self._stop.wait(self.interval.total_seconds()):
                return

    def _note_failure(self, error: Exception) -> None:
        """Log a heartbeat that could not be recorded, once until one can."""
        if not self._is_failing:
            self._is_failing = True
            is_known = isinstance(error, KinetoscopeError)
            reason = error.detail if isinstance(error, KinetoscopeError) else "an unexpected error."
            log.warning(
                "No heartbeat recorded: %s Trying again; if others can record theirs, they take over this worker's "
                "%d jobs in %.0f s.",
                reason,
                len(self.worker.held_jobs),
                self.worker.lease.total_seconds(),
                exc_info=None if is_known else error,
            )

    def _check_for_hang(self) -> None:
        """End a process whose task has not reported for too long: its jobs then count as those of a dead worker."""
        held = sorted(self.worker.held_jobs)
        if self._reports.observe({held[0]: self.worker.active_at} if held else {}):
            seconds = self.worker.hang_limit.total_seconds()
            log.error("no report of jobs %s for %.0f s: the worker hangs and ends", held, seconds)
            end_hung_process()
