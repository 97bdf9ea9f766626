"""Every error has the same JSON body, and a page with the same sentence."""

import pytest
from fastapi.testclient import TestClient

PAGE = {"Accept": "text/html,application/xhtml+xml"}


def test_a_missing_address(client: TestClient) -> None:
    answer = client.get("/api/nothing/here")
    assert answer.status_code == 404
    assert answer.json() == {"error": "missing", "detail": "There is nothing at /api/nothing/here."}


def test_a_method_that_an_address_does_not_take(client: TestClient) -> None:
    answer = client.put("/api/networks")
    assert (answer.status_code, answer.json()["error"]) == (405, "method_not_allowed")
    assert answer.headers["allow"] == "GET, POST"
    assert client.get("/api/visualizations").status_code == 405  # and not the page of a layer of a network named api


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/api/jobs/1", {"GET", "DELETE"}),  # two routes
        ("PATCH", "/api/clips", {"POST"}),
        ("DELETE", "/-/saved", {"GET", "POST"}),
        ("DELETE", "/tiny/-/visualize", {"GET", "POST"}),
        ("GET", "/-/visualize", {"POST"}),
        ("POST", "/-/assets/app.js", {"GET"}),
        ("POST", "/", {"GET"}),
        ("BREW", "/api/openapi.json", {"GET"}),
    ],
)
def test_a_refusal_lists_all_methods_of_an_address(
    client: TestClient, method: str, path: str, allowed: set[str]
) -> None:
    answer = client.request(method, path)
    assert (answer.status_code, answer.json()["error"]) == (405, "method_not_allowed")
    assert set(answer.headers["allow"].split(", ")) == allowed
    assert answer.headers["allow"] in answer.json()["detail"]


def test_pages_show_the_same_words(client: TestClient) -> None:
    spoken = client.get("/-/media/none.webp").json()["detail"]
    page = client.get("/-/media/none.webp", headers=PAGE)
    assert page.status_code == 404
    assert page.headers["content-type"].startswith("text/html")
    assert spoken in page.text


def test_the_api_speaks_json_to_browsers_too(client: TestClient) -> None:
    assert client.get("/api/jobs/9", headers=PAGE).json()["error"] == "missing"


@pytest.mark.parametrize(
    ("content", "content_type", "status", "kind", "words"),
    [
        (b"{", "application/json", 422, "invalid_request", "The body is not JSON"),
        (b"", "application/json", 422, "invalid_request", "Send a JSON body."),
        (b"[]", "application/json", 422, "invalid_request", "The body should be"),
        (b"\xff{}", "application/json", 400, "bad_request", "parsing the body"),
        (b"[" * 5000, "application/json", 400, "bad_request", "parsing the body"),
        (b"{}", "text/plain", 415, "unsupported_media", "not text/plain"),
        (b"network=tiny", "application/x-www-form-urlencoded", 415, "unsupported_media", "Send JSON"),
        (b'{"\\ud800": 1}', "application/json", 422, "invalid_request", "unicode"),
        (b'{"network": "a\\u0000b", "layer": "x", "units": [0]}', "application/json", 404, "unknown_network", ""),
        (
            b'{"network": "tiny", "layer": "class", "units": [0], "recipe": {"energy": NaN}}',
            "application/json",
            422,
            "invalid_recipe",
            "recipe.energy",
        ),
    ],
)
def test_bodies_that_cannot_be_read(
    client: TestClient, content: bytes, content_type: str, status: int, kind: str, words: str
) -> None:
    answer = client.post("/api/visualizations", content=content, headers={"Content-Type": content_type})
    assert (answer.status_code, answer.json()["error"]) == (status, kind)
    assert words in answer.json()["detail"]
