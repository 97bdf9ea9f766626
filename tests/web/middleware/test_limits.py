"""How much one may ask for: tokens to try, jobs that wait, bytes of uploads, and requests in a while."""

from collections.abc import Callable

import httpx2
from fastapi.testclient import TestClient

from app.store.database.engine import Store
from tests.support import claim
from tests.web.middleware.conftest import ADMIN_TOKEN, ASK, FORM, PAGE, TOKEN, VIDEO, Serve


def until_refused(ask: Callable[[], httpx2.Response]) -> list[int]:
    """Ask until it was too often, and return the statuses before: the slower the machine, the more there are."""
    statuses: list[int] = []
    for _ in range(1000):
        answer = ask()
        if answer.status_code == 429:
            assert int(answer.headers["retry-after"]) >= 1
            assert "too_many" in answer.text or "too many" in answer.text
            return statuses
        statuses.append(answer.status_code)
    raise AssertionError("it was never too often")


def test_wrong_tokens_are_counted(serve: Serve) -> None:
    browser = serve(token=TOKEN)()
    statuses = until_refused(lambda: browser.post("/-/sign-in", data={"token": "guess"}))
    assert len(statuses) >= 100
    assert set(statuses) == {401}


def test_tokens_cannot_be_guessed_by_sending_many(serve: Serve) -> None:
    make_client = serve(token=TOKEN, admin_token=ADMIN_TOKEN)
    guessing, right = make_client(Authorization="Bearer guess"), make_client(Authorization=f"Bearer {TOKEN}")

    def guess_and_ask() -> httpx2.Response:
        assert guessing.post("/-/theme", data={"theme": "none"}).status_code in (422, 429)
        return right.post("/api/visualizations", json=ASK)

    assert len(until_refused(guess_and_ask)) >= 99  # the right token is then refused too, as the answer would tell it
    assert right.get("/api/jobs").status_code == guessing.get("/-/jobs").status_code == 200
    reader = make_client(Authorization=f"Bearer {ADMIN_TOKEN}", Accept="text/html")
    assert "Sign out" not in reader.get("/").text  # nor does a page tell


def test_live_jobs_have_limits_for_each_person_and_address(serve: Serve, store: Store) -> None:
    client = serve(owner_jobs=2)
    browser = client(**PAGE)
    assert browser.post("/tiny/-/visualize", data={"u": ["fc6/0", "fc6/1"]}).status_code == 303
    refused = browser.post("/-/visualize", data=FORM)
    assert refused.status_code == 429
    assert refused.headers["retry-after"] == "60"
    assert "more than 2 jobs of yours" in refused.text
    assert client().get("/api/jobs").json()["total"] == 2  # a refusal leaves nothing
    many = {"network": "clips", "layer": "Mixed_4f", "units": list(range(19))}
    assert client().post("/api/visualizations", json=many).status_code == 429  # 21 of the same address
    assert client().post("/api/visualizations", json={**many, "units": list(range(18))}).status_code == 202
    assert client("10.0.0.2").post("/api/visualizations", json=ASK).status_code == 202
    claim(store, limit=2)


def test_uploads_that_wait_have_limits(serve: Serve) -> None:
    client = serve(owner_uploads=1, upload_limit=2_000)

    def send(browser: TestClient, mark: bytes, size: int = 400) -> int:
        data = VIDEO[:12] + mark + bytes(size)
        files = {"file": ("a.mp4", data, "video/mp4")}
        return browser.post("/-/clips", data={"network": "tiny"}, files=files).status_code

    first, second = client(**PAGE), client(**PAGE)
    assert [send(first, b"1"), send(first, b"1"), send(first, b"2")] == [303, 303, 429]  # the same clip is one job
    assert send(second, b"3") == 303
    assert send(client("10.0.0.2", **PAGE), b"4", size=1500) == 429  # the bytes of all together
    assert first.delete("/api/jobs/1").status_code == 200
    assert send(first, b"2") == 303


def test_requests_have_limits_and_reading_has_none(serve: Serve) -> None:
    client = serve(owner_rate=3, admin_token=ADMIN_TOKEN)
    browser = client(**PAGE)
    browser.cookies.set("kinetoscope_owner", "a" * 32)
    link = {"url": "/", "title": "t"}
    assert len(until_refused(lambda: browser.post("/api/links", json=link))) >= 3
    assert [browser.get("/-/jobs").status_code for _ in range(40)] == [200] * 40
    archives = until_refused(lambda: client().get("/tiny/-/export?u=class/0"))
    assert len(archives) >= 3
    assert set(archives) == {200}
    assert client("10.0.0.2").get("/api/networks/tiny/units.jsonl").status_code == 200
    assert len(until_refused(lambda: client().post("/api/links", json=link))) >= 27  # ten people, less those above
    admin = client(Authorization=f"Bearer {ADMIN_TOKEN}")
    assert admin.post("/api/links", json=link).status_code == 200


def test_one_s_own_machine_has_no_limits_for_one_person(serve: Serve) -> None:
    client = serve()()
    assert {client.post("/api/links", json={"url": "/", "title": "t"}).status_code for _ in range(150)} == {200}
