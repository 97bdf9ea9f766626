"""The loop on a real database with tasks that compute nothing."""

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, event

from app.contract.errors import DatabaseFull, DatabaseUnreachable, KinetoscopeError, NotFinite
from app.contract.job import BaseJob, JobState, Priority, Progress, VisualizeJob
from app.store.database.engine import Store, open_store
from app.store.jobs import leases, listing, queue, requests, workers
from tests import support
from tests.support import add_card, enqueue, state, two_stream_card, wait_for
from worker.job_context import JobContext
from worker.loop import Tasks, WorkerLoop


@dataclass
class Counting:
    """Takes `steps` steps and finishes what is left; `at_step` may interfere before each report."""

    steps: int = 5
    at_step: Callable[[int, Sequence[VisualizeJob]], None] = lambda step, batch: None
    batches: list[list[int]] = field(default_factory=list)
    order: list[str] = field(default_factory=list)
    media_bytes: int = 0

    def __call__(self, batch: Sequence[VisualizeJob], context: JobContext) -> None:
        self.batches.append([job.unit for job in batch])
        left = {job.id: job for job in batch}
        for step in range(1, self.steps + 1):
            self.at_step(step, batch)
            self.order.append(f"{batch[0].unit}.{step}")
            progress = {id: Progress(step=step, steps=self.steps) for id in left}
            for id in context.report(progress, {}):
                del left[id]
            if not left:
                return
        for job in left.values():
            poster, *others = support.media(job)
            poster = poster.model_copy(update={"data": poster.data + bytes(self.media_bytes)})
            context.finish_visualization(job, support.measurements(), [poster, *others])


@pytest.fixture
def tiny(sqlite_url: str) -> Iterator[Store]:
    store = open_store(sqlite_url)
    add_card(store, two_stream_card())
    yield store
    store.close()


def make(store: Store, task: Callable[[Sequence[VisualizeJob], JobContext], None], **options: Any) -> WorkerLoop:
    settings: dict[str, Any] = {
        "device": "cpu",
        "batch": 4,
        "lease": timedelta(seconds=30),
        "report_seconds": 0.0,
    } | options
    tasks = Tasks(visualize=task, survey=unexpected, explain=unexpected, add_network=unexpected)
    return WorkerLoop(store=store, tasks=tasks, **settings)


def unexpected(batch: Sequence[BaseJob], context: JobContext) -> None:
    raise AssertionError("only visualize jobs are queued here")


def empty(store: Store) -> Callable[[], bool]:
    def check() -> bool:
        with store.session() as session:
            counts = listing.count_by_state(session)
        return not counts[JobState.QUEUED] and not counts[JobState.RUNNING]

    return check


def test_the_queue_is_worked_off_in_batches(tiny: Store) -> None:
    queued = enqueue(tiny, 0, 1, 2, 3, 4)
    task = Counting()
    make(tiny, task).run(until=empty(tiny))
    assert task.batches == [[0, 1, 2, 3], [4]]
    assert {state(tiny, job) for job in queued} == {JobState.DONE}


def test_cancel_is_seen_within_one_step_and_spares_the_rest_of_the_batch(tiny: Store) -> None:
    first, second = enqueue(tiny, 0, 1)

    def cancel_first(step: int, batch: Sequence[VisualizeJob]) -> None:
        if step == 2:
            with tiny.transaction() as session:
                requests.cancel(session, job_id=first.id)

    seen: list[int] = []
    task = Counting(at_step=cancel_first)
    worker = make(tiny, task, on_progress=lambda job, progress: seen.append(job.id * 100 + progress.step))
    worker.run(until=empty(tiny))
    assert state(tiny, first) is JobState.CANCELLED
    assert state(tiny, second) is JobState.DONE
    assert first.id * 100 + 1 in seen
    assert first.id * 100 + 2 not in seen


def test_a_stop_returns_running_jobs_to_the_queue_at_once(tiny: Store) -> None:
    job = enqueue(tiny, 0)[0]
    worker = make(tiny, Counting(at_step=lambda step, batch: worker.stop.set() if step == 3 else None))
    worker.run()
    with tiny.session() as session:
        actual = listing.get_job(session, job_id=job.id)
        assert workers.list_workers(session) == []
    assert (actual.state, actual.attempts, actual.worker) == (JobState.QUEUED, 0, None)


def test_a_click_is_computed_in_the_middle_of_a_sweep(tiny: Store) -> None:
    enqueue(tiny, 0, 1)

    def click(step: int, batch: Sequence[VisualizeJob]) -> None:
        if step == 2 and batch[0].priority == Priority.SWEEP:
            enqueue(tiny, 4)

    task = Counting(steps=3, at_step=click)
    make(tiny, task).run(until=empty(tiny))
    assert task.order == ["0.1", "0.2", "4.1", "4.2", "4.3", "0.3"]


def test_work_that_interrupts_work_that_interrupts_holds_two_batches_at_most(tiny: Store) -> None:
    enqueue(tiny, 0, 1)
    held: list[int] = []

    def urge(step: int, batch: Sequence[VisualizeJob]) -> None:
        held.append(len(worker.held_jobs))
        if step == 1 and len(held) < 10:
            [more] = enqueue(tiny, 2, seed=len(held))
            with tiny.transaction() as session:
                queue.move(session, job_id=more.id, to="first")

    worker = make(tiny, Counting(steps=2, at_step=urge), batch=1)
    worker.run(until=empty(tiny))
    assert max(held) == 2


def test_a_stop_during_a_click_also_returns_the_interrupted_sweep(tiny: Store) -> None:
    enqueue(tiny, 0, 1)

    def interfere(step: int, batch: Sequence[VisualizeJob]) -> None:
        if batch[0].priority == Priority.CLICK:
            worker.stop.set()
        elif step == 1:
            enqueue(tiny, 4)

    worker = make(tiny, Counting(at_step=interfere))
    worker.run()
    with tiny.session() as session:
        assert listing.count_by_state(session)[JobState.QUEUED] == 3


def test_a_known_error_fails_its_job_and_the_queue_goes_on(tiny: Store) -> None:
    bad, good = enqueue(tiny, 0)[0], enqueue(tiny, 1)[0]
    task = Counting()

    def picky(batch: Sequence[VisualizeJob], context: JobContext) -> None:
        if batch[0].unit == 0:
            raise NotFinite("The objective of class/0 became NaN at step 3.")
        task(batch, context)

    make(tiny, picky, batch=1).run(until=empty(tiny))
    with tiny.session() as session:
        failed = listing.get_job(session, job_id=bad.id)
    assert failed.error is not None
    assert (failed.state, failed.error.kind) == (JobState.FAILED, "not_finite")
    assert state(tiny, good) is JobState.DONE


def test_an_unexpected_error_shows_a_reference_and_no_secret(tiny: Store, caplog: pytest.LogCaptureFixture) -> None:
    job = enqueue(tiny, 0)[0]

    def broken(batch: Sequence[VisualizeJob], context: JobContext) -> None:
        raise RuntimeError("/secret/path")

    make(tiny, broken).run(until=empty(tiny))
    with tiny.session() as session:
        failed = listing.get_job(session, job_id=job.id)
    assert failed.error is not None
    assert "secret" not in failed.error.detail
    reference = failed.error.detail.split()[-1].rstrip(".")
    assert reference in caplog.text
    assert "/secret/path" in caplog.text


def full_disk(store: Store) -> threading.Event:
    """Return an event that fills the disk while it is set: a page limit is SQLite's own way to meet one."""
    is_full = threading.Event()

    @event.listens_for(store.engine, "begin")
    def limit_pages(connection: Connection) -> None:
        used = connection.exec_driver_sql("PRAGMA page_count").scalar()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {used if is_full.is_set() else 10**6}")

    return is_full


def test_a_full_disk_pauses_the_worker_until_there_is_room(tiny: Store) -> None:
    [job] = enqueue(tiny, 0)
    is_full = full_disk(tiny)

    def fill(step: int, batch: Sequence[VisualizeJob]) -> None:
        is_full.set()

    def paused() -> list[str | None]:
        with tiny.session() as session:
            return [worker.paused for worker in workers.list_workers(session)]

    task = Counting(at_step=fill, media_bytes=1_000_000)
    worker = make(tiny, task, lease=timedelta(seconds=0.5))
    thread = threading.Thread(target=worker.run, args=(empty(tiny),))
    thread.start()
    wait_for(lambda: paused() == ["disk_full"])
    assert state(tiny, job) is JobState.RUNNING
    is_full.clear()
    thread.join(30)
    assert (state(tiny, job), worker.paused) == (JobState.DONE, None)
    assert len(task.batches) == 1


def test_a_job_that_was_lost_is_dropped_on_a_full_disk_too(tiny: Store) -> None:
    first, second = enqueue(tiny, 0, 1)
    is_full = full_disk(tiny)

    def work(batch: Sequence[VisualizeJob], context: JobContext) -> None:
        with tiny.transaction() as session:
            leases.release(session, worker=worker.name, jobs=[first.id])
        is_full.set()
        trace = (1.0,) * 100_000
        progress = {job.id: Progress(step=1, steps=2, trace=trace) for job in batch}
        assert context.report(progress, {}) == {first.id}
        assert worker.paused == "disk_full"
        is_full.clear()
        context.finish_visualization(batch[1], support.measurements(), support.media(batch[1]))

    worker = make(tiny, work)
    worker.work_once()
    assert (state(tiny, first), state(tiny, second)) == (JobState.QUEUED, JobState.DONE)


@pytest.mark.parametrize("one_by_one", [False, True])
def test_a_task_that_finds_the_database_away_starts_again_at_no_cost(tiny: Store, one_by_one: bool) -> None:
    [job] = enqueue(tiny, 0)
    errors: list[KinetoscopeError] = [DatabaseUnreachable("It does not answer."), DatabaseFull("It is full.")]
    task = Counting()

    def interrupted(batch: Sequence[VisualizeJob], context: JobContext) -> None:
        if errors:
            raise errors.pop()
        task(batch, context)

    def each(batch: Sequence[VisualizeJob], context: JobContext) -> None:
        context.run_each(batch, lambda one, context: interrupted([one], context))

    make(tiny, each if one_by_one else interrupted, lease=timedelta(seconds=0.2), reconnect_seconds=0.1).run(
        until=empty(tiny)
    )
    with tiny.session() as session:
        ended = listing.get_job(session, job_id=job.id)
    assert (ended.state, ended.attempts, ended.deaths) == (JobState.DONE, 1, 0)


def test_a_worker_that_lost_its_lease_drops_the_job_within_one_step(tiny: Store) -> None:
    job = enqueue(tiny, 0)[0]

    def steal(step: int, batch: Sequence[VisualizeJob]) -> None:
        if step == 2:
            with tiny.transaction() as session:
                leases.release(session, worker=worker.name, jobs=[job.id])
                leases.claim(session, worker="thief", limit=1)

    task = Counting(at_step=steal)
    worker = make(tiny, task)
    worker.work_once()
    assert task.order == ["0.1", "0.2"]
    with tiny.session() as session:
        assert listing.get_job(session, job_id=job.id).worker == "thief"


def test_two_loops_share_the_queue_and_compute_nothing_twice(tiny: Store) -> None:
    enqueue(tiny, 0, 1, 2, 3, 4)
    enqueue(tiny, 0, 1, 2, 3, 4, seed=1)
    tasks = [Counting(), Counting()]
    loops = [make(tiny, task, batch=2) for task in tasks]
    threads = [threading.Thread(target=loop.run, args=(empty(tiny),)) for loop in loops]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sum(len(batch) for task in tasks for batch in task.batches) == 10
