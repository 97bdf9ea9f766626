from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from app.settings import Settings
from app.store.database.engine import Store
from app.web.main import create_app
from tests.web.conftest import ORIGIN
from tests.web.views.conftest import Make
from tests.web.views.pagereader import PageReader


@pytest.mark.parametrize("whole_page", ["/tiny/class/2", "/tiny/-/classes/wave%20slow"])
def test_a_bare_view_is_framed_where_the_settings_allow(
    tmp_path: Path, store: Store, visitor: TestClient, make: Make, whole_page: str
) -> None:
    make(2)
    closed = visitor.get(f"{whole_page}?embed=1")
    assert "frame-ancestors 'none'" in closed.headers["content-security-policy"]
    settings = Settings(home=tmp_path, embed="https://lab.example https://*.wiki.example")
    with TestClient(create_app(settings, store), base_url=ORIGIN, headers={"Accept": "text/html"}) as framed:
        bare, whole, other = (
            framed.get(address) for address in (f"{whole_page}?embed=1", whole_page, "/-/jobs?embed=1")
        )
    policy = "frame-ancestors https://lab.example https://*.wiki.example"
    assert policy in bare.headers["content-security-policy"]
    for answer in (whole, other):
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    read = PageReader(bare.text)
    assert not read.all("header")
    assert not read.forms
    assert all(link.startswith(ORIGIN) or link.endswith("embed=1") for link in read.links)
    assert f"{ORIGIN}{whole_page}?speed=slow&seed=0" in read.links
    assert {each["target"] for each in read.all("a") if each["href"].startswith(ORIGIN)} == {"_blank"}


def test_a_bare_view_without_a_result_leads_to_its_page(visitor: TestClient) -> None:
    page = PageReader(visitor.get("/tiny/fc6/1?embed=1").text)
    assert "Not visualized yet" in page.text


def test_the_setting_holds_sites_and_nothing_else(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="embed"):
        Settings(home=tmp_path, embed="https://lab.example; script-src *")
