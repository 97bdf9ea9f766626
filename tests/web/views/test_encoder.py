"""Every page of a network without classes, before and after a survey."""

from collections.abc import Mapping
from typing import Any

import pytest
from fastapi.testclient import TestClient

from app.contract.unit import UnitRole
from app.store.catalog import networks
from app.store.database.engine import Store
from tests.evidence_support import add_dataset, survey
from tests.support import claim, encoder_card, enqueue, finish
from tests.web.views.pagereader import PageReader
from tests.web.views.test_templates import check

ADDRESSES = (
    "/",
    "/encoder",
    "/encoder/fc6",
    "/encoder/fc6?view=list&sort=reach",
    "/encoder/fc6/3",
    "/encoder/fc6/0",
    "/encoder/appearance.conv1/2",
    "/encoder/-/units",
    "/encoder/-/units?q=fc6",
    "/encoder/-/units?q=walk",
    "/encoder/-/units?role=dead",
    "/encoder/-/units?view=list&sort=specific",
    "/encoder/-/units?view=map",
    "/encoder/-/units?view=map&colour=role",
    "/encoder/-/visualize?q=fc6",
    "/encoder/-/compare?u=fc6/0&u=fc6/1",
    "/encoder/-/findings",
    "/encoder/-/findings?export=html",
    "/encoder/-/surveys",
    "/encoder/-/export?layer=fc6",
    "/-/datasets/little",
    "/-/datasets/little/walk-0",
    "/-/jobs",
    "/-/feed.atom",
)
OF_CLASSES = (
    "/encoder/-/classes",
    "/encoder/-/classes/walk",
    "/encoder/-/confusions",
    "/encoder/-/confusions/walk/run",
    "/encoder/-/explain",
    "/encoder/class",
    "/encoder/class/0",
    "/api/networks/encoder/confusions",
    "/api/networks/encoder/confusion?a=walk&b=run",
    "/api/networks/encoder/answers",
)
CLASS_WORDS = ("Responses by class", "Best detector of", "Effective classes", "class page", "Confusions", "0 classes")


def is_page(headers: Mapping[str, str], address: str) -> bool:
    return "text/html" in headers["content-type"] and "export" not in address


def whole(visitor: TestClient, address: str) -> str:
    """Return an answer, which is checked to be a whole page where it is one."""
    answer = visitor.get(address)
    assert answer.status_code == 200, (address, answer.text)
    if is_page(answer.headers, address):
        check(PageReader(answer.text))
    return answer.text


@pytest.fixture
def encoder(store: Store) -> None:
    with store.transaction() as session:
        networks.add_network(session, card=encoder_card(), weights=[b"weights"])
    add_dataset(store)


@pytest.fixture
def surveyed(store: Store, encoder: None) -> None:
    dead = {"role": UnitRole.DEAD, "a_hat": 0.0, "top_clips": ()}
    survey(store, "encoder", change=lambda layer, unit: dead if (layer, unit) == ("fc6", 0) else {})


@pytest.mark.usefixtures("surveyed")
def test_every_page_after_a_survey(visitor: TestClient) -> None:
    for address in ADDRESSES:
        text = whole(visitor, address)
        if address.startswith("/encoder"):
            assert not [words for words in CLASS_WORDS if words in text], address


@pytest.mark.usefixtures("encoder")
def test_every_page_before_a_survey(visitor: TestClient) -> None:
    for address in ADDRESSES:
        whole(visitor, address)


@pytest.mark.usefixtures("surveyed")
def test_no_link_leads_to_its_classes_or_to_nowhere(visitor: TestClient) -> None:
    links: set[str] = set()
    for address in ADDRESSES:
        answer = visitor.get(address)
        if is_page(answer.headers, address):
            links |= {link.partition("#")[0] for link in PageReader(answer.text).links if link.startswith("/encoder")}
    assert not [link for link in links if "/-/classes" in link or "/-/confusions" in link or "/-/explain" in link]
    for link in sorted(links):
        assert visitor.get(link).status_code == 200, link
    assert len(links) > 20


@pytest.mark.usefixtures("surveyed")
def test_whoever_asks_for_classes_is_told_that_there_are_none(visitor: TestClient) -> None:
    for address in OF_CLASSES:
        answer = visitor.get(address)
        assert answer.status_code == 404, address
        assert "encoder has no classes: it is an encoder" in answer.text, address


@pytest.mark.usefixtures("surveyed")
def test_no_clip_is_explained(visitor: TestClient) -> None:
    fields = {"network": "encoder", "dataset": "little", "clip": "walk-0"}
    answer = visitor.post("/api/clips", json=fields)
    assert (answer.status_code, answer.json()["error"]) == (404, "no_classes")


@pytest.mark.usefixtures("surveyed")
def test_the_api_says_null_where_classes_would_be_needed(visitor: TestClient) -> None:
    def get(path: str) -> Any:
        return visitor.get(f"/api/networks/encoder{path}", headers={"Accept": "application/json"}).json()

    detail, facts, findings = get(""), get("/survey"), get("/findings")
    assert detail["classes"] == []
    assert (facts["accuracy"], facts["recall"], facts["confusion"], facts["clips"]) == (None, [], [], 9)
    fusion, specificity, invariance, idiosyncrasies = findings["findings"]
    for finding, part in ((fusion, "interaction"), (invariance, "invariance")):  # which need no classes
        assert f"add the part {part}" in finding["sentences"][0]
        assert not finding["supported"]
    for finding in (specificity, idiosyncrasies):
        assert not finding["supported"]
        assert finding["sentences"][0].startswith("The network has no classes")
    detail = get("/layers/fc6/units/3")
    unit, measured = detail["unit"], detail["evidence"]
    assert (measured["role"], measured["effective_classes"], measured["precision"]) == (None, None, [])
    assert "label_responses" not in measured
    assert (unit["role"], unit["effective_classes"], unit["detects"]) == (None, None, None)


@pytest.mark.usefixtures("surveyed")
def test_what_is_measured_without_classes_is_shown(visitor: TestClient) -> None:
    page = visitor.get("/encoder/fc6/3").text
    for words in ("Strongest clips", "Fires", "octaves", "Units most alike", "Fusion synergy"):
        assert words in page
    assert "no clip ever made it positive" in visitor.get("/encoder/fc6/0").text
    assert "labels of the data set alike" in visitor.get("/encoder/-/units?view=map").text
    assert "no classes" in visitor.get("/encoder/-/surveys").text


def test_a_visualization_is_shown(store: Store, encoder: None, visitor: TestClient) -> None:
    enqueue(store, 1, network="encoder", layer="fc6")
    finish(store, claim(store)[0])
    for address in ("/", "/encoder", "/encoder/fc6/1", "/encoder/fc6", "/-/feed.atom"):
        assert visitor.get(address).status_code == 200
