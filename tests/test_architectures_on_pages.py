"""Networks of other people's libraries, from the file that they are saved in to every page that shows them."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from fastapi.testclient import TestClient

from app.contract.job import ExplainRequest, JobState
from app.settings import Settings
from app.store.catalog import networks
from app.store.database.engine import open_store
from app.store.surveys import evidence, explanations, writing
from app.web import urls
from app.web.main import create_app
from benchmarks.architectures import CASES
from benchmarks.architectures.__main__ import add_arguments
from benchmarks.architectures.case import Case
from tests.support import LEASE
from tests.worker.conftest import Invoke, invoke, one_thread
from worker.evidence.probe_plan import tuned_layers
from worker.loop import WorkerLoop
from worker.tasks import make_tasks
from worker.tasks.explain import ExplainTask
from worker.tasks.survey import SurveyTask
from worker.video.encode import write_video

__all__ = ["invoke", "one_thread"]  # fixtures

ORIGIN = "http://127.0.0.1"
WALKED = ("VideoMAE", "SlowFast", "VGG-16 two-stream, conv5 fusion")  # of tokens, of two pathways, of two streams
TO_WALK = [case for case in CASES if case.name in WALKED]


def test_each_architecture_is_walked() -> None:
    assert sorted(case.name for case in TO_WALK) == sorted(WALKED)


@pytest.mark.parametrize("case", TO_WALK, ids=lambda case: case.name)
def test_from_the_file_to_every_page(case: Case, invoke: Invoke, sqlite_url: str, tmp_path: Path) -> None:
    saved = case.save(tmp_path / "network")
    invoke("networks", "add", *add_arguments(saved), "--slug", "tried")
    store = open_store(sqlite_url)
    with store.session() as session:
        card = networks.get_card(session, slug="tried")
    for number in range(4):
        write_clip(tmp_path / "videos" / card.classes[number % 2].replace("/", "_") / f"clip{number}.mp4", number)
    for layer in (case.middle, "class"):
        invoke("visualize", "tried", layer, "1", "--set", "steps=2", "--out", tmp_path / "pictures")
    invoke("datasets", "add", "videos", tmp_path / "videos")

    device = torch.device("cpu")
    with store.transaction() as session:
        writing.enqueue_survey(session, network="tried", dataset="videos")
        request = ExplainRequest(network="tried", expected=card.classes[1])
        data = next((tmp_path / "videos").rglob("clip0.mp4")).read_bytes()
        asked = explanations.enqueue_file(session, request=request, name="clip0.mp4", data=data)
    tasks = replace(
        make_tasks(store, device),
        survey=SurveyTask(store, device, probed_layers=tuned_layers(card)[-2:]),  # of all it would take minutes
        explain=ExplainTask(store, device, units_silenced=1, max_silenced_passes=1),
    )
    loop = WorkerLoop(store, tasks=tasks, device="cpu", batch=1, lease=LEASE)
    assert loop.work_once()
    assert loop.work_once()
    assert not loop.work_once()

    app = create_app(Settings(home=tmp_path, public_url="", host="127.0.0.1"), store)
    with TestClient(app, base_url=ORIGIN, headers={"Accept": "text/html"}) as client:
        for address in (
            urls.unit("tried", case.middle, 1),
            urls.class_("tried", card.classes[1]),
            urls.own_clip(asked.id),
            urls.network("tried"),
            urls.findings("tried"),
        ):
            answer = client.get(address)
            assert answer.status_code == 200, (address, answer.text)
            if address == urls.unit("tried", case.middle, 1):
                pictures = re.findall(r"/-/media/[0-9a-f]{64}\.webp", answer.text)
                assert {client.get(picture).status_code for picture in pictures} == {200}
                assert "clip0" in answer.text or "clip1" in answer.text, "its strongest clips"
    with store.session() as session:
        found = evidence.get_survey(session, card=card)
        explained = explanations.get_own_clip(session, clip_id=asked.id)
    assert found is not None
    assert found.clips == 4
    assert (explained.job.state, explained.job.error) == (JobState.DONE, None)
    assert explained.explanation is not None
    for shares in explained.explanation.predicted.layers:
        total = sum(unit.share for unit in shares.units) + shares.others + shares.rest
        assert total == pytest.approx(explained.explanation.predicted.logit, abs=1e-3)
    store.close()


def write_clip(path: Path, seed: int) -> None:
    """Write a texture that moves, of its own for each seed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rough = np.random.default_rng(seed).integers(0, 255, (8, 8, 3), np.uint8).repeat(16, 0).repeat(16, 1)
    write_video(path, np.stack([np.roll(rough, (1 + seed) * t, 1) for t in range(16)]), fps=25)
