import pytest
from fastapi.testclient import TestClient

from app.contract.result import MediaRole, Visualization
from app.store.database.engine import Store
from app.store.results import links
from tests.web.conftest import ORIGIN


def test_the_same_view_has_one_link(client: TestClient) -> None:
    ask = {"url": "/tiny/fusion.conv2/3?speed=fast", "title": "A wave"}
    first = client.post("/api/links", json=ask)
    assert first.status_code == 200
    body = first.json()
    assert body["href"] == f"/-/s/{body['slug']}"
    assert body["address"] == f"{ORIGIN}/-/s/{body['slug']}"
    assert client.post("/api/links", json=ask).json()["slug"] == body["slug"]
    assert client.post("/api/links", json={**ask, "title": "Two"}).json()["slug"] != body["slug"]


def test_the_server_finds_description_and_poster(
    client: TestClient, store: Store, visualization: Visualization
) -> None:
    poster = visualization.medium(MediaRole.POSTER)
    assert poster is not None
    for url in ("/tiny/class/2?speed=slow&seed=0", "/tiny/-/classes/wave%20slow", f"{ORIGIN}/tiny/class/2"):
        body = client.post("/api/links", json={"url": url, "title": "t"}).json()
        with store.session() as session:
            link = links.get_link(session, slug=body["slug"])
        assert link.url == url.removeprefix(ORIGIN)
        assert link.description == "wave slow, unit 2 of layer class of Two-stream tiny"
        assert link.preview == poster.sha256


def test_a_view_without_a_result_has_no_poster(client: TestClient) -> None:
    for url in ("/", "/-/jobs", "/tiny", "/tiny/fc6", "/tiny/-/units?q=run", "/tiny/class/0", "/clips/class/1"):
        answer = client.post("/api/links", json={"url": url, "title": "t"})
        assert answer.status_code == 200
        assert answer.json()["preview"] is None


def test_a_view_of_many_units_has_the_newest_picture(client: TestClient, visualization: Visualization) -> None:
    poster = visualization.medium(MediaRole.POSTER)
    assert poster is not None
    for url, preview in (("/tiny/-/findings", poster.sha256), ("/tiny/class", poster.sha256), ("/tiny/fc6", None)):
        assert client.post("/api/links", json={"url": url, "title": "t"}).json()["preview"] == preview


def test_a_class_may_have_a_slash_in_its_name(client: TestClient) -> None:
    body = client.post("/api/links", json={"url": "/tiny/-/classes/back%2Fflip%20%26%20turn", "title": "t"}).json()
    assert body["description"].startswith("back/flip & turn, unit 4")


@pytest.mark.parametrize(
    "url",
    [
        "//evil.example/x",
        "/\\evil.example",
        "https://evil.example/tiny",
        f"{ORIGIN}.evil.example/tiny",
        f"{ORIGIN}@evil.example/",
        f"{ORIGIN}//evil.example/",
        "javascript:alert(1)",
        "data:text/html,x",
        "tiny/class/2",
        "/tiny\n/class",
        "/tiny\u0000",
        "/tiny%00",
        "\t//evil.example",
        "http://[",
        "/api/health",
        "/-/s/abc",
    ],
)
def test_a_link_leads_to_a_page_of_this_dashboard_alone(client: TestClient, url: str) -> None:
    answer = client.post("/api/links", json={"url": url, "title": "t"})
    assert (answer.status_code, answer.json()["error"]) == (422, "invalid_request")
    assert "not a page of this dashboard" in answer.json()["detail"]


@pytest.mark.parametrize("url", ["/none", "/tiny/none", "/tiny/class/9", "/tiny/-/classes/none", "/none/-/units"])
def test_a_link_to_nothing(client: TestClient, url: str) -> None:
    assert client.post("/api/links", json={"url": url, "title": "t"}).status_code == 404


@pytest.mark.parametrize("title", ["", "   ", "a\nb", "a\u0000b", "x" * 201])
def test_titles_are_one_line(client: TestClient, title: str) -> None:
    answer = client.post("/api/links", json={"url": "/tiny", "title": title})
    assert answer.status_code == 422
    assert answer.json()["fields"][0]["field"] == "title"
