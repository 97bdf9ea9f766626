import pytest
from fastapi.testclient import TestClient

from app.contract.network import NetworkCard
from app.store.catalog.networks import get_card
from app.store.database.engine import Store
from app.store.surveys import writing
from tests.evidence_support import LABELS, add_dataset, survey


@pytest.fixture
def little(client: TestClient, store: Store, network: NetworkCard) -> TestClient:
    add_dataset(store)
    return client


def test_data_sets_and_their_clips(little: TestClient) -> None:
    [listed] = little.get("/api/datasets").json()
    assert (listed["slug"], listed["classes"], listed["clips"]) == ("little", list(LABELS), 9)
    assert little.get(listed["href"]).json() == listed
    page = little.get("/api/datasets/little/clips", params={"label": "run", "per_page": 2}).json()
    assert (page["total"], page["next"], [clip["name"] for clip in page["items"]]) == (3, 2, ["run-0", "run-1"])
    clip = little.get(page["items"][1]["href"]).json()
    assert clip == page["items"][1] | {"answers": []}
    assert {medium["role"]: medium["type"] for medium in clip["media"]}["video"] == "video/mp4"
    assert all(little.get(medium["href"]).status_code == 200 for medium in clip["media"])


def test_a_clip_with_a_slash_in_its_name(client: TestClient, store: Store) -> None:
    add_dataset(store, labels=("a/b c",), each=1)
    [clip] = client.get("/api/datasets/little/clips").json()["items"]
    assert client.get(clip["href"]).json()["name"] == "a/b c-0"
    assert client.get(clip["page"], headers={"Accept": "text/html"}).status_code == 200


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        ("/api/datasets/litle", "unknown_dataset"),
        ("/api/datasets/little/clips?label=wlak", "unknown_class"),
        ("/api/datasets/little/clips/walk-9", "unknown_clip"),
        ("/api/networks/none/surveys", "unknown_network"),
        ("/api/networks/tiny/survey", "missing"),
        ("/api/networks/tiny/survey?dataset=other", "unknown_dataset"),
    ],
)
def test_unknown_names(little: TestClient, address: str, kind: str) -> None:
    answer = little.get(address)
    assert (answer.status_code, answer.json()["error"]) == (404, kind)


def test_a_survey_is_asked_for_once(little: TestClient, store: Store) -> None:
    answer = little.post("/api/surveys", json={"network": "tiny", "dataset": "little"})
    assert answer.status_code == 202
    job = answer.json()
    assert (job["kind"], job["state"], job["dataset"], job["unit"]) == ("survey", "queued", "little", None)
    assert job["page"] == "/tiny/-/surveys"
    assert little.post("/api/surveys", json={"network": "tiny", "dataset": "little"}).json()["id"] == job["id"]
    assert little.get(job["href"]).json() == job
    assert [each["id"] for each in little.get("/api/jobs").json()["items"]] == [job["id"]]
    assert little.delete(job["href"]).json()["state"] == "cancelled"
    assert little.post(f"{job['href']}/retry").json()["state"] == "queued"
    with store.session() as session:
        assert [each.id for each in writing.list_live_surveys(session, card=get_card(session, slug="tiny"))] == [
            job["id"]
        ]
    for body, status in (({"network": "tiny", "dataset": "none"}, 404), ({"network": "tiny"}, 422)):
        assert little.post("/api/surveys", json=body).status_code == status


def test_surveys_and_what_they_found(little: TestClient, store: Store) -> None:
    assert little.get("/api/networks/tiny/surveys").json() == []
    assert little.get("/api/networks/tiny/layers/fc6/units/3").json()["evidence"] is None
    survey(store)
    [listed] = little.get("/api/networks/tiny/surveys").json()
    assert (listed["dataset"], listed["accuracy"], listed["skipped"]) == ("little", 0.75, 1)
    whole = little.get(listed["href"]).json()
    assert (whole["id"], len(whole["confusion"]), whole["skipped"]) == (listed["id"], 5, ["broken"])
    unit = little.get("/api/networks/tiny/layers/fc6/units/3").json()
    assert (unit["unit"]["a_hat"], unit["unit"]["role"]) == (5.0, "specific")
    assert unit["evidence"]["top_clips"][0]["clip"] == "walk-0"
    assert len(unit["evidence"]["responses"]) == 5
