"""Requests to explain a clip: which are accepted, which are refused, and that nothing refused is stored."""

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import func, select

from app.contract.job import ExplainJob
from app.settings import Settings
from app.store.database.engine import Store
from app.store.database.tables import JobRow
from app.store.database.upload_tables import UploadRow
from tests.evidence_support import add_dataset
from tests.store.surveys.test_explanations import complete
from tests.support import claim_job

VIDEO = b"\x00\x00\x00\x18ftypisom" + bytes(400)
ASK = {"network": "tiny", "expected": "run"}


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"clip_limit": 50_000})


def kept(store: Store) -> tuple[int, int]:
    with store.session() as session:
        counts = [session.scalar(select(func.count()).select_from(table)) or 0 for table in (JobRow, UploadRow)]
    return counts[0], counts[1]


def test_a_form_a_bare_body_and_the_name_of_a_clip(client: TestClient, store: Store) -> None:
    add_dataset(store)
    sent = client.post("/api/clips", data=ASK, files={"file": (r"C:\home\me\dive.mp4", VIDEO, "video/mp4")})
    assert sent.status_code == 202, sent.text
    clip = sent.json()
    assert (clip["name"], clip["expected"], clip["job"]["state"]) == ("dive.mp4", "run", "queued")
    assert clip["page"] == clip["job"]["page"] == f"/-/clips/{clip['job']['id']}"
    larger = VIDEO + bytes(20_000)  # than other bodies may be
    bare = client.post(
        "/api/clips?network=tiny&name=dive.mov", content=larger, headers={"Content-Type": "video/quicktime"}
    )
    assert (bare.status_code, bare.json()["name"]) == (202, "dive.mov")
    named = client.post("/api/clips", json={"network": "tiny", "dataset": "little", "clip": "run-0"})
    assert (named.status_code, named.json()["job"]["dataset"]) == (202, "little")
    assert kept(store) == (3, 2)


def test_the_answer_is_read_once_it_is_there(client: TestClient, store: Store) -> None:
    sent = client.post("/api/clips", data=ASK, files={"file": ("a.mp4", VIDEO)}).json()
    assert client.get(sent["href"]).json()["explanation"] is None
    job = claim_job(store, ExplainJob)
    complete(store, job)
    clip = client.get(sent["href"]).json()
    assert clip["explanation"]["predictions"] == [{"label": "run", "logit": 2.0, "probability": 0.75}]
    assert {medium["role"] for medium in clip["media"]} >= {"video", "flow", "poster"}
    assert client.get(clip["media"][0]["href"]).status_code == 200
    assert client.get("/api/clips/99").json()["error"] == "missing"


@pytest.mark.parametrize(
    ("fields", "file", "status", "words"),
    [
        (ASK, b"", 422, "There is no clip"),
        (ASK, b"<!doctype html><script>alert(1)</script>", 415, "no video"),
        (ASK, b"\x89PNG\r\n\x1a\n" + bytes(400), 415, "no video"),
        (ASK, VIDEO + bytes(60_000), 413, "larger than 50,000 bytes"),
        ({"network": "tinny"}, VIDEO, 404, "Near: tiny"),
        ({"network": "tiny", "expected": "runn"}, VIDEO, 404, "Near: run"),
        ({}, VIDEO, 422, "network is missing"),
        ({"network": "tiny", "dataset": "little"}, VIDEO, 422, "name the data set and its clip"),
        ({"network": "tiny", "dataset": "little", "clip": "x"}, VIDEO, 404, "no data set"),
    ],
)
def test_what_is_refused_leaves_nothing(
    client: TestClient, store: Store, fields: dict[str, str], file: bytes, status: int, words: str
) -> None:
    answer = client.post("/api/clips", data=fields, files={"file": ("clip.mp4", file, "video/mp4")})
    assert answer.status_code == status, answer.text
    assert words in answer.json()["detail"]
    assert kept(store) == (0, 0)


@pytest.mark.parametrize(
    ("body", "media_type", "status"),
    [
        (VIDEO, "text/html", 415),
        (VIDEO, "", 415),
        (b"no parts at all", "multipart/form-data", 400),
        (b"[" * 10_000, "application/json", 422),
        (b"[1]", "application/json", 422),
        (b"\xff\xfe", "application/json", 422),
        (b"\xff" * 20, "application/x-www-form-urlencoded", 422),
    ],
)
def test_bodies_of_other_types(client: TestClient, store: Store, body: bytes, media_type: str, status: int) -> None:
    answer = client.post("/api/clips?network=tiny", content=body, headers={"Content-Type": media_type})
    assert answer.status_code == status, answer.text
    assert kept(store) == (0, 0)


def test_a_body_in_pieces_tells_no_length_and_is_limited_too(client: TestClient, store: Store) -> None:
    pieces = (VIDEO + bytes(30_000) for _ in range(2))
    answer = client.post("/api/clips?network=tiny", content=pieces, headers={"Content-Type": "video/mp4"})
    assert (answer.status_code, answer.json()["limit"]) == (413, 50_000)
    assert kept(store) == (0, 0)
