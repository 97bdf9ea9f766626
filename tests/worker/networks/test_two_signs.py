"""A unit with two signs from its weights to its page: asked for, computed by a worker, both stimuli shown."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from fastapi.testclient import TestClient

from app.settings import Settings
from app.store.catalog import networks
from app.store.database.engine import Store, open_store
from app.web import api_urls
from app.web.main import create_app
from tests.support import LEASE
from tests.worker.conftest import Invoke
from worker.loop import WorkerLoop
from worker.networks.load import read_network
from worker.tasks import make_tasks

ORIGIN = "http://127.0.0.1:8000"
SHORT = {"steps": 12, "bn_prior": 0, "jitter": 0, "frames": 4, "size": 32}


@pytest.fixture
def store(sqlite_url: str, tiny_clip_weights: Path) -> Iterator[Store]:
    store = open_store(sqlite_url)
    card, data = read_network(family="tiny_clip", weights=tiny_clip_weights, slug="tiny-clip")
    with store.transaction() as session:
        networks.add_network(session, card=card, weights=networks.weight_chunks(data))
    yield store
    store.close()


def test_both_stimuli_are_asked_for_computed_and_shown(store: Store, tmp_path: Path) -> None:
    loop = WorkerLoop(store, tasks=make_tasks(store, torch.device("cpu")), device="cpu", batch=4, lease=LEASE)
    with TestClient(create_app(Settings(home=tmp_path), store), base_url=ORIGIN) as client:
        layers = client.get("/api/networks/tiny-clip").json()["layers"]
        assert [each["name"] for each in layers if each["signed"]] == ["conv3", "shortcut"]
        for sign in ("maximize", "minimize"):
            body = {"network": "tiny-clip", "layer": "conv3", "units": [2], "recipe": {**SHORT, "sign": sign}}
            assert client.post("/api/visualizations", json=body).status_code == 202
            assert loop.work_once()
        made = client.get(api_urls.unit("tiny-clip", "conv3", 2)).json()["visualizations"]
        lowering, raising = sorted(made, key=lambda each: each["measurements"]["activation"])
        assert (lowering["recipe"]["sign"], raising["recipe"]["sign"]) == ("minimize", "maximize")
        assert lowering["measurements"]["activation"] < 0 < raising["measurements"]["activation"]
        assert all(each["measurements"]["trace"][-1] > each["measurements"]["trace"][0] for each in made)
        page = client.get("/tiny-clip/conv3/2", headers={"Accept": "text/html"}).text
        assert len(re.findall("What (raises|lowers) it", page)) == 2
        for each in made:
            sheet = next(medium["href"] for medium in each["media"] if medium["role"] == "sheet")
            assert f'sheet="{sheet}"' in page


def test_the_command_lowers_units(store: Store, invoke: Invoke) -> None:
    short = [argument for name, value in SHORT.items() for argument in ("--set", f"{name}={value}")]
    output = invoke("visualize", "tiny-clip", "conv3", "1", "--sign", "minimize", *short).output
    assert re.search(r"conv3/1  activation -\d", output)
    assert "'lower' is not one of" in invoke("visualize", "tiny-clip", "conv3", "1", "--sign", "lower", ok=False).output
