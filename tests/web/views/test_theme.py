import pytest
from fastapi.testclient import TestClient

from tests.web.conftest import ORIGIN
from tests.web.views.pagereader import PageReader


def theme(visitor: TestClient, address: str) -> str:
    [root] = PageReader(visitor.get(address).text).all("html")
    return root["data-theme"]


def test_the_switch_is_kept_in_a_cookie(visitor: TestClient) -> None:
    assert theme(visitor, "/tiny") == "auto"
    referer = f"{ORIGIN}/tiny/class/2?speed=fast&theme=dark"
    answer = visitor.post("/-/theme", data={"theme": "light"}, headers={"Referer": referer})
    assert (answer.status_code, answer.headers["location"]) == (303, "/tiny/class/2?speed=fast")
    assert theme(visitor, "/tiny") == "light"
    assert theme(visitor, "/nowhere") == "light", "error pages too"
    assert theme(visitor, "/tiny?theme=dark") == "dark"
    assert theme(visitor, "/tiny?theme=pink") == "light"


@pytest.mark.parametrize("referer", ["https://elsewhere.example/tiny", "javascript:alert(1)"])
def test_it_leads_to_no_other_site(visitor: TestClient, referer: str) -> None:
    answer = visitor.post("/-/theme", data={"theme": "light"}, headers={"Referer": referer})
    assert answer.status_code == 422


def test_a_theme_that_there_is_not(visitor: TestClient) -> None:
    assert visitor.post("/-/theme", data={"theme": "pink"}).status_code == 422
    assert visitor.post("/-/theme").status_code == 422
