"""Range requests for media, with which a player seeks."""

import pytest
from fastapi.testclient import TestClient

from app.store.database.engine import Store
from tests.evidence_support import add_dataset, clip_media

DATA = clip_media("walk-0")[0].data
SIZE = len(DATA)


@pytest.fixture
def video(client: TestClient, store: Store) -> str:
    add_dataset(store)
    clip = client.get("/api/datasets/little/clips/walk-0").json()
    return str(next(medium["href"] for medium in clip["media"] if medium["role"] == "video"))


def test_the_whole_says_that_parts_can_be_had(client: TestClient, video: str) -> None:
    answer = client.get(video)
    assert video.endswith(".mp4")
    assert (answer.status_code, answer.content, answer.headers["accept-ranges"]) == (200, DATA, "bytes")
    assert answer.headers["content-type"] == "video/mp4"
    assert "default-src 'self'" in answer.headers["content-security-policy"]


@pytest.mark.parametrize(
    ("asked", "first", "end"),
    [
        ("bytes=0-", 0, SIZE),
        ("bytes=0-0", 0, 1),
        ("bytes=10-19", 10, 20),
        ("bytes=10-99999", 10, SIZE),
        ("bytes=-7", SIZE - 7, SIZE),
        ("bytes=-99999", 0, SIZE),
    ],
)
def test_a_part(client: TestClient, video: str, asked: str, first: int, end: int) -> None:
    answer = client.get(video, headers={"Range": asked})
    assert (answer.status_code, answer.content) == (206, DATA[first:end])
    assert answer.headers["content-range"] == f"bytes {first}-{end - 1}/{SIZE}"
    assert answer.headers["content-length"] == str(end - first)
    assert "content-encoding" not in answer.headers


@pytest.mark.parametrize("asked", [f"bytes={SIZE}-", "bytes=99999-", "bytes=-0"])
def test_a_part_that_is_not_there(client: TestClient, video: str, asked: str) -> None:
    answer = client.get(video, headers={"Range": asked})
    assert (answer.status_code, answer.headers["content-range"]) == (416, f"bytes */{SIZE}")


@pytest.mark.parametrize(
    "asked", ["bytes=", "bytes=-", "bytes=5-2", "bytes=0-1,4-5", "pages=1-2", "bytes=a-b", "x" * 99]
)
def test_what_cannot_be_read_gives_the_whole(client: TestClient, video: str, asked: str) -> None:
    answer = client.get(video, headers={"Range": asked})
    assert (answer.status_code, answer.content) == (200, DATA)


def test_a_part_of_something_else_gives_the_whole(client: TestClient, video: str) -> None:
    tag = client.get(video).headers["etag"]
    part = {"Range": "bytes=0-3"}
    assert client.get(video, headers={**part, "If-Range": tag}).status_code == 206
    assert client.get(video, headers={**part, "If-Range": '"other"'}).status_code == 200
    assert client.head(video, headers=part).status_code == 206
