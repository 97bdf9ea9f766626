"""A published network is added by the real loop, from a request to a registered network."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.contract.errors import InvalidRequest, NetworkExists
from app.contract.job import AddNetworkJob, AddNetworkRequest, Job, JobState
from app.contract.network_source import NetworkSource
from app.settings import settings
from app.store.catalog import networks
from app.store.database.engine import Store, open_store
from app.store.jobs import listing, requests
from benchmarks.architectures.video_transformers import save, save_encoder
from tests.support import LEASE
from tests.worker.sources.local_hub import LocalHub
from tests.worker.sources.local_hub import serving as hub_serving
from tests.worker.sources.local_index import LocalIndex, i3d_variables, make_package, serving, source_of
from worker.loop import Tasks, WorkerLoop
from worker.tasks.add_network import TRACING, AddNetworkTask, allowed_path

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
    answer = done.answer or {}
    assert (answer["layers"], answer["units"], answer["classes"]) == (13, 6208, 400)
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


def work(store: Store, request: AddNetworkRequest) -> tuple[AddNetworkJob, list[str]]:
    """Add a network by the real loop; return the ended job and the stages that it told."""
    with store.transaction() as session:
        job = requests.enqueue_network(session, request=request)

    def unexpected(*arguments: object) -> None:
        raise AssertionError

    tasks = Tasks(visualize=unexpected, survey=unexpected, explain=unexpected, add_network=AddNetworkTask(store))
    worker = WorkerLoop(store=store, tasks=tasks, device="cpu", batch=1, lease=LEASE, report_seconds=0)
    stages: list[str] = []
    worker.on_progress = lambda job, progress: stages.append(progress.stage)
    worker.work_once()
    done = read(store, job)
    assert isinstance(done, AddNetworkJob)
    return done, list(dict.fromkeys(stages))


def test_a_network_of_the_hub_is_added_and_says_what_is_left_out(
    store: Store, local: LocalIndex, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with hub_serving(LocalHub()) as hub:
        hub.publish("lab/mae", save_encoder("VideoMAEForPreTraining", tmp_path / "net"))
        monkeypatch.setenv("HF_ENDPOINT", hub.address)
        done, stages = work(store, AddNetworkRequest(hub="lab/mae", slug="mine", title="Mine"))
        assert (done.state, done.error) == (JobState.DONE, None)
        assert stages == ["", TRACING]
        answer = done.answer or {}
        assert (answer["classes"], answer["needs"][:21]) == (0, "One unit needs about ")
        assert "decoder, encoder_to_decoder" in [part["module"] for part in answer["omitted"]]
        with store.session() as session:
            card = networks.get_card(session, slug="mine")
        assert (card.title, card.origin and card.origin.name) == ("Mine", "lab/mae")
        failed, _ = work(store, AddNetworkRequest(hub="lab/none"))
    assert failed.error is not None
    assert "has no network lab/none" in failed.error.detail
    offline, _ = work(store, AddNetworkRequest(source="videomae-base"))
    assert offline.error is not None
    assert "hf download MCG-NJU/videomae-base --local-dir videomae-base" in offline.error.detail


def test_a_network_of_the_directory_is_added_with_labels(
    store: Store, local: LocalIndex, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    allowed = tmp_path / "allowed"
    save("videomae", allowed / "group" / "Net 1")
    monkeypatch.setenv("KINETOSCOPE_NETWORK_DIRECTORY", str(allowed))
    settings.cache_clear()
    done, stages = work(store, AddNetworkRequest(path="group/Net 1", labels="one\ntwo\nthree\n"))
    assert (done.state, done.error, stages) == (JobState.DONE, None, [TRACING])
    with store.session() as session:
        assert networks.get_card(session, slug="net-1").classes == ("one", "two", "three")
    wrong, _ = work(store, AddNetworkRequest(path="group/Net 1", slug="other", labels="one\ntwo\n"))
    assert wrong.error is not None
    assert "3 classes, but there are 2 labels" in wrong.error.detail


def test_no_path_leads_out_of_the_directory_or_runs_code(
    local: LocalIndex, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with pytest.raises(InvalidRequest, match="KINETOSCOPE_NETWORK_DIRECTORY"):
        allowed_path("net")
    allowed, outside = tmp_path / "allowed", tmp_path / "outside"
    outside.mkdir()
    (allowed / "net").mkdir(parents=True)
    (allowed / "link").symlink_to(outside)
    (allowed / "family.py").write_text("raise SystemExit('run!')")
    monkeypatch.setenv("KINETOSCOPE_NETWORK_DIRECTORY", str(allowed))
    settings.cache_clear()
    assert allowed_path("net") == allowed / "net"
    for source in ("../outside", str(outside), "link", "none", ".", "net/../../outside", "/etc/passwd"):
        with pytest.raises(InvalidRequest, match=r"There is no .* below KINETOSCOPE_NETWORK_DIRECTORY"):
            allowed_path(source)
    with pytest.raises(InvalidRequest, match="is Python, which is not run"):
        allowed_path("family.py")


def test_a_path_that_has_the_name_of_a_published_network_is_another_job(store: Store) -> None:
    with store.transaction() as session:
        on_disk = requests.enqueue_network(session, request=AddNetworkRequest(path="i3d"))
    assert ask(store).id != on_disk.id
    assert ask(store).source == "i3d"
