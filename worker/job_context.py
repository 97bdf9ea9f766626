"""What a task does with its jobs: report their progress, save their results, and end them."""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from threading import Event
from typing import Any, Protocol, TypeVar

from app.contract.errors import DatabaseFull, DatabaseUnreachable, KinetoscopeError
from app.contract.job import AddNetworkJob, ExplainJob, Job, JobError, Progress, SurveyJob, VisualizeJob
from app.contract.network import NetworkCard
from app.contract.result import Measurements, RenderedMedia
from app.store import Session
from app.store.database.engine import Store
from app.store.jobs import leases
from app.store.jobs.newest_survey import follow_newest_survey

log = logging.getLogger(__name__)

MIN_WAIT_SECONDS, MAX_WAIT_SECONDS = 0.5, 10.0  # between two attempts to save while the database takes nothing

PASSING_ERRORS = (DatabaseUnreachable, DatabaseFull)  # the worker waits for their end, and no job fails for them

Preview = Callable[[], RenderedMedia]
JobT = TypeVar("JobT", VisualizeJob, SurveyJob, ExplainJob, AddNetworkJob)
Saved = TypeVar("Saved")


class WorkerStopping(Exception):
    """The worker was asked to stop; its jobs go back to the queue."""


class JobDropped(Exception):
    """A job was cancelled, or belongs to another worker by now."""


class Worker(Protocol):
    """What a job context needs of the worker's loop."""

    store: Store
    name: str
    report_seconds: float
    stop: Event
    held_jobs: dict[int, Job]
    active_at: float
    on_progress: Callable[[Job, Progress], None] | None

    def pause(self, error: KinetoscopeError) -> None: ...

    def resume(self) -> None: ...

    def work_once(self, above: int | None = None) -> bool: ...


class JobContext:
    """The jobs of one batch while a task works on them: reports their progress, and ends each of them once."""

    def __init__(self, worker: Worker, jobs: Sequence[Job]) -> None:
        self.worker = worker
        self.open_jobs = {job.id: job for job in jobs}
        self.priority = jobs[0].priority
        self._started = self._reported = time.monotonic()

    def report(self, progress: Mapping[int, Progress], previews: Mapping[int, Preview]) -> frozenset[int]:
        """Report the progress of jobs, by job id; return those to drop: cancelled, or no longer ours.

        A task calls this after every step. Jobs of higher priority that wait are computed before it returns. While the
        database takes nothing, the task goes on unseen. Raises WorkerStopping once the worker was asked to stop.
        """
        if self.worker.stop.is_set():
            raise WorkerStopping
        self.worker.active_at = time.monotonic()
        try:
            self._report(progress, previews)
        except PASSING_ERRORS as error:
            self.worker.pause(error)
        finally:
            self.worker.active_at = time.monotonic()
        return frozenset(progress.keys() - self.open_jobs.keys())

    def _report(self, progress: Mapping[int, Progress], previews: Mapping[int, Preview]) -> None:
        worker = self.worker
        attempts = {id: job.attempts for id, job in self.open_jobs.items()}
        with worker.store.session() as session:
            status = leases.check_leases(session, worker=worker.name, jobs=attempts, priority=self.priority)
        for id in status.cancelled:
            with worker.store.transaction() as session:
                leases.end_cancelled(session, worker=worker.name, job=self.open_jobs[id])
        for id in status.cancelled | status.lost:
            self._close(id)
        if self.open_jobs and time.monotonic() - self._reported >= worker.report_seconds:
            self._save_progress(progress, previews)
        if status.urgent and self.open_jobs:
            worker.work_once(above=self.priority)

    def _save_progress(self, progress: Mapping[int, Progress], previews: Mapping[int, Preview]) -> None:
        worker = self.worker
        step_previews = {id: (progress[id].step, previews[id]()) for id in self.open_jobs if id in previews}
        with worker.store.transaction() as session:
            leases.save_progress(
                session,
                worker=worker.name,
                progress={id: progress[id] for id in self.open_jobs},
                previews=step_previews,
            )
        worker.resume()
        if worker.on_progress is not None:
            for id, job in self.open_jobs.items():
                worker.on_progress(job, progress[id])
        self._reported = time.monotonic()

    def run_each(self, jobs: Sequence[JobT], work: Callable[[JobT, "JobContext"], None]) -> None:
        """Run `work` on one job after the other; a known error fails its own job and no other."""
        for job in jobs:
            try:
                work(job, self)
            except JobDropped:
                log.info("job %s (%s) was dropped", job.id, describe_job(job))
            except PASSING_ERRORS:
                raise
            except KinetoscopeError as error:
                self.fail(job, error)

    def finish_visualization(
        self, job: VisualizeJob, measurements: Measurements, media: Sequence[RenderedMedia]
    ) -> None:
        """Save a visualization and end its job, in one transaction."""

        def save(session: Session) -> bool:
            saved = leases.finish_visualization(
                session, worker=self.worker.name, job=job, measurements=measurements, media=media
            )
            return saved is not None

        self._finish(job, save)

    def finish(self, job: leases.JobWithAnswer, save: Callable[[Session], dict[str, Any]]) -> None:
        """End a job of another kind. `save` writes its results and returns the job's answer, in one transaction.

        `save` is not called if the job is no longer ours, and may be called again after a lost connection.
        """
        self._finish(
            job, lambda session: leases.finish_with_answer(session, worker=self.worker.name, job=job, save=save)
        )

    def save(self, write: Callable[[Session], Saved]) -> Saved:
        """Run `write` in a transaction, again and again while the database is away or its disk is full.

        What took hours to compute is not lost to either. Raises WorkerStopping.
        """
        seconds = MIN_WAIT_SECONDS
        while True:
            self.worker.active_at = time.monotonic()
            try:
                with self.worker.store.transaction() as session:
                    saved = write(session)
            except PASSING_ERRORS as error:
                self.worker.pause(error)
                if self.worker.stop.wait(seconds):
                    raise WorkerStopping from error
                seconds = min(2 * seconds, MAX_WAIT_SECONDS)
            else:
                self.worker.resume()
                return saved

    def _finish(self, job: Job, save: Callable[[Session], bool]) -> None:
        is_saved = self.save(save)
        self._close(job.id)
        if is_saved:
            log.info("job %s (%s) done in %.1f s", job.id, describe_job(job), time.monotonic() - self._started)
        else:
            log.warning("job %s (%s) is no longer ours: its result is dropped", job.id, describe_job(job))

    def fail(self, job: Job, error: KinetoscopeError) -> None:
        """End a job with an error."""
        log.warning("job %s (%s) failed: %s", job.id, describe_job(job), error.detail)
        reason = JobError(kind=error.kind, detail=error.detail)
        self.save(lambda session: leases.fail(session, worker=self.worker.name, job=job, error=reason))
        self._close(job.id)

    def follow_newest_survey(self, card: NetworkCard) -> None:
        """Return all jobs of the batch to the queue, under the recipes that the newest survey gives them."""

        def write(session: Session) -> None:
            leases.release(session, worker=self.worker.name, jobs=self.open_jobs)
            follow_newest_survey(session, card=card)

        self.save(write)
        for id in list(self.open_jobs):
            self._close(id)

    def _close(self, id: int) -> None:
        self.open_jobs.pop(id, None)
        self.worker.held_jobs.pop(id, None)


def describe_job(job: Job) -> str:
    """Return a job in words for the log."""
    match job:
        case VisualizeJob():
            return f"{job.network} {job.layer}/{job.unit}"
        case SurveyJob():
            return f"{job.network} survey {job.dataset}"
        case ExplainJob():
            return f"{job.network} explain {job.dataset or ''}".strip()
        case AddNetworkJob():
            return f"add {job.source}"
