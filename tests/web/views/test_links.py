from fastapi.testclient import TestClient

from tests.web.conftest import ORIGIN
from tests.web.views.conftest import Make, poster
from tests.web.views.pagereader import PageReader


def test_a_short_link_unfolds_and_leads_on(visitor: TestClient, make: Make) -> None:
    made = make(2)
    url = "/tiny/class/2?speed=slow&seed=0"
    href = visitor.post("/api/links", json={"url": url, "title": "A slow wave"}).json()["href"]
    answer = visitor.get(href)
    assert answer.status_code == 200
    assert answer.headers["refresh"] == f"0; url={url}"
    page = PageReader(answer.text)
    meta = {each["property"]: each["content"] for each in page.all("meta") if "property" in each}
    assert meta["og:title"] == "A slow wave"
    assert meta["og:url"] == ORIGIN + href
    assert meta["og:image"] == f"{ORIGIN}/-/media/{poster(made)}.webp"
    assert url in page.links


def test_an_address_in_other_letters_survives_the_header(visitor: TestClient) -> None:
    href = visitor.post("/api/links", json={"url": "/tiny/-/units?q=größe", "title": "t"}).json()["href"]
    assert visitor.get(href).headers["refresh"] == "0; url=/tiny/-/units?q=gr%C3%B6%C3%9Fe"


def test_an_unknown_link(visitor: TestClient) -> None:
    assert visitor.get("/-/s/nothing").status_code == 404
