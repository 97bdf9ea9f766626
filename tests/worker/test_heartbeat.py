"""Heartbeats keep jobs that are computed, and release those of the dead, by no clock."""

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import create_engine, text

from app.contract.job import JobState, Progress, VisualizeJob
from app.settings import ROOT
from app.store.database.engine import Store, open_store
from app.store.jobs import listing, workers
from benchmarks.postgres_server import PostgresServer
from tests.support import add_card, claim, enqueue, measurements, media, state, two_stream_card, wait_for
from worker.heartbeat import HUNG_STATUS, Heartbeat, UnchangedFor
from worker.job_context import JobContext
from worker.loop import Tasks, WorkerLoop

LEASE = timedelta(seconds=0.5)
BEATS = 5  # in this lease


class Clock:
    """Tells the time, and jumps."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(database_url: str, clock: Clock) -> Iterator[Store]:
    store = open_store(database_url, clock=clock)
    add_card(store, two_stream_card())
    yield store
    store.close()


def make(
    store: Store, task: Callable[[Sequence[VisualizeJob], JobContext], None] = lambda jobs, context: None
) -> WorkerLoop:
    def unexpected(jobs: Sequence[object], context: JobContext) -> None:
        raise AssertionError("only visualize jobs are queued here")

    return WorkerLoop(store, Tasks(task, unexpected, unexpected, unexpected), "cpu", batch=4, lease=LEASE)


def test_what_stays_the_same_is_told_after_so_many_more_looks() -> None:
    watch: UnchangedFor[str] = UnchangedFor(2)
    assert [watch.observe({"still": 1, "moving": look}) for look in range(3)] == [set(), set(), {"still"}]
    watch.observe({})
    assert watch.observe({"still": 1}) == set()


@pytest.mark.parametrize("jump", [timedelta(hours=1), timedelta(hours=-1)])
def test_a_clock_that_jumps_takes_no_live_work_away_and_leaves_no_dead_work_waiting(
    store: Store, clock: Clock, jump: timedelta
) -> None:
    enqueue(store, 0, 1)
    live, dead, observer = make(store), make(store), make(store)
    hearts = [Heartbeat(each) for each in (live, dead, observer)]
    for loop, heart in zip((live, dead), hearts, strict=False):
        loop.held_jobs = {job.id: job for job in claim(store, worker=loop.name)}
        heart.beat()
    for beat in range(BEATS):
        assert state(store, *dead.held_jobs.values()) is JobState.RUNNING, beat
        hearts[2].beat()
        clock.ahead += jump
        hearts[0].beat()
    hearts[2].beat()
    assert state(store, *dead.held_jobs.values()) is JobState.QUEUED
    for _ in range(3 * BEATS):
        hearts[2].beat()
        clock.ahead -= jump / 2
        hearts[0].beat()
    assert state(store, *live.held_jobs.values()) is JobState.RUNNING


def test_a_task_that_reports_nothing_for_longer_than_a_lease_keeps_its_job(store: Store) -> None:
    """It sleeps in C, as decoders do; an idle worker beside it would take the job."""
    [queued] = enqueue(store, 0)
    computed = []

    def sleep(jobs: Sequence[VisualizeJob], context: JobContext) -> None:
        computed.append(jobs[0].id)
        time.sleep(3 * LEASE.total_seconds())
        context.finish_visualization(jobs[0], measurements(), media(jobs[0]))

    loops = [make(store, sleep) for _ in range(2)]
    threads = [
        threading.Thread(target=loop.run, args=(lambda: state(store, queued) is JobState.DONE,)) for loop in loops
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert computed == [queued.id]
    with store.session() as session:
        assert listing.get_job(session, job_id=queued.id).attempts == 1
        assert workers.list_workers(session) == []  # they signed off


def test_jobs_that_a_worker_claimed_without_knowing_go_back_at_no_cost(store: Store) -> None:
    [job] = enqueue(store, 0)
    loop = make(store)
    claim(store, worker=loop.name)
    heart = Heartbeat(loop)
    while state(store, job) is JobState.RUNNING:
        heart.beat()
    with store.session() as session:
        again = listing.get_job(session, job_id=job.id)
    assert (again.state, again.attempts, again.deaths) == (JobState.QUEUED, 0, 0)


def test_a_heart_beats_on_when_the_database_is_back(sqlite_url: str, caplog: pytest.LogCaptureFixture) -> None:
    store = open_store(sqlite_url)
    loop = make(store)
    with store.transaction() as session:
        session.connection().exec_driver_sql("ALTER TABLE workers RENAME TO gone")
    with Heartbeat(loop):
        wait_for(lambda: "No heartbeat recorded" in caplog.text)
        with store.transaction() as session:
            session.connection().exec_driver_sql("ALTER TABLE gone RENAME TO workers")
        wait_for(lambda: "heartbeats are recorded again" in caplog.text)
    assert caplog.text.count("No heartbeat recorded") == 1
    with store.session() as session:
        assert workers.any_alive(session)
    store.close()


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_task_goes_on_while_the_database_is_away_and_its_result_is_saved(
    store: Store, postgres: PostgresServer
) -> None:
    [queued] = enqueue(store, 0)
    database = store.engine.url.database
    administration = create_engine(f"{postgres.url}/postgres", isolation_level="AUTOCOMMIT")
    attempts = []

    def allow(is_allowed: bool) -> None:
        with administration.connect() as connection:
            connection.execute(text(f'ALTER DATABASE "{database}" ALLOW_CONNECTIONS {is_allowed}'))
            others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :database"
            connection.execute(text(others), {"database": database})

    def work(jobs: Sequence[VisualizeJob], context: JobContext) -> None:
        attempts.append(jobs[0].attempts)
        for step in range(4):
            if step == 1:
                allow(False)
            context.report({jobs[0].id: Progress(step=step, steps=4)}, {})
        context.finish_visualization(jobs[0], measurements(), media(jobs[0]))

    loop = make(store, work)
    thread = threading.Thread(target=loop.run, args=(lambda: state(store, queued) is JobState.DONE,))
    thread.start()
    wait_for(lambda: loop.paused == "database_unreachable")
    allow(True)
    thread.join(30)
    administration.dispose()
    assert (attempts, state(store, queued), loop.paused) == ([1], JobState.DONE, None)


def test_a_hung_task_ends_its_worker(sqlite_url: str) -> None:
    store = open_store(sqlite_url)
    add_card(store, two_stream_card())
    [job] = enqueue(store, 0)
    program = (
        "import sys, time; from datetime import timedelta; from app.store.database.engine import open_store\n"
        "from worker.loop import Tasks, WorkerLoop\n"
        "def hang(jobs, context): time.sleep(60)\n"
        "tasks = Tasks(hang, hang, hang, hang)\n"
        "WorkerLoop(open_store(sys.argv[1]), tasks, 'cpu', batch=1, lease=timedelta(seconds=0.5),\n"
        "           hang_limit=timedelta(seconds=0.3)).run()"
    )
    command = [sys.executable, "-c", program, sqlite_url]
    process = subprocess.run(command, cwd=ROOT, timeout=60, stderr=subprocess.PIPE, text=True)
    assert process.returncode == HUNG_STATUS
    assert f"no report of jobs [{job.id}]" in process.stderr
    assert "in hang" in process.stderr
    heart = Heartbeat(make(store))
    for _ in range(BEATS + 1):
        heart.beat()
    with store.session() as session:
        again = listing.get_job(session, job_id=job.id)
    assert (again.state, again.deaths) == (JobState.QUEUED, 1)
    store.close()
