"""The worker's loop: claim a batch of jobs, compute it, save it, under a lease and a stop signal. It knows no torch."""

import logging
import os
import secrets
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from threading import Event
from typing import Protocol, TypeVar

from app.contract.errors import KinetoscopeError
from app.contract.job import AddNetworkJob, BaseJob, ExplainJob, Job, Progress, SurveyJob, VisualizeJob, jobs_of_kind
from app.store.database.engine import Store
from app.store.jobs import leases, workers
from worker.batch_size import batch_size
from worker.heartbeat import HANG_LIMIT, Heartbeat
from worker.job_context import PASSING_ERRORS, JobContext, WorkerStopping

log = logging.getLogger(__name__)

POLL_SECONDS = 0.2  # between two checks of an empty queue
RECONNECT_SECONDS = 2.0
REPORT_SECONDS = 0.4  # between two reports of a running job

JobT = TypeVar("JobT", bound=BaseJob, contravariant=True)


class Task(Protocol[JobT]):
    """Computes a batch of jobs of one kind and ends each of them, by the context's methods."""

    def __call__(self, jobs: Sequence[JobT], context: JobContext, /) -> None: ...


@dataclass(frozen=True)
class Tasks:
    """The task for each kind of job."""

    visualize: Task[VisualizeJob]
    survey: Task[SurveyJob]
    explain: Task[ExplainJob]
    add_network: Task[AddNetworkJob]

    def run(self, jobs: Sequence[Job], context: JobContext) -> None:
        """Compute a batch as it was claimed: jobs that share a batch are of one kind."""
        match jobs[0]:
            case VisualizeJob():
                self.visualize(jobs_of_kind(VisualizeJob, jobs), context)
            case SurveyJob():
                self.survey(jobs_of_kind(SurveyJob, jobs), context)
            case ExplainJob():
                self.explain(jobs_of_kind(ExplainJob, jobs), context)
            case AddNetworkJob():
                self.add_network(jobs_of_kind(AddNetworkJob, jobs), context)


class UnexpectedError(KinetoscopeError):
    """An error that nobody foresaw; its traceback is in the worker's log under a reference."""

    kind = "internal"

    def __init__(self, reference: str) -> None:
        super().__init__(f"Something unexpected went wrong; the worker's log has it under {reference}.")


def make_worker_name() -> str:
    """Return a name for a worker: its host, its process id, and random digits."""
    return f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(2)}"


@dataclass
class WorkerLoop:
    """One worker: claims jobs from the queue, and computes them until `stop` is set."""

    store: Store
    tasks: Tasks
    device: str  # its name, for the page of workers
    batch: int  # jobs claimed at once, or more where each needs a small part of a frame
    lease: timedelta  # after which the jobs of a worker without heartbeat go back to the queue
    name: str = field(default_factory=make_worker_name)
    stop: Event = field(default_factory=Event)
    on_progress: Callable[[Job, Progress], None] | None = None
    report_seconds: float = REPORT_SECONDS
    reconnect_seconds: float = RECONNECT_SECONDS
    hang_limit: timedelta = HANG_LIMIT
    max_batch: int | None = None  # jobs claimed at once at most; None for `batch`

    def __post_init__(self) -> None:
        self.held_jobs: dict[int, Job] = {}
        self.paused: str | None = None  # kind of the error that it waits to pass
        self.active_at = time.monotonic()  # when a task last reported anything

    def run(self, until: Callable[[], bool] = lambda: False) -> None:
        """Work until the stop signal, or until `until()` is true between two batches."""
        try:
            with Heartbeat(self):
                while not self.stop.is_set():
                    try:
                        if until():
                            return
                        has_worked = self.work_once()
                        self.resume()
                        if not has_worked:
                            self.stop.wait(POLL_SECONDS)
                    except WorkerStopping:
                        return
                    except PASSING_ERRORS as error:
                        self.pause(error)  # heartbeats release the jobs that this left running
                        self.stop.wait(self.reconnect_seconds)
        finally:
            self._leave()

    def work_once(self, above: int | None = None) -> bool:
        """Claim and compute one batch, with `above` only of higher priority; return False where no job waits.

        With `above`, a batch under way is interrupted: all that interrupt each other hold two batches at most.
        """
        max_batch = self.max_batch or self.batch
        room = 2 * max_batch - len(self.held_jobs)
        if room <= 0:
            return False
        with self.store.session() as session:
            if not leases.has_work(session, above=above):
                return False
        with self.store.transaction() as session:
            first = leases.peek(session, above=above)
            limit = self.batch if first is None else batch_size(session, first, self.batch, max_batch)
            jobs = leases.claim(session, worker=self.name, limit=min(limit, room), above=above)
        if jobs:
            self._work(jobs)
        return bool(jobs)

    def _work(self, jobs: Sequence[Job]) -> None:
        self.held_jobs |= {job.id: job for job in jobs}
        self.active_at = time.monotonic()
        context = JobContext(self, jobs)
        try:
            self.tasks.run(jobs, context)
        except WorkerStopping:
            with self.store.transaction() as session:
                leases.release(session, worker=self.name, jobs=context.open_jobs)
            raise
        except PASSING_ERRORS:
            raise
        except KinetoscopeError as error:
            for job in list(context.open_jobs.values()):
                context.fail(job, error)
        except Exception:
            reference = secrets.token_hex(4)
            log.exception("unexpected error %s in jobs %s", reference, sorted(context.open_jobs))
            for job in list(context.open_jobs.values()):
                context.fail(job, UnexpectedError(reference))
        finally:
            for job in jobs:
                self.held_jobs.pop(job.id, None)

    def pause(self, error: KinetoscopeError) -> None:
        """Note that nothing can be done before `error` has passed, for the log and for whoever looks at the worker."""
        if self.paused != error.kind:
            log.warning("The worker is paused: %s It goes on by itself.", error.detail)
        self.paused = error.kind
        self.active_at = time.monotonic()

    def resume(self) -> None:
        """Note that what paused the worker has passed, if anything did."""
        if self.paused is not None:
            log.warning("The worker goes on.")
        self.paused = None

    def _leave(self) -> None:
        try:
            with self.store.transaction() as session:
                leases.release(session, worker=self.name, jobs=leases.list_claimed(session, worker=self.name))
                workers.remove_worker(session, worker=self.name)
        except KinetoscopeError as error:
            log.warning("The worker could not sign off: %s", error.detail)
