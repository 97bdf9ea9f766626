"""The dashboard below a path of its host: every address stays below it."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from app.contract.network import NetworkCard
from app.contract.result import Visualization
from app.settings import Settings
from app.store.database.engine import Store
from app.store.results import links
from app.web.main import create_app
from tests.evidence_support import add_dataset, survey
from tests.web.views.conftest import Make
from tests.web.views.pagereader import PageReader
from tests.web.views.test_templates import ADDRESSES

ROOT = "/kinetoscope"
ORIGIN = "https://lab.example"
ADDRESS_ATTRIBUTES = ("href", "src", "action", "poster", "srcset", "data-src", "data-openapi")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path, public_url=f"{ORIGIN}{ROOT}/", host="127.0.0.1")


@pytest.fixture
def visitor(settings: Settings, store: Store, network: NetworkCard) -> Iterator[TestClient]:
    """Return a client that asks for pages as a browser does, and follows no redirects."""
    headers = {"Accept": "text/html", "Origin": ORIGIN}
    with TestClient(create_app(settings, store), base_url=ORIGIN, headers=headers, follow_redirects=False) as client:
        yield client


def is_below(address: str) -> bool:
    return address.startswith((f"{ROOT}/", f"{ORIGIN}{ROOT}/", "#", "?", "data:")) or address == f"{ORIGIN}{ROOT}"


def check(html: str, where: str) -> set[str]:
    """Check every address in a page, also in attributes of elements and in JSON; return the links."""
    page = PageReader(html)
    for tag, attributes in page.elements:
        for name, value in attributes.items():
            if name in ADDRESS_ATTRIBUTES:
                assert is_below(value), (where, tag, name, value)
            else:  # such as the addresses that elements read
                for address in re.findall(r"(?<![\w.:/<])/(?:-|api|tiny|clips)/[^\s\"']*", value):
                    assert is_below(address), (where, tag, name, value)
            for address in re.findall(rf"{ORIGIN}[^\s\"'}},]*", value):  # link previews, citations, embeds
                assert address.startswith(f"{ORIGIN}{ROOT}/"), (where, tag, name, value)
    for form in page.forms:
        assert is_below(form.fields.get("back", f"{ROOT}/")), (where, form)
    return {link.partition("#")[0] for link in page.links} - {""}


@pytest.mark.usefixtures("running", "failed", "cancelled")
def test_every_address_of_every_page_stays_below_the_path(visitor: TestClient, make: Make, store: Store) -> None:
    make(2)
    make(2, kappa=2)
    add_dataset(store)
    survey(store)
    seen: set[str] = set()
    waiting = [ROOT + address for address in ADDRESSES]
    more = ("/-/datasets", "/-/docs", "/tiny/-/findings", "/tiny/-/surveys", "/tiny/-/confusions", "/tiny/-/explain")
    waiting += [ROOT + address for address in more]
    while waiting and len(seen) < 200:
        address = waiting.pop(0)
        answer = visitor.get(address)
        assert answer.status_code == 200, address
        if "text/html" in answer.headers["content-type"]:
            found = check(answer.text, address)
            waiting += found - seen
            seen |= found
    assert len(seen) > 60


def test_pages_without_the_path_are_the_same(visitor: TestClient) -> None:
    """A proxy may remove the path; old links and health checks have none."""
    for address in ("/", "/tiny/class/1", "/-/jobs", "/-/docs"):
        assert visitor.get(address).text == visitor.get(ROOT + address).text
    assert visitor.get("/api/health", headers={"Host": "127.0.0.1:8000"}).status_code == 200


def test_the_path_alone_leads_to_the_first_page(visitor: TestClient) -> None:
    answer = visitor.get(ROOT)
    assert (answer.status_code, answer.headers["location"]) == (307, f"{ORIGIN}{ROOT}/")
    assert visitor.get(f"{ROOT}scope").status_code == 404


def test_redirects_and_cookies_stay_below_the_path(visitor: TestClient) -> None:
    ask = {"network": "tiny", "layer": "class", "units": "1"}
    made = visitor.post(f"{ROOT}/-/visualize", data=ask)
    assert (made.status_code, made.headers["location"].partition("?")[0]) == (303, f"{ROOT}/tiny/class/1")
    assert f"Path={ROOT}/;" in made.headers["set-cookie"]
    back = visitor.post(f"{ROOT}/-/jobs/1/cancel", data={"back": f"{ROOT}/-/jobs?page=2"})
    assert (back.status_code, back.headers["location"]) == (303, f"{ROOT}/-/jobs?page=2")
    theme = visitor.post(
        f"{ROOT}/-/theme", data={"theme": "dark"}, headers={"Referer": f"{ORIGIN}{ROOT}/tiny/class/1?view=xy"}
    )
    assert (theme.status_code, theme.headers["location"]) == (303, f"{ROOT}/tiny/class/1?view=xy")
    assert f"Path={ROOT}/;" in theme.headers["set-cookie"]
    for other in (f"{ROOT}//evil.example/", f"{ROOT}/\\evil.example/", "https://evil.example/"):
        assert visitor.post(f"{ROOT}/-/jobs/1/retry", data={"back": other}).status_code in (409, 422)


def test_links_are_kept_without_the_path_and_shown_with_it(visitor: TestClient, store: Store) -> None:
    given = {"url": f"{ORIGIN}{ROOT}/tiny/class/1", "title": "run", "note": ""}
    created = visitor.post(f"{ROOT}/api/links", json=given).json()
    assert created["url"] == f"{ROOT}/tiny/class/1"
    assert created["address"] == f"{ORIGIN}{ROOT}/-/s/{created['slug']}"
    with store.session() as session:
        assert links.get_link(session, slug=created["slug"]).url == "/tiny/class/1"
    page = visitor.get(created["href"])
    assert page.headers["refresh"] == f"0; url={ROOT}/tiny/class/1"
    check(page.text, "link")
    check(visitor.get(f"{ROOT}/-/saved").text, "saved")


def test_a_link_saved_before_there_was_a_path_leads_below_it(visitor: TestClient, store: Store) -> None:
    with store.transaction() as session:
        link = links.create_link(session, url="/tiny/class/1?speed=fast", title="run", note="")
    assert visitor.get(f"{ROOT}/-/s/{link.slug}").headers["refresh"] == f"0; url={ROOT}/tiny/class/1?speed=fast"


def test_the_api_s_addresses_stay_below_the_path(visitor: TestClient, visualization: Visualization) -> None:
    paths = ("/networks", "/networks/tiny", "/networks/tiny/units", "/networks/tiny/layers/class/units/2", "/jobs")
    for path in (*paths, f"/visualizations/{visualization.id}", "/networks/tiny/units.jsonl"):
        text = visitor.get(f"{ROOT}/api{path}").text
        addresses = re.findall(r'"(?:\w*href|page|preview|result|address)":"([^"]+)"', text)
        assert addresses or path == "/jobs", path
        assert all(is_below(address) for address in addresses), (path, addresses)
    schema = visitor.get(f"{ROOT}/api/openapi.json").json()
    assert schema["servers"] == [{"url": ROOT}]
    feed = visitor.get(f"{ROOT}/-/feed.atom").text
    assert all(is_below(address) for address in re.findall('href="([^"]+)"', feed))
    assert json.loads(visitor.get(f"{ROOT}/api/none").text)["detail"] == f"There is nothing at {ROOT}/api/none."


def test_what_depends_on_an_address_finds_it_below_the_path(visitor: TestClient) -> None:
    """The policy of the docs, the size of uploads, methods, a link with a final slash, the root for scripts."""
    [html] = PageReader(visitor.get(f"{ROOT}/").text).all("html")
    assert html["data-root"] == ROOT  # with which scripts find the stream of events
    assert "img-src 'self' data:" in visitor.get(f"{ROOT}/-/docs").headers["content-security-policy"]
    large = b"\x00\x00\x00\x18ftypisom" + bytes(1_500_000)  # than other bodies may be
    sent = visitor.post(f"{ROOT}/api/clips?network=tiny", content=large, headers={"Content-Type": "video/mp4"})
    assert sent.status_code == 202
    refused = visitor.put(f"{ROOT}/api/jobs/1")
    assert (refused.status_code, set(refused.headers["allow"].split(", "))) == (405, {"GET", "DELETE"})
    assert visitor.get(f"{ROOT}/-/jobs/").headers["location"] == f"{ORIGIN}{ROOT}/-/jobs"
    assert visitor.get(f"{ROOT}/-/assets/none.js", headers={"Accept": "*/*"}).json()["error"] == "missing"
    assert visitor.get(f"{ROOT}/api/none").headers["content-type"] == "application/json"
