"""Naming by a program: session, trials, answers and report as JSON."""

from typing import Any

import pytest
from fastapi.testclient import TestClient

from app.store.database.engine import Store
from tests.web.named_stimuli import store_stimuli

BASE = "/api/naming"


@pytest.fixture
def started(client: TestClient, store: Store) -> dict[str, Any]:
    store_stimuli(store, seeds=(0, 1))
    body = {"network": "tiny", "naive": False, "trials": 6, "controls": 0.5, "seeds": "0-1"}
    answer = client.post(f"{BASE}/sessions", json=body)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def test_a_program_names_stimuli(client: TestClient, started: dict[str, Any]) -> None:
    assert (started["trials"], started["answered"], started["state"]) == (6, 0, "open")
    assert started["request"]["seeds"] == [0, 1]
    assert not {"owner", "seed"} & started.keys()
    href = started["href"]
    orders = set()
    for number in range(1, 7):
        trial = client.get(f"{href}/next").json()
        assert trial.keys() == {"session", "number", "trials", "media", "classes"}
        assert trial["number"] == number
        orders.add(tuple(trial["classes"]))
        assert {each["role"] for each in trial["media"]} == {"appearance", "flow", "flow_direction", "flow_xy"}
        for each in trial["media"]:
            assert each["href"] == f"/-/name-it/{started['id']}/{number}/{each['role']}"
            assert client.get(each["href"]).status_code == 200
        answer = client.post(f"{href}/answers", json={"trial": number, "name": "walk", "seconds": 1e5}).json()
        assert (answer["is_right"], answer["class_name"], answer["is_control"]) == (None, None, None)
        assert answer["session"]["answered"] == number
    assert len(orders) > 1, "the list is shuffled in each trial"
    assert client.get(href).json()["state"] == "done"
    ended = client.get(f"{href}/next")
    assert (ended.status_code, ended.json()["error"]) == (409, "conflict")
    [rate] = client.get(f"{BASE}/report?network=tiny").json()["networks"]
    assert (rate["answered"], rate["control_answered"], rate["people"], rate["chance"]) == (3, 3, 1, 0.2)
    rows = client.get(f"{BASE}/answers?naive=false").json()
    assert [row["trial"] for row in rows] == [1, 2, 3, 4, 5, 6]
    assert all(row["taken_for"] == "walk" and row["seconds"] < 1e4 for row in rows)
    assert client.get(f"{BASE}/answers?naive=true").json() == []


def test_feedback_abandoning_and_verdicts(client: TestClient, store: Store) -> None:
    store_stimuli(store)
    body = {"network": "tiny", "naive": True, "answers": "free", "feedback": True, "controls": 0}
    href = client.post(f"{BASE}/sessions", json=body).json()["href"]
    assert client.get(f"{href}/next").json()["classes"] is None
    answer = client.post(f"{href}/answers", json={"trial": 1, "words": "something"}).json()
    assert answer["is_right"] is None
    assert (answer["class_name"] is not None, answer["is_control"]) == (True, False)
    assert client.post(f"{href}/abandon").json()["state"] == "abandoned"
    assert client.get(f"{BASE}/report").json()["unjudged"] == 1
    assert client.post(f"{href}/verdicts", json={"1": True}).status_code == 200
    report = client.get(f"{BASE}/report").json()
    assert (report["unjudged"], report["networks"][0]["named"]) == (0, 1)
    assert client.post(f"{href}/verdicts", json={"1": False}).status_code == 409


def test_wrong_requests(client: TestClient, started: dict[str, Any]) -> None:
    href = started["href"]
    for body, status, words in (
        ({"trial": 1, "name": "a", "words": "b"}, 422, "give a class or words, not both"),
        ({"trial": 1, "words": "a\nb"}, 422, "one line of plain text"),
        ({"trial": 1, "name": "sprint"}, 404, "There is no class"),
        ({"trial": 7}, 404, "no trial 7"),
        ({"trial": 1, "seconds": -1}, 422, "seconds should be"),
    ):
        answer = client.post(f"{href}/answers", json=body)
        assert (answer.status_code, words in answer.json()["detail"]) == (status, True), answer.text
    wrong: tuple[tuple[dict[str, Any], str], ...] = (
        ({"network": "tiny"}, "naive is missing"),
        ({"network": "tiny", "naive": True, "trials": 501}, "trials should be"),
        ({"network": "tiny", "naive": True, "seeds": []}, "seeds"),
        ({"network": "tiny", "naive": True, "seeds": [5]}, "under these choices"),
    )
    for request, words in wrong:
        refused = client.post(f"{BASE}/sessions", json=request)
        assert (refused.status_code in (404, 422), words in refused.json()["detail"]) == (True, True), refused.text
    assert client.get(f"{BASE}/report?network=nowhere").status_code == 404
