"""Layers of any name that a module can have: pages, API, links, requests, results, through the real application."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import quote

import pytest
import torch
from fastapi.testclient import TestClient
from safetensors.torch import save_file
from torch import Tensor, nn

from app.contract.network import Extent, NetworkCard, Stream, StreamName
from app.settings import Settings
from app.store.catalog import networks
from app.store.database.engine import Store, open_store
from app.web import api_urls, urls
from app.web.main import create_app
from tests.support import LEASE
from worker.loop import WorkerLoop
from worker.networks.load import read_network
from worker.networks.registry import register
from worker.networks.tap import Tap
from worker.networks.trace import trace
from worker.tasks import make_tasks

PAGE = {"Accept": "text/html"}
ORIGIN = "http://127.0.0.1:8000"
NAMES = [
    "a/b",
    "a",
    "what?",
    "50% #1",
    "  two words ",
    "Mixed_3b/Branch_0/Conv2d",
    "\u00dcnit\u2603",
    "~1",
    '<b>&"',
    "-",
    "7",
]


class Named(nn.Module):
    def __init__(self, classes: int) -> None:
        super().__init__()
        self.parts = NAMES
        for number, name in enumerate(NAMES):
            self.add_module(name, nn.Conv3d(3 if number == 0 else 4, 4, 1))
        self.head = nn.Linear(4, classes)

    def forward(self, inputs: Mapping[StreamName, Tensor]) -> Tensor:
        x = inputs[StreamName.CLIP]
        for name in self.parts:
            x = self.get_submodule(name)(x)
        logits: Tensor = self.head(x.mean((2, 3, 4)))
        return logits


@pytest.fixture
def store(sqlite_url: str) -> Iterator[Store]:
    store = open_store(sqlite_url)
    yield store
    store.close()


@pytest.fixture
def card(store: Store, tmp_path: Path) -> NetworkCard:
    stream = Stream(name=StreamName.CLIP, frames=3, height=12, width=12)
    size = Extent(frames=3, height=12, width=12)
    register(name="named", title="Named", streams=[stream], stimulus=size, classes=3)(Named)
    save_file(Named(3).state_dict(), tmp_path / "named.safetensors")
    card, data = read_network(family="named", weights=tmp_path / "named.safetensors")
    with store.transaction() as session:
        networks.add_network(session, card=card, weights=networks.weight_chunks(data))
    return card


@pytest.fixture
def client(store: Store, tmp_path: Path) -> Iterator[TestClient]:
    with TestClient(create_app(Settings(home=tmp_path), store), base_url=ORIGIN, follow_redirects=False) as client:
        yield client


def test_names_are_those_of_the_modules(card: NetworkCard) -> None:
    assert [layer.name for layer in card.layers] == [*NAMES, "class"]


def test_pages_and_api_of_every_layer(card: NetworkCard, client: TestClient) -> None:
    for name in NAMES:
        listing = client.get(urls.layer("named", name), headers=PAGE)
        assert listing.status_code == 200, name
        assert f'href="{urls.unit("named", name, 2)}"' in listing.text
        unit = client.get(urls.unit("named", name, 2), headers=PAGE)
        assert unit.status_code == 200, name
        assert f'href="{urls.layer("named", name)}"' in unit.text
        assert client.get(urls.unit("named", name, 4), headers=PAGE).status_code == 404
        answer = client.get(api_urls.unit("named", name, 2)).json()
        assert answer["unit"]["layer"] == name
        assert (answer["unit"]["href"], answer["unit"]["page"]) == (unit_api(name), urls.unit("named", name, 2))
        listed = client.get("/api/networks/named/units", params={"layer": name}).json()
        assert [each["layer"] for each in listed["items"]] == [name] * 4
        link = client.post("/api/links", json={"url": urls.unit("named", name, 2), "title": "t"})
        assert link.json()["description"] == f"Unit 2 of layer {name} of Named"
        assert client.get(urls.compare("named", [f"{name}/0", f"{name}/1"]), headers=PAGE).status_code == 200


def unit_api(name: str) -> str:
    return api_urls.unit("named", name, 2)


def test_a_program_may_write_a_slash_as_percent_2f(card: NetworkCard, client: TestClient) -> None:
    """Servers and proxies decode it before the application sees it."""
    for name in ("Mixed_3b/Branch_0/Conv2d", "a/b", "a"):
        quoted = quote(name, safe="")
        assert client.get(f"/api/networks/named/layers/{quoted}/units/2").json()["unit"]["layer"] == name
        assert client.get(f"/named/{quoted}/2", headers=PAGE).status_code == 200


def test_a_slash_as_it_is_leads_to_the_layer(card: NetworkCard, client: TestClient) -> None:
    answer = client.get("/named/Mixed_3b/Branch_0/Conv2d", headers=PAGE)
    assert (answer.status_code, answer.headers["location"]) == (307, "/named/Mixed_3b~1Branch_0~1Conv2d")
    assert client.get("/named/Mixed_3b/Branch_1", headers=PAGE).status_code == 404
    assert client.get("/named/-/units", headers=PAGE).status_code == 200


def test_a_unit_is_asked_for_computed_and_shown(card: NetworkCard, client: TestClient, store: Store) -> None:
    device = torch.device("cpu")
    loop = WorkerLoop(store, tasks=make_tasks(store, device), device="cpu", batch=8, lease=LEASE)
    for name in ("Mixed_3b/Branch_0/Conv2d", "50% #1"):
        asked = client.post(
            "/api/visualizations",
            json={"network": "named", "layer": name, "units": [1], "recipe": {"steps": 1, "jitter": 0}},
        )
        assert asked.status_code < 300, asked.text
        assert loop.work_once()
        (made,) = client.get(api_urls.unit("named", name, 1)).json()["visualizations"]
        assert made["layer"] == name
        assert all(client.get(medium["href"]).status_code == 200 for medium in made["media"])
        page = client.get(urls.unit("named", name, 1), headers=PAGE)
        poster = next(medium for medium in made["media"] if medium["role"] == "poster")
        assert poster["href"] in page.text
        archive = client.get(urls.export("named", units=[f"{name}/1"]))
        assert archive.status_code == 200


class Tapped(nn.Module):
    """Two taps in one module, and one in the network itself."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.block = nn.Sequential(nn.Conv3d(3, 4, 1), Tap(), nn.ReLU(), nn.Conv3d(4, 4, 1), Tap(), nn.ReLU())
        self.tap = Tap(rectified=False)
        self.head = nn.Linear(4, classes)

    def forward(self, inputs: Mapping[StreamName, Tensor]) -> Tensor:
        logits: Tensor = self.head(self.tap(self.block(inputs[StreamName.CLIP])).mean((2, 3, 4)))
        return logits


def test_taps_of_one_module_have_names_of_their_own() -> None:
    layers, points = trace(Tapped(2), [Stream(name=StreamName.CLIP, frames=3, height=6, width=6)])
    assert [layer.name for layer in layers] == ["block.1", "block.4", "tap", "class"] == list(points)
