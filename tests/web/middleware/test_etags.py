import pytest
from fastapi.testclient import TestClient

from app.store.database.engine import Store
from tests.support import enqueue

PAGE = {"Accept": "text/html"}


@pytest.mark.parametrize("address", ["/", "/tiny", "/tiny/-/units", "/tiny/class/2", "/-/docs", "/-/feed.atom"])
def test_an_unchanged_page_is_not_sent_again(client: TestClient, address: str) -> None:
    first = client.get(address, headers=PAGE)
    again = client.get(address, headers={**PAGE, "If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]
    assert "content-security-policy" in again.headers
    assert "content-length" not in again.headers


def test_a_changed_page_is_sent(client: TestClient, store: Store) -> None:
    first = client.get("/tiny/class/0", headers=PAGE)
    enqueue(store, 0)
    again = client.get("/tiny/class/0", headers={**PAGE, "If-None-Match": first.headers["etag"]})
    assert again.status_code == 200
    assert again.headers["etag"] != first.headers["etag"]


def test_errors_and_data_carry_no_etag_of_a_page(client: TestClient) -> None:
    assert "etag" not in client.get("/nowhere", headers=PAGE).headers
    assert "etag" not in client.get("/api/networks").headers
