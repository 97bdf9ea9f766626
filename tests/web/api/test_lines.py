import asyncio
import json

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import delete

from app.contract.result import Visualization
from app.store.database.engine import Store
from app.store.database.survey_tables import UnitEvidenceRow
from app.web.api.lines import stream_units
from app.web.serving.admission import Admission, WaitingLine
from tests.evidence_support import add_dataset, survey


def test_a_whole_network_one_unit_a_line(client: TestClient, visualization: Visualization) -> None:
    answer = client.get("/api/networks/tiny/units.jsonl")
    assert answer.headers["content-type"].startswith("application/x-ndjson")
    units = [json.loads(line) for line in answer.text.splitlines()]
    assert len(units) == 35
    assert len({(each["unit"]["layer"], each["unit"]["index"]) for each in units}) == 35
    [made] = [each for each in units if each["visualizations"]]
    assert made["visualizations"][0]["id"] == visualization.id
    assert client.get(made["visualizations"][0]["media"][0]["href"]).status_code == 200


def test_a_line_is_what_the_unit_itself_answers(client: TestClient, store: Store, visualization: Visualization) -> None:
    add_dataset(store)
    survey(store)
    with store.transaction() as session:  # of one unit nothing was measured
        session.execute(delete(UnitEvidenceRow).where(UnitEvidenceRow.unit_id == 3))
    lines = list(map(json.loads, client.get("/api/networks/tiny/units.jsonl").text.splitlines()))
    assert [line["evidence"] is None for line in lines].count(True) == 1
    for line in lines:
        own = client.get(line["unit"]["href"]).json()
        in_listings = {"precision": line["unit"]["precision"], "clip": line["unit"]["clip"]}
        assert line == {
            "unit": own["unit"] | in_listings,
            "evidence": own["evidence"],
            "visualizations": own["visualizations"],
        }


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
