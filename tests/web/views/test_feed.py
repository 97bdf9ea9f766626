from xml.etree import ElementTree

from fastapi.testclient import TestClient

from app.contract.result import MediaRole
from tests.web.conftest import ORIGIN
from tests.web.views.conftest import Make, sha256_of

ATOM = {"a": "http://www.w3.org/2005/Atom"}


def read(visitor: TestClient, address: str) -> ElementTree.Element:
    answer = visitor.get(address)
    assert answer.headers["content-type"].startswith("application/atom+xml")
    return ElementTree.fromstring(answer.content)


def test_new_results_come_first(visitor: TestClient, make: Make) -> None:
    make(2)
    newest = make(4, speed="fast")
    feed = read(visitor, "/-/feed.atom")
    entries = feed.findall("a:entry", ATOM)
    assert [entry.findtext("a:title", None, ATOM) for entry in entries] == ["back/flip & turn, fast", "wave slow, slow"]
    assert entries[0].findtext("a:id", None, ATOM) == f"{ORIGIN}/tiny/class/4?visualization={newest.id}"
    [enclosure, *_] = entries[0].findall("a:link[@rel='enclosure']", ATOM)
    assert enclosure.attrib["href"].endswith(f"{sha256_of(newest, MediaRole.LOOP)}.webp")
    content = entries[0].findtext("a:content[@type='html']", None, ATOM)
    assert content
    assert content.startswith(f'<img src="{enclosure.attrib["href"]}"')
    assert feed.findtext("a:updated", None, ATOM) == newest.created_at.isoformat()


def test_one_network_alone(visitor: TestClient, make: Make) -> None:
    make(2)
    assert len(read(visitor, "/-/feed.atom?network=tiny").findall("a:entry", ATOM)) == 1
    assert read(visitor, "/-/feed.atom?network=clips").findall("a:entry", ATOM) == []
    assert visitor.get("/-/feed.atom?network=none").status_code == 404
