import json

import pytest
from fastapi.testclient import TestClient

from app.contract.result import Visualization
from app.web.api import lines


def test_a_whole_network_one_unit_a_line(
    client: TestClient, visualization: Visualization, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lines, "AT_ONCE", 8)
    answer = client.get("/api/networks/tiny/units.jsonl")
    assert answer.headers["content-type"].startswith("application/x-ndjson")
    told = [json.loads(line) for line in answer.text.splitlines()]
    assert len(told) == 35
    assert len({(each["unit"]["layer"], each["unit"]["index"]) for each in told}) == 35
    [made] = [each for each in told if each["visualizations"]]
    assert made["visualizations"][0]["id"] == visualization.id
    assert client.get(made["visualizations"][0]["media"][0]["href"]).status_code == 200


def test_of_an_unknown_network(client: TestClient) -> None:
    assert client.get("/api/networks/none/units.jsonl").json()["error"] == "unknown_network"
