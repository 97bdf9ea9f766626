import pytest
from fastapi.testclient import TestClient

from app.contract.result import Visualization
from app.store.database.engine import Store
from tests.support import claim, finish

ASK = {"network": "tiny", "layer": "class", "units": [0, 2], "recipe": {"speed": "slow"}}


def test_a_request_becomes_jobs_and_an_identical_one_joins_them(client: TestClient) -> None:
    first = client.post("/api/visualizations", json=ASK)
    assert first.status_code == 202
    tickets = first.json()["jobs"]
    assert [(ticket["unit"], ticket["state"]) for ticket in tickets] == [(0, "queued"), (2, "queued")]
    assert tickets[0]["href"] == f"/api/jobs/{tickets[0]['id']}"
    assert client.post("/api/visualizations", json=ASK).json()["jobs"] == tickets


def test_what_is_there_is_answered_at_once(client: TestClient, visualization: Visualization) -> None:
    mixed = client.post("/api/visualizations", json=ASK)
    assert mixed.status_code == 202
    assert [ticket["unit"] for ticket in mixed.json()["jobs"]] == [0]
    cached = {"unit": 2, "visualization": visualization.id, "href": f"/api/visualizations/{visualization.id}"}
    assert mixed.json()["cached"] == [cached]

    whole = client.post("/api/visualizations", json={**ASK, "units": [2]})
    assert whole.status_code == 200
    assert whole.json() == {"jobs": [], "cached": [cached]}


def test_a_whole_layer(client: TestClient) -> None:
    answer = client.post("/api/visualizations", json={"network": "clips", "layer": "Mixed_4f", "units": "all"})
    assert len(answer.json()["jobs"]) == 70


def test_a_finished_one_has_recipe_measurements_and_media(client: TestClient, store: Store) -> None:
    client.post("/api/visualizations", json={**ASK, "units": [1]})
    finish(store, claim(store)[0])
    job = client.get("/api/jobs").json()["items"][0]
    body = client.get(job["result"]).json()
    assert body["recipe"]["speed"] == "slow"
    assert body["recipe"]["size"] == 32
    assert body["measurements"]["activation"] == 3.5
    assert body["page"] == "/tiny/class/1"
    poster = next(medium for medium in body["media"] if medium["role"] == "poster")
    assert client.get(poster["href"]).headers["content-type"] == "image/webp"


def test_one_that_is_not_there(client: TestClient) -> None:
    answer = client.get("/api/visualizations/77")
    assert (answer.status_code, answer.json()["error"]) == (404, "missing")


@pytest.mark.parametrize(
    ("change", "status", "kind", "words"),
    [
        ({"network": "none"}, 404, "unknown_network", "no network 'none'"),
        ({"layer": "fusion.conv3"}, 404, "unknown_layer", "Near: fusion.conv2"),
        ({"units": [5]}, 404, "unknown_unit", "its 5 units are 0 to 4"),
        ({"units": [-1]}, 404, "unknown_unit", "0 to 4"),
        ({"units": []}, 422, "invalid_request", "name 1 to 65536 units"),
        ({"units": "some"}, 422, "invalid_request", "units should be"),
        ({"units": [0, "x"]}, 422, "invalid_request", "units.1 should be a valid integer"),
        ({"recipe": {"steps": 5000}}, 422, "invalid_recipe", "recipe.steps should be less than or equal to 2048"),
        ({"recipe": {"speed": "quick"}}, 422, "invalid_recipe", "recipe.speed should be 'slow', 'medium'"),
        ({"recipe": {"stpes": 5}}, 422, "invalid_recipe", "recipe has no field 'stpes'. Near: steps"),
        ({"recipe": {"frames": 5}}, 422, "invalid_recipe", "its streams have a fixed length. Leave `frames` empty"),
        ({"recipe": "slow"}, 422, "invalid_recipe", "recipe should be"),
        ({"extra": 1}, 422, "invalid_request", "no field 'extra'"),
    ],
)
def test_a_wrong_request_says_what_is_wrong(
    client: TestClient, change: dict[str, object], status: int, kind: str, words: str
) -> None:
    answer = client.post("/api/visualizations", json={**ASK, **change})
    assert (answer.status_code, answer.json()["error"]) == (status, kind)
    assert words in answer.json()["detail"]


def test_several_mistakes_are_all_listed(client: TestClient) -> None:
    answer = client.post("/api/visualizations", json={**ASK, "recipe": {"steps": 0, "seed": -1, "x": 1}})
    assert {each["field"] for each in answer.json()["fields"]} == {"recipe.steps", "recipe.seed", "recipe.x"}
    assert "Wrong too:" in answer.json()["detail"]


def test_a_full_queue_refuses(client: TestClient) -> None:
    layers = ("Mixed_4f", "Conv3d_1a_7x7")
    for layer in layers:
        client.post("/api/visualizations", json={"network": "clips", "layer": layer, "units": "all"})
    more = {"network": "clips", "layer": "Mixed_4f", "units": "all", "recipe": {"seed": 1}}
    answer = client.post("/api/visualizations", json=more)
    assert (answer.status_code, answer.json()["error"]) == (429, "too_many")
    assert answer.json()["limit"] == 100
