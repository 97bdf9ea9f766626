"""A fresh dashboard takes what the shipped bundle has, and queues only the rest."""

import logging
from collections.abc import Iterator
from pathlib import Path
from shutil import copy, copyfile

import pytest

from app.bundles.choice import Choice
from app.bundles.export import export_bundle
from app.contract.dataset import NewClip
from app.contract.job import JobState, VisualizeJob
from app.contract.result import MediaRole
from app.contract.survey import NewClipPrediction
from app.store import datasets
from app.store.catalog import networks
from app.store.database.engine import Store, open_store
from app.store.jobs import leases, listing
from app.store.results import imports
from app.store.surveys import writing
from app.store.surveys.evidence import get_survey
from tests.bundle_support import change_manifest, copy_database, result_media
from tests.evidence_support import clip_media, facts, unit_evidence
from tests.support import claim, measurements
from worker.networks.families.mocap_classes import CLASS_NAMES
from worker.shipped.first_start import DATASET, add_shipped_clips, register_shipped
from worker.shipped.paths import CLIPS_FOLDER
from worker.shipped.sample import list_sample


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with two clips, to use instead of the shipped ones."""
    folder = tmp_path_factory.mktemp("clips")
    for name in ("walk", "run"):
        (folder / name).mkdir()
        copy(min((CLIPS_FOLDER / name).glob("*.mp4")), folder / name)
    return folder


@pytest.fixture(scope="module")
def made(weights: Path, clips: Path, migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a bundle with a survey of the two clips, and a result for each class at the default speed."""
    folder = tmp_path_factory.mktemp("origin")
    store = open_store(copy_database(migrated_sqlite, folder / "origin.db"))
    register_shipped(store, weights, folder / "none")
    with store.transaction() as session:
        datasets.add_dataset(session, slug=DATASET, title="People in motion")
        new = [
            NewClip(name=f.path.stem, label=f.label, source=f.source, group=f.group, media=clip_media(f.path.stem))
            for f in list_sample(clips)
        ]
        datasets.add_clips(session, slug=DATASET, clips=new)
        card = networks.get_card(session, slug="mocap")
        survey = writing.begin_survey(session, network="mocap", dataset=DATASET)
        bare = {"top_clips": (), "responses": (0.5,) * 21, "maxima": (1.0,) * 21, "precision": (0.5,) * 21, "feeds": ()}
        units = (unit_evidence(layer.name, unit, 21, **bare) for layer in card.layers for unit in range(layer.units))
        writing.save_unit_evidence(session, survey_id=survey, units=units)
        predictions = [
            NewClipPrediction(clip=clip.name, label=0, predicted=0, probability=0.5, label_probability=0.5)
            for clip in new
        ]
        writing.save_predictions(session, survey_id=survey, predictions=predictions)
        writing.finish_survey(session, survey_id=survey, facts=facts(21, clips=2, skipped=()))
    for job in claim(store, limit=len(CLASS_NAMES)):
        with store.transaction() as session:
            leases.finish_visualization(
                session, worker="w1", job=job, measurements=measurements(), media=result_media(job)
            )
    export_bundle(store, folder / "results.bundle", Choice(with_survey=True))
    store.close()
    return folder / "results.bundle"


@pytest.fixture
def results(made: Path, tmp_path: Path) -> Path:
    return Path(copyfile(made, tmp_path / "results.bundle"))


@pytest.fixture
def store(sqlite_url: str) -> Iterator[Store]:
    store = open_store(sqlite_url)
    yield store
    store.close()


def queued(store: Store) -> list[tuple[str, str, str]]:
    """Return network, layer and speed of the visualizations that wait; nothing else may wait."""
    with store.session() as session:
        waiting = listing.list_jobs(session, state=JobState.QUEUED, per_page=500).items
    jobs = [job for job in waiting if isinstance(job, VisualizeJob)]
    assert len(jobs) == len(waiting)
    return [(job.network, job.layer, job.recipe.speed) for job in jobs]


def test_what_the_bundle_has_is_there_and_the_rest_is_queued(
    store: Store, weights: Path, results: Path, clips: Path
) -> None:
    register_shipped(store, weights, results)
    with store.session() as session:
        summaries = {each.card.slug: each.visualizations for each in networks.list_networks(session)}
        [note] = imports.list_imports(session)
        assert get_survey(session, card=networks.get_card(session, slug="mocap")) is not None
    assert summaries == {"mocap": len(CLASS_NAMES), "mocap-judge": 0}
    assert (note.file, note.imported_by, note.results, note.surveys) == ("results.bundle", "first start", 21, 1)
    waiting = queued(store)
    assert ("mocap", "class", "medium") not in waiting
    assert {("mocap", "class", "slow"), ("mocap", "class", "free"), ("mocap-judge", "class", "medium")} < set(waiting)

    register_shipped(store, weights, results)
    add_shipped_clips(store, clips)
    assert queued(store) == waiting, "neither another start nor the clips ask for anything"
    with store.session() as session:
        assert len(imports.list_imports(session)) == 1
        assert datasets.get_dataset(session, slug=DATASET).clips == 2
        for role in (MediaRole.VIDEO, MediaRole.FLOW):
            assert not datasets.clips_without(session, slug=DATASET, role=role), "stills got their videos"


def test_without_a_bundle_that_can_be_used_everything_is_queued(
    store: Store, weights: Path, results: Path, caplog: pytest.LogCaptureFixture
) -> None:
    change_manifest(results, lambda manifest: manifest.update(engine=1))
    with caplog.at_level(logging.ERROR):
        register_shipped(store, weights, results)
    assert "the shipped results: Engine 1 made the results of this bundle" in caplog.text
    assert queued(store).count(("mocap", "class", "medium")) == len(CLASS_NAMES)
