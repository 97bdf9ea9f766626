import pytest
from fastapi.testclient import TestClient

from app.contract.result import Visualization


def test_pages_follow_one_another(client: TestClient) -> None:
    first = client.get("/api/networks/clips/units", params={"per_page": 60}).json()
    assert (first["total"], first["next"], len(first["items"])) == (77, 2, 60)
    second = client.get("/api/networks/clips/units", params={"per_page": 60, "page": 2}).json()
    assert (second["next"], len(second["items"])) == (None, 17)


def test_filters_are_those_of_the_page(client: TestClient) -> None:
    query = {"class": "petting animal (not cat)", "q": "", "stream": ""}
    body = client.get("/api/networks/clips/units", params=query).json()
    assert [(unit["layer"], unit["index"]) for unit in body["items"]] == [("class", 1)]


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"sort": "size"}, "sort should be 'order'"),
        ({"page": "0"}, "page should be greater than or equal to 1"),
        ({"per_page": "many"}, "per_page should be a valid integer"),
        ({"clas": "run"}, "no field 'clas'. Near: class"),
    ],
)
def test_a_wrong_filter_is_named(client: TestClient, query: dict[str, str], words: str) -> None:
    answer = client.get("/api/networks/tiny/units", params=query)
    assert answer.status_code == 422
    assert answer.json()["error"] == "invalid_request"
    assert words in answer.json()["detail"]
    assert answer.json()["fields"][0]["field"] == next(iter(query))


def test_one_unit_has_its_results_and_its_jobs(client: TestClient, visualization: Visualization) -> None:
    client.post(
        "/api/visualizations",
        json={"network": "tiny", "layer": "class", "units": [2], "recipe": {"speed": "fast"}},
    )
    body = client.get("/api/networks/tiny/layers/class/units/2").json()
    assert body["unit"]["label"] == "wave slow"
    assert body["unit"]["poster_href"] == f"/-/media/{body['unit']['poster']}.webp"
    assert [shown["id"] for shown in body["visualizations"]] == [visualization.id]
    assert [job["recipe"]["speed"] for job in body["jobs"]] == ["fast"]


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        ("/api/networks/tiny/layers/fusion.conv3/units/0", "unknown_layer"),
        ("/api/networks/tiny/layers/class/units/5", "unknown_unit"),
        ("/api/networks/none/layers/class/units/0", "unknown_network"),
        ("/api/networks/tiny/units?class=rnu", "unknown_class"),
        ("/api/networks/tiny/units?layer=fc7", "unknown_layer"),
    ],
)
def test_unknown_names(client: TestClient, address: str, kind: str) -> None:
    answer = client.get(address)
    assert answer.status_code == 404
    assert answer.json()["error"] == kind
