"""The security headers of every answer, and the requests that the middlewares refuse."""

import gzip
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from app.contract.network import NetworkCard
from app.contract.result import Visualization
from app.settings import Settings
from app.store.database.engine import Store
from app.web.main import create_app
from tests.support import enqueue
from tests.web.conftest import ORIGIN

PAGE = {"Accept": "text/html"}
ASK = {"network": "tiny", "layer": "class", "units": [0]}


def is_secured(answer: httpx2.Response) -> bool:
    policy = answer.headers["content-security-policy"]
    return (
        "default-src 'self'" in policy
        and "frame-ancestors 'none'" in policy
        and "unsafe" not in policy
        and answer.headers["x-content-type-options"] == "nosniff"
        and answer.headers["referrer-policy"] == "same-origin"
        and answer.headers["cross-origin-opener-policy"] == "same-origin"
        and "camera=()" in answer.headers["permissions-policy"]
    )


def test_every_kind_of_answer_is_secured(client: TestClient, visualization: Visualization) -> None:
    media = visualization.media[0]
    answers = [
        client.get("/api/health"),
        client.get("/api/openapi.json"),
        client.get("/-/docs"),
        client.get(f"/-/media/{media.sha256}.webp"),
        client.get("/-/assets/none.js"),
        client.get("/api/none"),
        client.get("/api/none", headers=PAGE),
        client.get("/-/none/none", headers=PAGE),
        client.put("/api/health"),
        client.post("/api/visualizations", json={}),
        client.post("/api/visualizations", content=b"x" * 20_000),
        client.post("/api/visualizations", json=ASK, headers={"Origin": "https://evil.example"}),
        client.get("/api/health", headers={"Host": "evil.example"}),
    ]
    assert [answer.status_code for answer in answers] == [
        *(200, 200, 200, 200),
        *(404, 404, 404, 404),
        *(405, 422, 413, 403, 403),
    ]
    assert all(is_secured(answer) for answer in answers)


@pytest.mark.parametrize("path", ["/", "/api/health", "/tiny/class/0", "/nowhere"])
def test_head_is_get_without_the_body(client: TestClient, path: str) -> None:
    whole, head = client.get(path, headers=PAGE), client.head(path, headers=PAGE)
    assert (head.status_code, head.content) == (whole.status_code, b"")
    assert is_secured(head)


def test_only_the_docs_may_show_icons_from_their_style_sheet(client: TestClient) -> None:
    assert "img-src 'self' data:" in client.get("/-/docs").headers["content-security-policy"]
    assert "img-src 'self' blob:;" in client.get("/api/health").headers["content-security-policy"]


def test_the_docs_have_no_inline_script_and_nothing_from_elsewhere(client: TestClient) -> None:
    page = client.get("/-/docs").text
    assert page.count("<script src=") == page.count("<script") == 2
    assert "://" not in page
    assert "<style" not in page


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:9999"},
        {"Origin": "http://127.0.0.1:8000.evil.example"},
        {"Origin": "http://["},
        {"Origin": "http://a:99999"},
        {"Origin": "http://evil@127.0.0.1:8000"},
        {"Origin": f"{ORIGIN}, https://evil.example"},
        {"Origin": ""},
        {"Origin": "file://"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site", "Origin": ORIGIN},
    ],
)
def test_writes_from_other_sites_are_refused(client: TestClient, store: Store, headers: dict[str, str]) -> None:
    [job] = enqueue(store, 0)
    for answer in (
        client.post("/api/visualizations", json=ASK, headers=headers),
        client.delete(f"/api/jobs/{job.id}", headers=headers),
        client.post(f"/api/jobs/{job.id}/retry", headers=headers),
        client.post("/api/links", json={"url": "/", "title": "t"}, headers=headers),
    ):
        assert (answer.status_code, answer.json()["error"]) == (403, "refused")
    assert client.get(f"/api/jobs/{job.id}").json()["state"] == "queued"


@pytest.mark.parametrize(
    "headers",
    [
        {},  # a program
        {"Origin": ORIGIN},
        {"Origin": ORIGIN, "Sec-Fetch-Site": "same-origin"},
        {"Sec-Fetch-Site": "none"},
    ],
)
def test_writes_from_our_own_pages_and_from_programs_pass(client: TestClient, headers: dict[str, str]) -> None:
    assert client.post("/api/visualizations", json=ASK, headers=headers).status_code == 202


def test_reading_from_another_site_is_a_link_and_passes(client: TestClient) -> None:
    assert client.get("/api/networks", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 200


@pytest.mark.parametrize("host", ["localhost:8000", "127.0.0.1", "[::1]:8000", "LOCALHOST", "127.0.0.2:1"])
def test_the_machine_s_own_names_are_answered(client: TestClient, host: str) -> None:
    assert client.get("/api/health", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "192.168.1.5"])
def test_other_hosts_are_refused_on_a_loopback_address(client: TestClient, host: str) -> None:
    answer = client.get("/api/health", headers={"Host": host})
    assert (answer.status_code, answer.json()["error"]) == (403, "refused")
    assert "KINETOSCOPE_ALLOWED_HOSTS" in answer.json()["detail"]


@pytest.mark.parametrize("host", [" ", "[x", "a b", "user@localhost", "localhost:99999", "localhost/x", "löcal"])
def test_a_host_that_cannot_be_parsed(client: TestClient, host: str) -> None:
    answer = client.get("/api/health", headers={b"Host": host.encode()})
    assert (answer.status_code, answer.json()["error"]) == (400, "bad_request")


def test_two_hosts_are_none(client: TestClient) -> None:
    answer = client.get("/api/health", headers=[("Host", "localhost"), ("Host", "evil.example")])
    assert (answer.status_code, answer.json()["error"]) == (400, "bad_request")


@pytest.fixture
def public(tmp_path: Path, store: Store, network: NetworkCard) -> Iterator[TestClient]:
    """Return a client of a server behind a proxy that speaks TLS."""
    settings = Settings(home=tmp_path, public_url="https://units.example/", host="127.0.0.1")
    with TestClient(create_app(settings, store), base_url="http://units.example") as client:
        yield client


def test_the_public_address_is_our_own(public: TestClient) -> None:
    ask = {"url": "https://units.example/tiny", "title": "t"}
    answer = public.post("/api/links", json=ask, headers={"Origin": "https://units.example"})
    assert answer.status_code == 200
    assert answer.json()["address"].startswith("https://units.example/-/s/")
    assert answer.json()["url"] == "/tiny"
    assert public.get("/api/health", headers={"Host": "evil.example"}).status_code == 403


@pytest.mark.parametrize(
    ("allowed_hosts", "host", "status"),
    [
        ("", "box.example", 403),  # a name that resolves to this server may be that of an attacker (DNS rebinding)
        ("", "2130706433", 403),
        ("", "192.168.1.5:8000", 200),
        ("", "[fd00::5]:8000", 200),
        ("", "127.0.0.1:8000", 200),  # a health check within the container
        ("", "localhost", 200),
        ("other.example,box.example", "BOX.example.:8000", 200),
        ("*.lab.example", "box.lab.example", 200),
        ("*.lab.example", "lab.example", 403),
        ("*.lab.example", "evillab.example", 403),
        ("*", "anything.example", 200),
    ],
)
def test_names_are_checked_where_the_server_binds_to_the_network_too(
    tmp_path: Path, store: Store, allowed_hosts: str, host: str, status: int
) -> None:
    settings = Settings(home=tmp_path, host="0.0.0.0", allowed_hosts=allowed_hosts)
    with TestClient(create_app(settings, store)) as client:
        assert client.get("/api/health", headers={"Host": host}).status_code == status


def test_a_large_body_is_refused_however_it_comes(client: TestClient) -> None:
    body = b'{"x": "' + b"y" * 20_000 + b'"}'
    whole = client.post("/api/visualizations", content=body, headers={"Content-Type": "application/json"})
    chunked = client.post(
        "/api/visualizations",
        content=(body[start : start + 1000] for start in range(0, len(body), 1000)),
        headers={"Content-Type": "application/json"},
    )
    for answer in (whole, chunked):
        assert (answer.status_code, answer.json()["error"]) == (413, "too_large")
        assert "10,000 bytes" in answer.json()["detail"]


@pytest.mark.parametrize(("length", "status"), [("-1", 400), ("1e3", 400), ("9" * 5000, 413), ("0" * 5000 + "2", 415)])
def test_a_length_that_is_no_number_or_a_very_long_one(client: TestClient, length: str, status: int) -> None:
    answer = client.post("/api/visualizations", content=b"{}", headers={"Content-Length": length})
    assert answer.status_code == status


@pytest.mark.parametrize("address", ["/api/networks/a%00b", "/api/networks/tiny/units?q=%00"])
def test_nul_is_refused(client: TestClient, address: str) -> None:
    answer = client.get(address)
    assert (answer.status_code, answer.json()["error"]) == (400, "bad_request")


def test_text_is_packed_and_pictures_are_not(client: TestClient, visualization: Visualization) -> None:
    headers = {"Accept-Encoding": "gzip"}
    with client.stream("GET", "/api/openapi.json", headers=headers) as answer:
        assert answer.headers["content-encoding"] == "gzip"
        assert b"Kinetoscope" in gzip.decompress(b"".join(answer.iter_raw()))
    media = client.get(f"/-/media/{visualization.media[0].sha256}.webp", headers=headers)
    assert "content-encoding" not in media.headers


def test_our_own_mistakes_show_nothing_of_our_insides(
    app: FastAPI, client: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    def broken() -> None:
        raise RuntimeError("SELECT secret FROM /home/somebody")

    app.add_api_route("/api/broken", broken)
    app.router.routes.insert(0, app.router.routes.pop())
    answer = client.get("/api/broken")
    body = answer.json()
    assert (answer.status_code, body["error"]) == (500, "internal")
    assert body["reference"] in body["detail"]
    assert "secret" not in answer.text
    assert "home" not in answer.text
    assert body["reference"] in caplog.text
    assert "SELECT secret" in caplog.text
    assert is_secured(answer)
