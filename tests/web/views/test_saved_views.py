from fastapi.testclient import TestClient
from sqlalchemy import text

from app.contract.result import MediaRole
from app.store.catalog import networks
from app.store.database.engine import Store
from tests.web.conftest import ORIGIN
from tests.web.views.conftest import Make, Open, sha256_of
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
    assert meta["og:image"] == f"{ORIGIN}/-/previews/{made.id}.jpg"
    assert url in page.links


def test_an_address_in_other_letters_survives_the_header(visitor: TestClient) -> None:
    href = visitor.post("/api/links", json={"url": "/tiny/-/units?q=größe", "title": "t"}).json()["href"]
    assert visitor.get(href).headers["refresh"] == "0; url=/tiny/-/units?q=gr%C3%B6%C3%9Fe"


def test_an_unknown_link(visitor: TestClient) -> None:
    assert visitor.get("/-/s/nothing").status_code == 404


def test_a_link_to_a_certain_result_unfolds_with_that_one(visitor: TestClient, make: Make) -> None:
    plain, special = make(2), make(2, kappa=2)
    for choice in (f"visualization={special.id}", f"recipe={special.recipe_key[:12]}"):
        asked = {"url": f"/tiny/class/2?{choice}", "title": choice}
        answer = visitor.post("/api/links", json=asked).json()
        assert answer["preview"] == sha256_of(special, MediaRole.POSTER)
        [image] = PageReader(visitor.get(answer["href"]).text).all("meta", property="og:image")
        assert image["content"] == f"{ORIGIN}/-/previews/{special.id}.jpg"
    other = visitor.post("/api/links", json={"url": "/tiny/class/2?speed=slow", "title": "t"}).json()
    assert other["preview"] == sha256_of(plain, MediaRole.POSTER)


def test_a_link_outlives_what_it_showed(visitor: TestClient, store: Store, make: Make) -> None:
    make(2)
    href = visitor.post("/api/links", json={"url": "/tiny/class/2", "title": "t"}).json()["href"]
    with store.transaction() as session:
        networks.remove_network(session, slug="tiny")
    assert visitor.get(href).status_code == 200


def test_a_view_is_saved_with_a_note_listed_and_forgotten(visitor: TestClient, open_page: Open, make: Make) -> None:
    make(2)
    assert "Nothing saved yet" in open_page("/-/saved").text
    visitor.post("/api/links", json={"url": "/tiny", "title": "only a link"})
    form = open_page("/tiny/class/2").form("Save")
    assert form.fields["url"] == f"{ORIGIN}/tiny/class/2?speed=slow&seed=0"
    sent = {**form.fields, "title": "A slow wave", "note": "look at\r\nthe hand"}
    assert visitor.post(form.action, data=sent).headers["location"] == "/-/saved"
    page = open_page("/-/saved")
    assert "A slow wave" in page.text
    assert "look at\nthe hand" in page.text
    assert "only a link" not in page.text
    assert "/tiny/class/2?speed=slow&seed=0" in page.links
    [listed] = visitor.get("/api/links").json()["items"]
    assert (listed["title"], listed["note"]) == ("A slow wave", "look at\nthe hand")
    visitor.post(page.form("Forget").action)
    assert "Nothing saved yet" in open_page("/-/saved").text
    assert visitor.get(listed["href"]).status_code == 200, "the short link goes on working"
    assert visitor.post(page.form("Forget").action).status_code == 404


def test_a_view_of_another_site_is_not_saved(visitor: TestClient) -> None:
    answer = visitor.post("/-/saved", data={"url": "https://evil.example/", "title": "t"})
    assert answer.status_code == 422
    assert visitor.post("/-/saved", data={"url": "/tiny"}).status_code == 422


def test_what_is_cited_and_embedded(open_page: Open, make: Make) -> None:
    make(2)
    page = open_page("/tiny/class/2")
    address = f"{ORIGIN}/tiny/class/2?speed=slow&seed=0"
    assert "Feichtenhofer" in page.text
    assert f"\\url{{{address}}}" in page.text
    [embed] = page.all("input", name="embed")
    assert f'src="{address}&embed=1"' in embed["value"]


def test_a_result_of_an_older_engine_keeps_its_address(visitor: TestClient, store: Store, make: Make) -> None:
    made = make(2, kappa=2)
    old = "f" * 64
    with store.transaction() as session:
        session.execute(text("PRAGMA defer_foreign_keys = ON"))
        session.execute(text("UPDATE recipes SET key = :old WHERE key = :key"), {"old": old, "key": made.recipe_key})
        session.execute(text("UPDATE visualizations SET recipe_key = :old"), {"old": old})
        session.execute(text("UPDATE jobs SET recipe_key = :old"), {"old": old})
        session.execute(text("UPDATE result_counts SET recipe_key = :old"), {"old": old})
    page = PageReader(visitor.get(f"/tiny/class/2?visualization={made.id}").text)
    [canonical] = page.all("link", rel="canonical")
    assert canonical["href"] == f"{ORIGIN}/tiny/class/2?recipe={old[:12]}"
    assert visitor.get(canonical["href"]).status_code == 200
