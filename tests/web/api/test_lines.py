import asyncio
import json

import pytest
from fastapi.testclient import TestClient

from app.contract.result import Visualization
from app.store.database.engine import Store
from app.web.api.lines import stream_units
from app.web.serving.admission import Admission, WaitingLine


def test_a_whole_network_one_unit_a_line(client: TestClient, visualization: Visualization) -> None:
    answer = client.get("/api/networks/tiny/units.jsonl")
    assert answer.headers["content-type"].startswith("application/x-ndjson")
    units = [json.loads(line) for line in answer.text.splitlines()]
    assert len(units) == 35
    assert len({(each["unit"]["layer"], each["unit"]["index"]) for each in units}) == 35
    [made] = [each for each in units if each["visualizations"]]
    assert made["visualizations"][0]["id"] == visualization.id
    assert client.get(made["visualizations"][0]["media"][0]["href"]).status_code == 200


@pytest.mark.usefixtures("network")
def test_batches_go_on_where_the_last_one_ended(store: Store) -> None:
    async def read() -> list[str]:
        admission = Admission(WaitingLine(1), WaitingLine(1))
        return [batch async for batch in stream_units(store, admission, "tiny", units_per_batch=8)]

    batches = asyncio.run(read())
    assert [batch.count("\n") for batch in batches] == [8, 8, 8, 8, 3]
    units = [json.loads(line)["unit"] for line in "".join(batches).splitlines()]
    assert len({(unit["layer"], unit["index"]) for unit in units}) == 35


def test_of_an_unknown_network(client: TestClient) -> None:
    assert client.get("/api/networks/none/units.jsonl").json()["error"] == "unknown_network"
