"""A fresh dashboard: the shipped networks come in once, with their work queued in the right order."""

import logging
from collections.abc import Iterator
from pathlib import Path
from shutil import copy, copyfile, copytree

import pytest

from app.contract.job import JobKind, JobState, VisualizeJob, VisualizeRequest
from app.store import datasets
from app.store.catalog import networks
from app.store.catalog.networks import get_card
from app.store.database.engine import Store, open_store
from app.store.jobs import listing, requests
from app.store.surveys import writing
from tests.dashboard import Dashboard, wait_for
from tests.evidence_support import add_dataset, survey
from tests.support import claim
from worker.networks.families.mocap_classes import CLASS_NAMES
from worker.shipped.first_start import DATASET, add_shipped_clips, has_running_click, register_shipped
from worker.shipped.paths import CLIPS_FOLDER
from worker.shipped.training import find_trained_network


@pytest.fixture
def store(sqlite_url: str) -> Iterator[Store]:
    store = open_store(sqlite_url)
    yield store
    store.close()


@pytest.fixture(scope="module")
def first_started(weights: Path, migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a database in which the shipped networks were registered once."""
    path = tmp_path_factory.mktemp("started") / "kinetoscope.db"
    copyfile(migrated_sqlite, path)
    store = open_store(f"sqlite:///{path}")
    register_shipped(store, weights)
    store.close()
    return path


@pytest.fixture
def started(first_started: Path, tmp_path: Path) -> Iterator[Store]:
    """Return a store of this test's own with the shipped networks and the work that is queued with them."""
    copyfile(first_started, tmp_path / "started.db")
    store = open_store(f"sqlite:///{tmp_path / 'started.db'}")
    yield store
    store.close()


def test_all_classes_come_first_and_once(started: Store, weights: Path) -> None:
    store = started
    register_shipped(store, weights)
    with store.session() as session:
        assert [network.card.slug for network in networks.list_networks(session)] == ["mocap", "mocap-judge"]
        waiting = listing.list_jobs(session, state=JobState.QUEUED, per_page=500)
    jobs = [job for job in waiting.items if isinstance(job, VisualizeJob)]
    assert len(jobs) == len(waiting.items)
    served = [(job.network, job.layer, job.recipe.speed) for job in jobs]
    speeds = ("medium", "slow", "free")
    assert served[: 3 * len(CLASS_NAMES)] == [("mocap", "class", speed) for speed in speeds for _ in CLASS_NAMES]
    rest = served[3 * len(CLASS_NAMES) :]
    with store.session() as session:
        layers = [layer.name for layer in networks.get_card(session, slug="mocap").layers if not layer.is_class]
    depth = [("mocap", layer, "medium") for layer in layers for _ in range(4)]
    assert rest[: len(depth)] == depth, "something of every depth"
    assert set(rest[len(depth) :]) == {
        ("mocap", "class", "fast"),
        ("mocap", "fusion.conv5", "medium"),
        ("mocap-judge", "class", "medium"),
    }


@pytest.fixture
def two_clips(tmp_path: Path) -> Path:
    """Return a folder with two clips, to use instead of the shipped ones."""
    for name in ("walk", "run"):
        (tmp_path / "clips" / name).mkdir(parents=True)
        copy(min((CLIPS_FOLDER / name).glob("*.mp4")), tmp_path / "clips" / name)
    return tmp_path / "clips"


def test_the_survey_comes_right_after_the_first_stimuli_of_the_classes(started: Store, two_clips: Path) -> None:
    add_shipped_clips(started, two_clips)
    with started.session() as session:
        assert datasets.get_dataset(session, slug=DATASET).clips == 2
        waiting = listing.list_jobs(session, state=JobState.QUEUED, per_page=500).items
    assert [job.kind for job in waiting].index(JobKind.SURVEY) == len(CLASS_NAMES)
    first = [job.recipe.speed for job in waiting[: len(CLASS_NAMES)] if isinstance(job, VisualizeJob)]
    assert first == ["medium"] * len(CLASS_NAMES)


def test_clips_wait_while_a_click_is_worked_on(started: Store) -> None:
    assert not has_running_click(started)
    with started.transaction() as session:
        requests.enqueue(session, request=VisualizeRequest(network="mocap", layer="fc6", units=[3]))
    claim(started)
    assert has_running_click(started)


def test_a_survey_that_somebody_asked_for_before_all_clips_had_come_is_made_again(
    started: Store, two_clips: Path
) -> None:
    add_dataset(started, DATASET)
    survey(started, "mocap", DATASET)
    add_shipped_clips(started, two_clips)
    with started.session() as session:
        assert len(writing.list_live_surveys(session, card=get_card(session, slug="mocap"))) == 1


def test_a_damaged_network_does_not_keep_the_other_out(
    store: Store, weights: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "weights"
    copytree(weights, folder)
    damaged = folder / find_trained_network("default").weights
    damaged.write_bytes(damaged.read_bytes()[:1000])
    with caplog.at_level(logging.ERROR):
        register_shipped(store, folder)
    assert "mocap" in caplog.text
    with store.session() as session:
        assert [network.card.slug for network in networks.list_networks(session)] == ["mocap-judge"]


@pytest.mark.slow
def test_a_fresh_dashboard_shows_stimuli_and_clips_with_nothing_asked(tmp_path: Path) -> None:
    """`kinetoscope up` on nothing: stimuli of the default network's classes, and clips of its data set, come by
    themselves.
    """
    dashboard = Dashboard(tmp_path, KINETOSCOPE_SHIPPED="true", KINETOSCOPE_THREADS="1")
    try:
        done = wait_for(lambda: dashboard.get("/api/jobs?state=done")["items"], seconds=240)
        assert {(job["network"], job["layer"]) for job in done} == {("mocap", "class")}
        assert [network["slug"] for network in dashboard.get("/api/networks")] == ["mocap", "mocap-judge"]
        (people,) = wait_for(lambda: dashboard.get("/api/datasets"), seconds=240)
        assert people["slug"] == DATASET
    finally:
        assert dashboard.stop() == 0
