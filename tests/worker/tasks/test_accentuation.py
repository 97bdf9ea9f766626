"""A clip of a data set is accentuated, from the request to the pictures."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from app.contract.dataset import NewClip
from app.contract.errors import InvalidRecipe
from app.contract.job import JobState, VisualizeJob, VisualizeRequest
from app.contract.recipe import Recipe
from app.contract.result import MediaRole, RenderedMedia
from app.store import datasets, media
from app.store.catalog import networks
from app.store.catalog.units import get_unit
from app.store.database.engine import Store, open_store
from app.store.jobs import listing, requests
from app.store.results import visualizations
from tests.support import LEASE
from worker.loop import WorkerLoop
from worker.networks.load import read_network
from worker.tasks import make_tasks
from worker.video.encode import write_video


@pytest.fixture(params=["clip", "two_stream"])
def store(request: pytest.FixtureRequest, sqlite_url: str) -> Iterator[Store]:
    """Yield a database with a network `tiny` of clips, or of two streams, and a data set of one video."""
    weights: Path = request.getfixturevalue(f"tiny_{request.param}_weights")
    store = open_store(sqlite_url)
    card, data = read_network(family=f"tiny_{request.param}", weights=weights, slug="tiny")
    with store.transaction() as session:
        networks.add_network(session, card=card, weights=networks.weight_chunks(data))
        datasets.add_dataset(session, slug="little", title="Little")
    yield store
    store.close()


@pytest.fixture
def sha256(store: Store, tmp_path: Path) -> str:
    rough = np.random.default_rng(0).integers(0, 255, (12, 12, 3), np.uint8).repeat(8, 0).repeat(8, 1)
    write_video(tmp_path / "clip.mp4", np.stack([np.roll(rough, 2 * t, 1) for t in range(12)]), fps=25)
    video = RenderedMedia(role=MediaRole.VIDEO, type="video/mp4", data=(tmp_path / "clip.mp4").read_bytes())
    with store.transaction() as session:
        datasets.add_clips(session, slug="little", clips=[NewClip(name="one", label="roll", media=(video,))])
        found = datasets.get_clip(session, slug="little", name="one").video
    assert found is not None
    return found.sha256


def ask(store: Store, start_clip: str) -> VisualizeJob:
    recipe = Recipe(start_clip=start_clip, steps=4)
    request = VisualizeRequest(network="tiny", layer="class", units=[1], recipe=recipe)
    with store.transaction() as session:
        (job,) = requests.enqueue(session, request=request).jobs
    return job


def work(store: Store, job: VisualizeJob) -> VisualizeJob:
    tasks = make_tasks(store, torch.device("cpu"))
    loop = WorkerLoop(store, tasks=tasks, device="cpu", batch=4, max_batch=4, lease=LEASE)
    while loop.work_once():
        pass
    with store.session() as session:
        ended = listing.get_job(session, job_id=job.id)
    assert isinstance(ended, VisualizeJob)
    return ended


def test_a_clip_becomes_a_result_that_listings_do_not_show(store: Store, sha256: str) -> None:
    job = work(store, ask(store, sha256))
    assert job.state is JobState.DONE, job.error
    with store.session() as session:
        card = networks.get_card(session, slug="tiny")
        (made,) = visualizations.visualizations_of_unit(session, card=card, layer="class", unit=1)
        unit = get_unit(session, card=card, layer="class", unit=1)
        assert visualizations.newest_of_units(session, card=card, units=[unit]) == {}
    assert made.recipe.start_clip == sha256
    assert (made.recipe.bound, made.recipe.likeness) == (0.5, 1.0)
    comparison = made.medium(MediaRole.COMPARISON)
    assert comparison is not None
    assert comparison.frames > 1
    assert comparison.width > 3 * 90
    assert made.measurements.clip_activation is not None
    assert set(made.measurements.clip_change) == {stream.name for stream in card.streams}
    assert (unit.visualizations, unit.poster) == (1, None)


def test_only_videos_of_data_sets_are_taken(store: Store, sha256: str) -> None:
    """Not those of uploads, whose media are stored as well: a checksum must not tell whether they are here."""
    with store.transaction() as session:
        private = media.put_medium(session, type="video/mp4", data=b"of a person's own clip")
    sentences = set()
    for unknown in (private, "0" * 64):
        with pytest.raises(InvalidRecipe, match="No clip of a data set has a video") as refused:
            ask(store, unknown)
        sentences.add(str(refused.value).replace(unknown[:12], "..."))
    assert len(sentences) == 1


def test_a_clip_that_is_gone_when_the_work_begins(store: Store, sha256: str) -> None:
    job = ask(store, sha256)
    with store.transaction() as session:
        datasets.remove_dataset(session, slug="little")
    ended = work(store, job)
    assert ended.state is JobState.FAILED
    assert ended.error is not None
    assert "has been removed with its data set" in ended.error.detail
