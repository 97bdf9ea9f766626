"""The page that adds networks: published ones, those of a hub, and those of the worker's disk."""

from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from app.contract.network import Origin
from app.contract.network_source import SOURCES
from app.settings import Settings
from app.store.database.engine import Store
from app.web.main import create_app
from tests.support import add_card, encoder_card, two_stream_card
from tests.web.conftest import ORIGIN
from tests.web.views.conftest import Open
from tests.web.views.pagereader import PageReader

PAGE = "/-/add-network"


def test_the_home_page_leads_to_it_and_it_lists_every_source(open_page: Open, store: Store) -> None:
    add_card(store, encoder_card("videomae-base"))
    assert PAGE in open_page("/").links
    page = open_page(PAGE)
    for source in SOURCES:
        assert source.title in page.text
        assert source.licence in page.text
    offered = [form.fields["source"] for form in page.forms if "source" in form.fields]
    assert offered == [source.name for source in SOURCES if source.name != "videomae-base"]
    assert "/videomae-base" in page.links


def test_a_network_of_the_hub_is_asked_for_by_its_id(visitor: TestClient, open_page: Open) -> None:
    form = open_page(PAGE).form("Add", having="hub")
    answer = visitor.post(
        form.action, data={"hub": " MCG-NJU/videomae-base ", "slug": "mae", "labels": "", "title": ""}
    )
    assert answer.status_code == 303
    page = open_page(answer.headers["location"])
    assert "Add the network MCG-NJU/videomae-base" in page.text
    assert "Add the network MCG-NJU/videomae-base" in open_page(PAGE).text
    job = visitor.get("/api/jobs").json()["items"][0]
    assert (job["network"], job["parameters"]) == ("mae", {"hub": "MCG-NJU/videomae-base"})


@pytest.mark.parametrize(
    "hub",
    ["http://10.0.0.1/x", "https://huggingface.co/a/b", "../../etc", "a/b/c", "a", "a/b?c", "a/b#c", "a\\b", "a/ b"],
)
def test_nothing_but_owner_and_name_is_asked_of_the_hub(visitor: TestClient, hub: str) -> None:
    assert visitor.post("/-/networks", data={"hub": hub}).status_code == 422
    assert visitor.post("/api/networks", json={"hub": hub}).status_code == 422
    assert visitor.get("/api/jobs").json()["items"] == []


def test_two_places_or_none_are_refused(visitor: TestClient) -> None:
    for data in ({}, {"hub": "a/b", "source": "i3d"}, {"slug": "x"}, {"hub": "a/b", "slug": "Not A Slug"}):
        assert visitor.post("/-/networks", data=data).status_code == 422


def test_a_network_of_the_disk_needs_a_directory_that_the_operator_allows(
    visitor: TestClient, open_page: Open, store: Store, tmp_path: Path
) -> None:
    page = open_page(PAGE)
    assert not [form for form in page.forms if "path" in form.fields]
    assert "KINETOSCOPE_NETWORK_DIRECTORY" in page.text
    for answer in (
        visitor.post("/-/networks", data={"path": "net"}),
        visitor.post("/api/networks", json={"path": "net"}, headers={"Accept": "application/json"}),
    ):
        assert answer.status_code == 403
        assert "KINETOSCOPE_NETWORK_DIRECTORY" in answer.text
    app = create_app(Settings(home=tmp_path, public_url="", host="127.0.0.1", network_directory="/weights"), store)
    with TestClient(app, base_url=ORIGIN, headers={"Accept": "text/html", "Origin": ORIGIN}) as client:
        form = PageReader(client.get(PAGE).text).form("Add", having="path")
        fields = {"path": "nets/My Net.safetensors", "flow_scale": "6.375"}
        done = client.post(form.action, data=fields, follow_redirects=False)
        assert done.status_code == 303
        job = client.get("/api/jobs").json()["items"][0]
        assert (job["network"], job["parameters"]) == ("my-net", {"path": fields["path"], "flow_scale": 6.375})


def test_a_name_that_is_taken_is_told(visitor: TestClient, store: Store) -> None:
    add_card(store, two_stream_card("videomae-base"))
    answer = visitor.post("/-/networks", data={"hub": "MCG-NJU/videomae-base"})
    assert answer.status_code == 409
    assert "already registered" in answer.text


def test_where_a_network_comes_from_is_on_its_page_and_in_the_api(
    visitor: TestClient, open_page: Open, store: Store
) -> None:
    origin = Origin(kind="hub", name="lab/net", revision="0123456789abcdef", licence="cc-by-nc-4.0")
    add_card(store, encoder_card("net").model_copy(update={"origin": origin, "memory": 1_600_000_000}))
    page = open_page("/net")
    assert "From the hub lab/net, revision 0123456789ab, licence cc-by-nc-4.0." in " ".join(page.text.split())
    assert "about 1.6 GB of memory for one unit" in page.text
    body = visitor.get("/api/networks/net").json()
    assert (body["origin"], body["memory"]) == (origin.model_dump(), 1_600_000_000)
