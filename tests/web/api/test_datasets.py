import asyncio
import re
from html import escape, unescape
from pathlib import Path

import httpx2
import pytest
from fastapi.testclient import TestClient

from app.contract.dataset import MAX_CLIP_NAME_LENGTH, NewClip
from app.contract.network import NetworkCard
from app.store import datasets
from app.store.catalog.networks import get_card
from app.store.database.engine import Store
from app.store.surveys import writing
from tests.evidence_support import LABELS, add_dataset, clip_media, survey
from worker.survey.clip_names import plan_names
from worker.survey.video_files import VideoFile


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


def test_flow_is_null_until_it_is_computed(client: TestClient, store: Store) -> None:
    add_dataset(store, has_flow=False, each=1)
    [clip, *_] = client.get("/api/datasets/little/clips").json()["items"]
    assert (clip["flow"], {medium["role"] for medium in clip["media"]}) == (None, {"video", "poster"})
    with store.transaction() as session:
        datasets.add_clip_media(session, slug="little", media={clip["name"]: clip_media(clip["name"])})
    detail = client.get(clip["href"]).json()
    assert detail["flow"] in detail["media"]
    assert len(detail["media"]) == 5, "what was there already is not added again"


HTML = {"Accept": "text/html"}
NAMES = (
    "a/b c",
    'what? #1 & 50% = more+more; \\ "x" <b> \u00e9 \u3042 \U0001f3c3',
    "caf\\xe9",
    "%2F..%2e",
    "..",
    "a/../b",
    "x" * MAX_CLIP_NAME_LENGTH,
    "\u3042" * MAX_CLIP_NAME_LENGTH,
)


@pytest.mark.parametrize("written", NAMES)
def test_every_name_of_a_clip_can_stand_in_addresses(client: TestClient, store: Store, written: str) -> None:
    """Names as intake makes them, through the addresses that pages and the API give."""
    video = VideoFile("what? #1/2", Path("clips") / f"{written}.mp4", f"{written}.mp4")
    [named] = plan_names([video], ()).new
    clip = NewClip(name=named.name, label=named.label, media=clip_media("x"))
    with store.transaction() as session:
        datasets.add_dataset(session, slug="little", title="The little set")
        datasets.add_clips(session, slug="little", clips=[clip])

    async def visit() -> None:
        transport = httpx2.ASGITransport(client.app)  # the test client would decode addresses twice
        async with httpx2.AsyncClient(transport=transport, base_url=str(client.base_url)) as visitor:
            answer = await visitor.get("/api/datasets/little/clips", params={"label": named.label})
            [listed] = answer.json()["items"]
            assert (await visitor.get(listed["href"])).json()["name"] == named.name
            page = await visitor.get(listed["page"], headers=HTML)
            links = [unescape(each) for each in re.findall(r'href="(/[^"]*(?:datasets|explain)[^"]*)"', page.text)]
            assert {listed["page"], listed["href"]} <= set(links)
            for address in (*links, *(medium["href"] for medium in listed["media"])):
                assert (await visitor.get(address, headers=HTML)).status_code == 200, address
            dataset = await visitor.get("/-/datasets/little", headers=HTML)
            assert f'href="{escape(listed["page"])}"' in dataset.text

    asyncio.run(visit())


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
