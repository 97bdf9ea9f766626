"""A published network is added by the real loop, from a request to a registered network."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.contract.errors import NetworkExists
from app.contract.job import AddNetworkJob, AddNetworkRequest, Job, JobState
from app.contract.network_source import NetworkSource
from app.settings import settings
from app.store.catalog import networks
from app.store.database.engine import Store, open_store
from app.store.jobs import listing, requests
from tests.support import LEASE
from tests.worker.sources.local_index import LocalIndex, i3d_variables, make_package, serving, source_of
from worker.loop import Tasks, WorkerLoop
from worker.tasks.add_network import AddNetworkTask

Package = tuple[NetworkSource, bytes]


@pytest.fixture(scope="module")
def package() -> Package:
    return make_package(i3d_variables())


@pytest.fixture
def local(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[LocalIndex]:
    monkeypatch.setenv("KINETOSCOPE_HOME", str(tmp_path))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    settings.cache_clear()
    with serving(LocalIndex()) as local:
        yield local
    settings.cache_clear()


@pytest.fixture
def store(sqlite_url: str) -> Iterator[Store]:
    store = open_store(sqlite_url)
    yield store
    store.close()


def ask(store: Store) -> AddNetworkJob:
    with store.transaction() as session:
        return requests.enqueue_network(session, request=AddNetworkRequest(source="i3d"))


def loop(store: Store, source: NetworkSource, local: LocalIndex) -> WorkerLoop:
    def unexpected(*arguments: object) -> None:
        raise AssertionError

    task = AddNetworkTask(store, find=lambda name: source, index=local.index)
    tasks = Tasks(visualize=unexpected, survey=unexpected, explain=unexpected, add_network=task)
    return WorkerLoop(store=store, tasks=tasks, device="cpu", batch=1, lease=LEASE, report_seconds=0)


def read(store: Store, job: Job) -> Job:
    with store.session() as session:
        return listing.get_job(session, job_id=job.id)


def test_a_request_becomes_a_network(store: Store, local: LocalIndex, package: Package) -> None:
    source, data = package
    local.publish(source, data)
    job = ask(store)
    assert (job.network, job.source, job.state) == ("i3d", "i3d", JobState.QUEUED)
    assert ask(store).id == job.id, "the same request joins the live job"
    worker = loop(store, source, local)
    reports: list[tuple[int, int]] = []
    worker.on_progress = lambda job, progress: reports.append((progress.step, progress.steps))
    worker.work_once()
    done = read(store, job)
    assert isinstance(done, AddNetworkJob)
    assert (done.state, done.error) == (JobState.DONE, None)
    assert done.answer == {"layers": 13, "units": 6208, "classes": 400}
    assert reports
    assert all(step <= steps for step, steps in reports)
    with store.session() as session:
        assert networks.get_card(session, slug="i3d").title == "I3D, Kinetics-400, RGB"
    with pytest.raises(NetworkExists, match="already registered"):
        ask(store)
    with store.session() as session:
        assert [each.id for each in listing.list_jobs(session, network="i3d").items] == [job.id]
    with store.transaction() as session:
        networks.remove_network(session, slug="i3d")
    with store.session() as session:
        assert listing.list_jobs(session).items == (), "a network's jobs go with it"


def test_a_failed_download_is_told_and_tried_again(store: Store, local: LocalIndex) -> None:
    source, data = make_package({"params": {}})
    job = ask(store)
    loop(store, source, local).work_once()
    failed = read(store, job)
    assert failed.state is JobState.FAILED
    assert failed.error is not None
    assert failed.error.kind == "download_failed"
    assert failed.can_be_retried
    local.publish(source, data)
    with store.transaction() as session:
        requests.retry(session, job_id=job.id)
    loop(store, source, local).work_once()
    failed = read(store, job)
    assert failed.error is not None
    assert failed.error.kind == "weights_mismatch", "this time the file came"


def test_a_cancelled_download_ends_and_leaves_nothing(store: Store, local: LocalIndex, tmp_path: Path) -> None:
    data = os.urandom(600_000)
    source = source_of(data, b"")
    local.publish(source, data)
    job = ask(store)

    def cancel(job: Job, progress: object) -> None:
        with store.transaction() as session:
            requests.cancel(session, job_id=job.id)

    worker = loop(store, source, local)
    worker.on_progress = cancel
    worker.work_once()
    assert read(store, job).state is JobState.CANCELLED
    assert list((tmp_path / "sources").iterdir()) == []
