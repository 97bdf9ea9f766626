import pytest
from fastapi.testclient import TestClient

from app.store.database.engine import Store
from tests.evidence_support import add_dataset, survey


@pytest.fixture
def surveyed(store: Store, client: TestClient) -> TestClient:
    add_dataset(store)
    survey(store)
    return client


def test_the_largest_confusions_come_first(surveyed: TestClient) -> None:
    answer = surveyed.get("/api/networks/tiny/confusions?limit=2").json()
    assert [(each["actual"], each["predicted"], each["share"]) for each in answer] == [
        ("walk", "back/flip & turn", 0.4),
        ("walk", "wave fast", 0.3),
    ]
    assert answer[0]["page"] == "/tiny/-/confusions/walk/back%2Fflip%20%26%20turn"
    assert surveyed.get(answer[0]["href"]).json()["a_for_b"] == answer[0]


def test_two_classes_have_the_units_that_separate_them(surveyed: TestClient) -> None:
    pair = surveyed.get("/api/networks/tiny/confusion", params={"a": "walk", "b": "run"}).json()
    assert (pair["a_for_b"]["clips"], pair["b_for_a"]["total"]) == (1, 35)
    assert {abs(each["a"] - each["b"]) for each in pair["separating"]} == {0.375}
    assert all(each["a"] == each["b"] for each in pair["shared"])
    assert [each["layer"] for each in pair["layers"]] == ["fc6", "appearance.conv1", "motion.conv1"]
    assert pair["reasons"]


def test_the_clips_of_a_class_that_are_taken_for_another(surveyed: TestClient) -> None:
    answer = surveyed.get("/api/networks/tiny/answers", params={"own": "run", "taken": "walk", "per_page": 2}).json()
    assert (answer["total"], answer["next"]) == (3, 2)
    assert [each["clip"]["name"] for each in answer["items"]] == ["run-2", "run-1"]
    first = answer["items"][0]
    answer = {"network": "tiny", "own": "run", "taken": "walk", "probability": 0.71875, "own_probability": 0.125}
    assert first["answer"] == answer
    assert surveyed.get(first["clip"]["href"]).json()["answers"] == [answer]
    assert surveyed.get("/api/networks/tiny/answers?wrong=1").json()["total"] == 6
    assert surveyed.get("/api/networks/tiny/answers?own=rum").json()["near"] == ["run"]


def test_before_a_survey_and_for_names_that_are_not_there(client: TestClient) -> None:
    assert client.get("/api/networks/tiny/confusions").json()["error"] == "missing"
    assert client.get("/api/networks/tiny/answers").json()["error"] == "missing"
    answer = client.get("/api/networks/tiny/confusion", params={"a": "walk", "b": "rum"})
    assert (answer.status_code, answer.json()["near"]) == (404, ["run"])
