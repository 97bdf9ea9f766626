"""Headers that clients choose: none of them is worth more than a refusal."""

import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from app.contract.result import Visualization

HEADERS = (
    *("Host", "Origin", "Referer", "Sec-Fetch-Site", "Cookie", "Accept", "Accept-Encoding", "Authorization"),
    *("If-None-Match", "If-Range", "Range", "Last-Event-ID", "Content-Type", "Content-Length", "HX-Request"),
    *("X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Forwarded-Prefix", "X-HTTP-Method-Override"),
)
PIECES = (
    *("http://", "https://[", "null", "a:99999", "localhost:8000", "127.0.0.1", "[::1]", "//", "..", "%00", "%", "é"),
    *("bytes=", "0-", "-1", "9" * 5000, "W/", '"', "*", ";", ",", "=", "kinetoscope_owner=", "theme=dark", "q=x"),
    *("text/html", "application/json", "multipart/form-data", "; boundary=", "; charset=none", "Bearer ", "\t", " "),
)
LATIN_1 = st.text(st.characters(max_codepoint=255, exclude_categories=["Cc"]))
VALUES = st.lists(st.sampled_from(PIECES) | LATIN_1, max_size=5)


@pytest.fixture
def requests(visualization: Visualization) -> list[tuple[str, str]]:
    """Return requests that read headers: pages, media with ranges, pictures with ETags, forms, uploads, JSON."""
    return [
        ("GET", "/"),
        ("GET", f"/-/media/{visualization.media[0].sha256}.webp"),
        ("GET", f"/-/previews/{visualization.id}.jpg"),
        ("POST", "/-/theme"),
        ("POST", "/-/clips"),
        ("POST", "/-/saved"),
        ("POST", "/api/clips"),
        ("POST", "/api/links"),
    ]


@settings(max_examples=60, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(headers=st.lists(st.tuples(st.sampled_from(HEADERS), VALUES.map("".join)), min_size=1, max_size=3))
@example(headers=[("Origin", "http://[")])
@example(headers=[("Origin", "http://a:99999")])
@example(headers=[("Host", "[")])
@example(headers=[("Referer", "http://[")])
@example(headers=[("Content-Length", "9" * 5000)])
@example(headers=[("Content-Type", "multipart/form-data")])
@example(headers=[("Content-Type", "multipart/form-data; boundary=é; charset=none")])
def test_no_header_is_an_error_of_ours(
    client: TestClient, requests: list[tuple[str, str]], headers: list[tuple[str, str]]
) -> None:
    sent = [(name.encode(), value.encode("latin-1")) for name, value in headers]
    for method, path in requests:
        answer = client.request(method, path, headers=sent, content=b"{}" if method == "POST" else None)
        assert answer.status_code < 500, (method, path, answer.text)
