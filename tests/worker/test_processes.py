"""Real worker processes on a real queue are stopped, and hear of cancelled jobs; tests/benchmarks kills them."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from app.contract.job import Job, JobState
from app.settings import ROOT
from app.store.catalog import networks
from app.store.database.engine import Store, open_store
from app.store.jobs import listing, requests
from tests.support import enqueue, wait_for
from tests.worker.conftest import TINY_FAMILIES
from worker.networks.network import Network

STEPS = 40


@pytest.fixture
def tiny(sqlite_url: str, tiny_two_stream: Network, tiny_two_stream_weights: Path) -> Iterator[Store]:
    """Return a store that knows the tiny two-stream network by the slug `tiny`."""
    store = open_store(sqlite_url)
    card = tiny_two_stream.card.model_copy(update={"slug": "tiny"})
    with store.transaction() as session:
        networks.add_network(session, card=card, weights=networks.weight_chunks(tiny_two_stream_weights.read_bytes()))
    yield store
    store.close()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[[], subprocess.Popen[bytes]]]:
    started: list[subprocess.Popen[bytes]] = []

    def start() -> subprocess.Popen[bytes]:
        environment = os.environ | {
            "KINETOSCOPE_HOME": str(tmp_path),
            "KINETOSCOPE_SHIPPED": "false",
            "KINETOSCOPE_FAMILIES": str(TINY_FAMILIES),
            "KINETOSCOPE_LEASE_SECONDS": "1",
            "KINETOSCOPE_BATCH": "3",
            "KINETOSCOPE_THREADS": "1",
        }
        command = [sys.executable, "-m", "worker.cli", "run"]
        started.append(subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.DEVNULL))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()


def states(store: Store, queued: Sequence[Job]) -> list[JobState]:
    with store.session() as session:
        return [listing.get_job(session, job_id=job.id).state for job in queued]


def running(store: Store) -> Callable[[], bool]:
    def check() -> bool:
        with store.session() as session:
            return listing.count_by_state(session)[JobState.RUNNING] > 0

    return check


@pytest.mark.slow
def test_a_terminated_worker_returns_its_job_to_the_queue(
    tiny: Store, start: Callable[[], subprocess.Popen[bytes]]
) -> None:
    queued = enqueue(tiny, 0, steps=2048)
    worker = start()
    wait_for(running(tiny))
    worker.terminate()
    assert worker.wait(60) == 0
    with tiny.session() as session:
        job = listing.get_job(session, job_id=queued[0].id)
    assert (job.state, job.attempts) == (JobState.QUEUED, 0)


@pytest.mark.slow
def test_cancel_reaches_a_running_process(tiny: Store, start: Callable[[], subprocess.Popen[bytes]]) -> None:
    queued = enqueue(tiny, 0, steps=2048)
    start()
    wait_for(running(tiny))
    with tiny.transaction() as session:
        requests.cancel(session, job_id=queued[0].id)
    wait_for(lambda: states(tiny, queued) == [JobState.CANCELLED])
