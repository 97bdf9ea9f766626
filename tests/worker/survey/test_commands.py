"""A survey from the command to the store, with real videos."""

import os
from dataclasses import replace
from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from app.contract.explanation import Explanation
from app.contract.job import Job, JobState, Progress
from app.contract.result import MediaRole
from app.contract.unit_query import UnitQuery
from app.settings import settings
from app.store import datasets
from app.store.catalog import search, unit_map
from app.store.catalog.networks import get_card
from app.store.database.engine import Store, open_store
from app.store.jobs import listing, requests
from app.store.surveys import evidence, writing
from tests.worker.conftest import Invoke
from worker.loop import WorkerLoop
from worker.networks.network import Network
from worker.survey.kept_recordings import KEPT_FILE
from worker.survey.stored_inputs import stored_samples, stored_stimuli
from worker.tasks import make_tasks
from worker.tasks.survey import SurveyTask
from worker.video.decode import read_clip
from worker.video.encode import write_video

LABELS = ("jump", "run", "sit")
RECORD = ("--parts", "record")  # the first part alone, where a test is about something else


def texture(path: Path, seed: int, step: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    rough = np.random.default_rng(seed).integers(0, 255, (8, 8, 3), np.uint8).repeat(16, 0).repeat(16, 1)
    write_video(path, np.stack([np.roll(rough, step * t, 1) for t in range(6)]), fps=25)


@pytest.fixture
def videos(tmp_path: Path) -> Path:
    for number in range(9):
        label = LABELS[number % 3]
        texture(tmp_path / "videos" / label / f"{label}_{number}.mp4", number, 1 + number % 3)
    return tmp_path / "videos"


@pytest.fixture
def tiny(invoke: Invoke, tiny_two_stream_weights: Path) -> Invoke:
    invoke("networks", "add", "tiny_two_stream", "--weights", tiny_two_stream_weights, "--slug", "tiny")
    return invoke


def opened() -> Store:
    return open_store(settings().sqlalchemy_url)


def test_a_folder_of_videos_becomes_evidence_of_every_unit(tiny: Invoke, videos: Path, tmp_path: Path) -> None:
    output = tiny("survey", "tiny", videos).output
    assert "Surveyed tiny with videos: 9 clips, accuracy" in output
    with opened().session() as session:
        actual = evidence.get_survey(session, card=get_card(session, slug="tiny"))
        unit = evidence.get_evidence(session, card=get_card(session, slug="tiny"), layer="fusion.conv5", unit=0)
        still = evidence.get_evidence(session, card=get_card(session, slug="tiny"), layer="appearance.conv2_1", unit=1)
    assert actual is not None
    assert (actual.clips, len(actual.recall)) == (9, 5)
    assert unit is not None
    assert unit.synergy is not None
    assert still is not None
    assert (still.synergy, len(still.top_clips)) == (None, 9)
    assert len(list((tmp_path / "surveys").glob(f"*/{KEPT_FILE}"))) == 1, "kept, for parts that are added later"
    first = actual.id
    assert "9 clips" in tiny("survey", "tiny", "videos").output  # by its name; the former survey is replaced
    with opened().session() as session:
        again = evidence.get_survey(session, card=get_card(session, slug="tiny"))
        assert again is not None
        assert again.id != first
        drawn = unit_map.map_units(session, card=get_card(session, slug="tiny"), query=UnitQuery())
        assert (
            len(drawn.points)
            == search.search_units(
                session, card=get_card(session, slug="tiny"), query=UnitQuery(region="0,0,1,1")
            ).total
            > 20
        )
        assert len(evidence.list_surveys(session, card=get_card(session, slug="tiny"))) == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("tyni", "videos"), "There is no network 'tyni'. Near: tiny."),
        (("tiny", "nowhere"), "There is no data set 'nowhere'"),
    ],
)
def test_missing_networks_and_data_sets_are_reported(tiny: Invoke, arguments: tuple[str, ...], words: str) -> None:
    assert words in tiny("survey", *arguments, ok=False).output


def test_labels_that_the_network_does_not_know_are_refused(tiny: Invoke, tmp_path: Path) -> None:
    texture(tmp_path / "odd" / "jumps" / "a.mp4", 0, 1)
    output = tiny("survey", "tiny", tmp_path / "odd", ok=False).output
    assert "There is no class 'jumps'. Near: jump." in output
    with opened().session() as session:
        assert listing.list_jobs(session).total == 0


def test_a_folder_of_any_name_is_surveyed(tiny: Invoke, videos: Path, tmp_path: Path) -> None:
    folder = tmp_path / os.fsdecode(b"caf\xe9 " + b"x" * 200)
    videos.rename(folder)
    (folder / "jump" / "notes.txt").touch()
    output = tiny("survey", "tiny", folder, *RECORD).output
    assert "left out jump/notes.txt" in output
    assert "9 clips" in output
    with opened().session() as session:
        [dataset] = datasets.list_datasets(session)
    assert (len(dataset.slug), len(dataset.title), dataset.title[:8]) == (63, 120, "caf\\xe9 ")


def test_drawing_clips_needs_the_recorded_motions(tiny: Invoke) -> None:
    if find_spec("pybullet_data") is not None:
        pytest.skip("the recorded motions are installed")
    assert "kinetoscope[train]" in tiny("survey", "tiny", "mocap", ok=False).output


def loop_of(store: Store, **options: Any) -> WorkerLoop:
    device = torch.device("cpu")
    survey = SurveyTask(store, device, rows_per_transaction=20)
    tasks = replace(make_tasks(store, device), survey=survey)
    return WorkerLoop(store, tasks, "cpu", batch=4, lease=timedelta(seconds=30), **options)


def enqueued(store: Store) -> Job:
    with store.transaction() as session:
        return writing.enqueue_survey(session, network="tiny", dataset="videos")


def test_a_cancelled_survey_leaves_the_former_one(tiny: Invoke, videos: Path, tmp_path: Path) -> None:
    tiny("survey", "tiny", videos, *RECORD)
    store = opened()
    job = enqueued(store)

    def cancel(job: Job, progress: Progress) -> None:
        with store.transaction() as session:
            requests.cancel(session, job_id=job.id)

    assert loop_of(store, report_seconds=0, on_progress=cancel).work_once()
    with store.session() as session:
        assert listing.get_job(session, job_id=job.id).state is JobState.CANCELLED
        assert len(evidence.list_surveys(session, card=get_card(session, slug="tiny"))) == 1
    assert list((tmp_path / "surveys").iterdir())  # what was recorded serves the next start
    store.close()


def test_a_failure_while_saving_publishes_nothing(tiny: Invoke, videos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tiny("datasets", "add", "videos", videos)
    store = opened()
    job = enqueued(store)
    save_units = writing.save_unit_evidence
    calls = 0

    def fail_later(*arguments: Any, **named: Any) -> int:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise RuntimeError("the disk is on fire")
        return save_units(*arguments, **named)

    monkeypatch.setattr(writing, "save_unit_evidence", fail_later)
    assert loop_of(store).work_once()
    with store.session() as session:
        assert listing.get_job(session, job_id=job.id).state is JobState.FAILED
        assert evidence.get_survey(session, card=get_card(session, slug="tiny")) is None
    monkeypatch.setattr(writing, "save_unit_evidence", save_units)
    tiny("survey", "tiny", "videos", *RECORD)
    with store.session() as session:
        assert evidence.get_survey(session, card=get_card(session, slug="tiny")) is not None
    store.close()


def test_synergy_is_also_measured_on_the_units_own_stimuli(
    tiny: Invoke, videos: Path, tiny_two_stream: Network, tmp_path: Path
) -> None:
    tiny("visualize", "tiny", "fusion.conv5", "0", "3", "--set", "steps=4", "--out", tmp_path / "out")
    store = opened()
    actual = stored_stimuli(store, tiny_two_stream.card.model_copy(update={"slug": "tiny"}))
    assert set(actual) == {("fusion.conv5", 0), ("fusion.conv5", 3)}
    tiny_two_stream.logits(actual["fusion.conv5", 0])
    tiny("survey", "tiny", videos, "--parts", "record,probe")
    with store.session() as session:
        units = [
            evidence.get_evidence(session, card=get_card(session, slug="tiny"), layer="fusion.conv5", unit=unit)
            for unit in (0, 1)
        ]
    assert units[0] is not None
    assert units[0].synergy is not None
    assert units[0].synergy.stimulus is not None
    assert units[1] is None or units[1].synergy is None or units[1].synergy.stimulus is None
    store.close()


def test_stored_clips_are_the_videos(tiny: Invoke, videos: Path) -> None:
    tiny("datasets", "add", "videos", videos)
    store = opened()
    samples = stored_samples(store, "videos")
    assert [sample.label for sample in samples] == sorted(LABELS * 3)
    assert samples[0].read(100).shape[0] == 6
    frames = samples[0].read(4)
    expected = read_clip(videos / "jump" / "jump_0.mp4", frames=6, short_side=240, crop=240)[1:5]  # the middle
    assert frames.shape == expected.shape
    assert np.abs(frames.astype(int) - expected).mean() < 12  # compressed twice
    store.close()


def test_a_survey_computes_the_flow_that_a_motion_stream_asks_for(tiny: Invoke, videos: Path) -> None:
    tiny("datasets", "add", "videos", videos, "--no-flow")
    with opened().session() as session:
        assert len(datasets.clips_without(session, slug="videos", role=MediaRole.FLOW)) == 9
    tiny("survey", "tiny", "videos", *RECORD)
    with opened().session() as session:
        assert datasets.clips_without(session, slug="videos", role=MediaRole.FLOW) == []


def test_a_clip_is_explained(tiny: Invoke, videos: Path) -> None:
    clip = videos / "jump" / "jump_0.mp4"
    output = tiny("explain", "tiny", clip, "--expected", "walk").output
    assert "fc7" in output
    assert "fusion.conv5" in output
    actual = Explanation.model_validate_json(tiny("explain", "tiny", clip, "--json").output)
    assert actual.predicted.label == actual.predictions[0].label
    assert (
        "There is no class 'wlak'. Near: walk" in tiny("explain", "tiny", clip, "--expected", "wlak", ok=False).output
    )
    assert "cannot be read" in tiny("explain", "tiny", videos / "none.mp4", ok=False).output
