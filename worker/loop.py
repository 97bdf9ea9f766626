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

from app.contract.errors import DatabaseUnreachable, KinetoscopeError
from app.contract.job import BaseJob, ExplainJob, Job, Progress, SurveyJob, VisualizeJob, jobs_of_kind
from app.store.database.engine import Store
from app.store.jobs import leases, workers
from worker.batch_size import batch_size
from worker.job_context import JobContext, WorkerStopping

log = logging.getLogger(__name__)

POLL_SECONDS = 0.2  # between two checks of an empty queue
RECONNECT_SECONDS = 2.0
REPORT_SECONDS = 0.4  # between two reports of a running job
ANNOUNCE_SECONDS = 5.0  # between two signs of life of the worker

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

    def run(self, jobs: Sequence[Job], context: JobContext) -> None:
        """Compute a batch as it was claimed: jobs that share a batch are of one kind."""
        match jobs[0]:
            case VisualizeJob():
                self.visualize(jobs_of_kind(VisualizeJob, jobs), context)
            case SurveyJob():
                self.survey(jobs_of_kind(SurveyJob, jobs), context)
            case ExplainJob():
                self.explain(jobs_of_kind(ExplainJob, jobs), context)


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
    lease: timedelta  # after which a silent worker's jobs go back to the queue
    name: str = field(default_factory=make_worker_name)
    stop: Event = field(default_factory=Event)
    on_progress: Callable[[Job, Progress], None] | None = None
    report_seconds: float = REPORT_SECONDS

    def __post_init__(self) -> None:
        self.held_jobs: dict[int, Job] = {}
        self._announced = 0.0

    def run(self, until: Callable[[], bool] = lambda: False) -> None:
        """Work until the stop signal, or until `until()` is true between two batches."""
        try:
            while not self.stop.is_set() and not until():
                try:
                    if not self.work_once():
                        self.stop.wait(POLL_SECONDS)
                except WorkerStopping:
                    return
                except DatabaseUnreachable as error:  # the leases run out, and a worker claims the jobs again
                    log.warning("%s Trying again.", error.detail)
                    self.stop.wait(RECONNECT_SECONDS)
        finally:
            self._leave()

    def work_once(self, above: int | None = None) -> bool:
        """Claim and compute one batch, with `above` only of higher priority; return False where no job waits."""
        self.announce()
        with self.store.session() as session:
            if not leases.has_work(session, above=above):
                return False
        with self.store.transaction() as session:
            leases.release_expired(session)
            first = leases.peek(session, above=above)
            limit = self.batch if first is None else batch_size(session, first, self.batch)
            jobs = leases.claim(session, worker=self.name, limit=limit, lease=self.lease, above=above)
        if jobs:
            self._work(jobs)
        return bool(jobs)

    def _work(self, jobs: Sequence[Job]) -> None:
        self.held_jobs |= {job.id: job for job in jobs}
        context = JobContext(self, jobs)
        try:
            self.tasks.run(jobs, context)
        except WorkerStopping:
            with self.store.transaction() as session:
                leases.release(session, worker=self.name, jobs=context.open_jobs)
            raise
        except DatabaseUnreachable:
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

    def announce(self) -> None:
        """Tell the database every few seconds that this worker is alive."""
        if time.monotonic() - self._announced > ANNOUNCE_SECONDS:
            self._announced = time.monotonic()
            with self.store.transaction() as session:
                workers.record_worker(
                    session,
                    worker=self.name,
                    host=socket.gethostname(),
                    pid=os.getpid(),
                    device=self.device,
                )

    def _leave(self) -> None:
        try:
            with self.store.transaction() as session:
                leases.release(session, worker=self.name, jobs=self.held_jobs)
                workers.remove_worker(session, worker=self.name)
        except KinetoscopeError as error:
            log.warning("The worker could not sign off: %s", error.detail)
