"""The worker's life: claim, work, save, under a lease and a stop signal. Knows no torch."""

import logging
import os
import secrets
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from threading import Event
from typing import Any, Protocol, TypeVar

from app.contract.errors import DatabaseUnreachable, DiskFull, KinetoscopeError
from app.contract.job import BaseJob, ExplainJob, Job, JobError, Progress, SurveyJob, VisualizeJob, jobs_of_kind
from app.contract.result import Measurements, RenderedMedia
from app.store import Session
from app.store.database.engine import Store
from app.store.jobs import leases, workers
from worker.batch_size import batch_size

log = logging.getLogger(__name__)

IDLE_SECONDS = 0.2  # between two looks at an empty queue
BEAT_SECONDS = 0.4  # between two reports of a running job
PRESENCE_SECONDS = 5.0
SAVE_ATTEMPTS = 5

Preview = Callable[[], RenderedMedia]


class Stopping(Exception):
    """The worker was asked to stop; its jobs go back to the queue."""


class Desk(Protocol):
    """What a task may do for the jobs it was given."""

    def report(self, progress: Mapping[int, Progress], previews: Mapping[int, Preview]) -> frozenset[int]:
        """Call after every step, by job id. Gives the jobs to drop: cancelled, or no longer ours."""

    def finish(self, job: VisualizeJob, measurements: Measurements, media: Sequence[RenderedMedia]) -> None:
        """Save a visualization and end its job."""

    def complete(self, job: SurveyJob | ExplainJob, save: Callable[[Session], dict[str, Any]]) -> None:
        """End a job of another kind. `save` keeps what came out and gives the job's answer, in one transaction with
        the end; it is not called if the job is no longer ours, and may be called again after a lost connection.
        """

    def fail(self, job: Job, error: KinetoscopeError) -> None: ...


JobT = TypeVar("JobT", bound=BaseJob, contravariant=True)


class Task(Protocol[JobT]):
    """Computes a batch of jobs of one kind, and ends each by `desk.finish`, `desk.complete` or `desk.fail`."""

    def __call__(self, jobs: Sequence[JobT], desk: Desk) -> None: ...


@dataclass(frozen=True)
class Tasks:
    """What computes each kind of job."""

    visualize: Task[VisualizeJob]
    survey: Task[SurveyJob]
    explain: Task[ExplainJob]

    def run(self, jobs: Sequence[Job], desk: Desk) -> None:
        """Compute a batch as it was claimed: jobs that share a batch are of one kind."""
        match jobs[0]:
            case VisualizeJob():
                self.visualize(jobs_of_kind(VisualizeJob, jobs), desk)
            case SurveyJob():
                self.survey(jobs_of_kind(SurveyJob, jobs), desk)
            case ExplainJob():
                self.explain(jobs_of_kind(ExplainJob, jobs), desk)


def worker_name() -> str:
    return f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(2)}"


@dataclass
class Loop:
    store: Store
    tasks: Tasks
    device: str
    batch: int
    lease: timedelta
    name: str = field(default_factory=worker_name)
    stop: Event = field(default_factory=Event)
    on_progress: Callable[[Job, Progress], None] | None = None

    def __post_init__(self) -> None:
        self.held: dict[int, Job] = {}
        self._present = 0.0

    def run(self, until: Callable[[], bool] = lambda: False) -> None:
        """Work until the stop signal, or until `until()` says so between two batches."""
        try:
            while not self.stop.is_set() and not until():
                try:
                    if not self.work_once():
                        self.stop.wait(IDLE_SECONDS)
                except Stopping:
                    return
                except DatabaseUnreachable as error:  # leases run out, and a worker takes the jobs up again
                    log.warning("%s Trying again.", error.detail)
                    self.stop.wait(2)
        finally:
            self._leave()

    def work_once(self, above: int | None = None) -> bool:
        """Claim and compute one batch; False where nothing waits."""
        self._presence()
        with self.store.session() as session:
            if not leases.something_to_do(session, above=above):
                return False
        with self.store.transaction() as session:
            leases.release_expired(session)
            head = leases.head(session, above=above)
            limit = self.batch if head is None else batch_size(session, head, self.batch)
            jobs = leases.claim(session, worker=self.name, limit=limit, lease=self.lease, above=above)
        if jobs:
            self._work(jobs)
        return bool(jobs)

    def _work(self, jobs: Sequence[Job]) -> None:
        self.held |= {job.id: job for job in jobs}
        desk = _Desk(self, jobs)
        try:
            self.tasks.run(jobs, desk)
        except Stopping:
            with self.store.transaction() as session:
                leases.hand_back(session, worker=self.name, jobs=desk.open)
            raise
        except DatabaseUnreachable:
            raise
        except KinetoscopeError as error:
            for job in list(desk.open.values()):
                desk.fail(job, error)
        except Exception:
            reference = secrets.token_hex(4)
            log.exception("unexpected error %s in jobs %s", reference, sorted(desk.open))
            for job in list(desk.open.values()):
                desk.fail(job, UnexpectedError(reference))
        finally:
            for job in jobs:
                self.held.pop(job.id, None)

    def _presence(self) -> None:
        if time.monotonic() - self._present > PRESENCE_SECONDS:
            self._present = time.monotonic()
            with self.store.transaction() as session:
                workers.worker_seen(
                    session,
                    worker=self.name,
                    host=socket.gethostname(),
                    pid=os.getpid(),
                    device=self.device,
                )

    def _leave(self) -> None:
        try:
            with self.store.transaction() as session:
                leases.hand_back(session, worker=self.name, jobs=self.held)
                workers.worker_gone(session, worker=self.name)
        except KinetoscopeError as error:
            log.warning("Could not say goodbye: %s", error.detail)


class UnexpectedError(KinetoscopeError):
    kind = "internal"

    def __init__(self, reference: str) -> None:
        super().__init__(f"Something unexpected went wrong; the worker's log has it under {reference}.")


class _Desk:
    """The desk of one batch: keeps its jobs alive and ends them one by one."""

    def __init__(self, loop: Loop, jobs: Sequence[Job]) -> None:
        self.loop = loop
        self.open = {job.id: job for job in jobs}
        self.priority = jobs[0].priority
        self._started = self._beat = time.monotonic()

    def report(self, progress: Mapping[int, Progress], previews: Mapping[int, Preview]) -> frozenset[int]:
        loop = self.loop
        if loop.stop.is_set():
            raise Stopping
        attempts = {id: job.attempts for id, job in self.open.items()}
        with loop.store.session() as session:
            watch = leases.watch(session, worker=loop.name, jobs=attempts, priority=self.priority)
        for id in watch.cancelled:
            with loop.store.transaction() as session:
                leases.stop_cancelled(session, worker=loop.name, job=self.open[id])
        dropped = watch.cancelled | watch.lost
        for id in dropped:
            self.open.pop(id)
            loop.held.pop(id, None)
        if self.open and time.monotonic() - self._beat >= BEAT_SECONDS:
            self._report(progress, previews)
        if watch.urgent and self.open:
            loop.work_once(above=self.priority)  # a person's click goes in between
        return dropped

    def _report(self, progress: Mapping[int, Progress], previews: Mapping[int, Preview]) -> None:
        loop = self.loop
        pictures = {id: (progress[id].step, previews[id]()) for id in self.open if id in previews}
        with loop.store.transaction() as session:
            leases.beat(
                session,
                worker=loop.name,
                jobs=loop.held,
                lease=loop.lease,
                progress={id: progress[id] for id in self.open},
                previews=pictures,
            )
        loop._presence()
        if loop.on_progress is not None:
            for id, job in self.open.items():
                loop.on_progress(job, progress[id])
        self._beat = time.monotonic()

    def finish(self, job: VisualizeJob, measurements: Measurements, media: Sequence[RenderedMedia]) -> None:
        def save(session: Session) -> bool:
            saved = leases.finish(session, worker=self.loop.name, job=job, measurements=measurements, media=media)
            return saved is not None

        self._save(job, save)

    def complete(self, job: SurveyJob | ExplainJob, save: Callable[[Session], dict[str, Any]]) -> None:
        self._save(job, lambda session: leases.complete(session, worker=self.loop.name, job=job, save=save))

    def _save(self, job: Job, save: Callable[[Session], bool]) -> None:
        """A database that is away for a moment costs no finished work."""
        for attempt in range(SAVE_ATTEMPTS):
            try:
                with self.loop.store.transaction() as session:
                    is_saved = save(session)
                break
            except DatabaseUnreachable:
                if attempt == SAVE_ATTEMPTS - 1:
                    raise
                self.loop.stop.wait(2**attempt / 2)
            except DiskFull as error:
                self.fail(job, error)
                return
        self._close(job)
        if is_saved:
            log.info("job %s (%s) done in %.1f s", job.id, _place(job), time.monotonic() - self._started)
        else:
            log.warning("job %s (%s) is no longer ours: its result is dropped", job.id, _place(job))

    def fail(self, job: Job, error: KinetoscopeError) -> None:
        log.warning("job %s (%s) failed: %s", job.id, _place(job), error.detail)
        try:
            with self.loop.store.transaction() as session:
                leases.fail(
                    session,
                    worker=self.loop.name,
                    job=job,
                    error=JobError(kind=error.kind, detail=error.detail),
                )
        except DiskFull:  # not even room for the reason: the lease runs out and the job waits again
            log.error("the disk is full; job %s goes back to the queue when its lease runs out", job.id)
            self.loop.stop.wait(2)
        self._close(job)

    def _close(self, job: Job) -> None:
        self.open.pop(job.id, None)
        self.loop.held.pop(job.id, None)


def _place(job: Job) -> str:
    match job:
        case VisualizeJob():
            return f"{job.network} {job.layer}/{job.unit}"
        case SurveyJob():
            return f"{job.network} survey {job.dataset}"
        case ExplainJob():
            return f"{job.network} explain {job.dataset or ''}".strip()
