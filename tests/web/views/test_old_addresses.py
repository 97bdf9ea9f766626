"""Addresses that were sent to people in November 2026, and must open the same pages for ever.

Where a test fails, mend the code, not the list.
"""

import pytest
from fastapi.testclient import TestClient

from app.contract.result import MediaRole, Visualization
from tests.web.views.conftest import Make
from tests.web.views.pagereader import PageReader

LISTS = {
    "/tiny/-/units?q=wave": ["class/2", "class/3"],
    "/tiny/-/units?layer=fc6&page=2&per_page=4": ["fc6/4", "fc6/5", "fc6/6", "fc6/7"],
    "/tiny/fc6?page=3&per_page=4": ["fc6/8", "fc6/9"],
    "/tiny/-/units?q=fusion.conv2/7": ["fusion.conv2/7"],
    "/tiny/-/units?class=run": ["class/1"],
    "/tiny/-/units?stream=motion&per_page=2": ["motion.conv1/0", "motion.conv1/1"],
    "/tiny/-/units?state=visualized&sort=recent": ["class/2"],
    "/tiny/class?sort=name&per_page=2": ["class/4", "class/1"],
    "/tiny/-/units?q=&layer=&stream=&class=&state=visualized&sort=": ["class/2"],
}

HEADINGS = {
    "/": "See what a video network has learned",
    "/tiny": "Two-stream tiny",
    "/tiny/fc6": "fc6",
    "/tiny/-/units": "All units",
    "/tiny/-/units?view=map&region=0.2,0.3,0.5,0.6&colour=role": "All units",
    "/tiny/-/units?detects=run&view=list": "All units",
    "/tiny/-/classes": "Classes",
    "/tiny/-/classes?q=wave&page=1": "Classes",
    "/tiny/-/classes/back%2Fflip%20%26%20turn": "back/flip & turn",
    "/tiny/fc6/3": "Unit 3",
    "/tiny/class/2?speed=fast&seed=7&view=xy": "wave slow",
    "/tiny/class/2?speed=fast&seed=7&frame=12": "wave slow",
    "/tiny/-/confusions/walk/run?frame=2&clip_frame=3": "walk or run?",
    "/-/jobs": "Queue",
    "/-/jobs?state=failed&network=tiny&page=1": "Queue",
}


@pytest.fixture
def results(make: Make) -> tuple[Visualization, Visualization]:
    return make(2, kappa=2), make(2)


def shown(visitor: TestClient, address: str) -> PageReader:
    answer = visitor.get(address)
    assert answer.status_code == 200, address
    return PageReader(answer.text)


@pytest.mark.usefixtures("results")
def test_lists_hold_the_same_units(visitor: TestClient) -> None:
    for address, units in LISTS.items():
        cards = [each["href"].removeprefix("/tiny/") for each in shown(visitor, address).all("a", class_="card")]
        assert cards == units, address


@pytest.mark.usefixtures("results")
def test_pages_are_the_same_pages(visitor: TestClient) -> None:
    for address, heading in HEADINGS.items():
        answer = visitor.get(address)
        assert answer.status_code == 200, address
        assert f"{heading.replace('&', '&amp;')}</h1>" in answer.text, address


def test_a_result_is_the_same_result(visitor: TestClient, results: tuple[Visualization, Visualization]) -> None:
    special, plain = results
    addresses = {
        f"/tiny/class/2?visualization={special.id}": special,
        f"/tiny/class/2?recipe={special.recipe_key[:12]}": special,
        "/tiny/class/2?speed=slow&seed=0": plain,
        "/tiny/-/classes/wave%20slow?speed=slow&seed=0": plain,
    }
    for address, result in addresses.items():
        links = shown(visitor, address).links
        for each in results:
            raw = each.medium(MediaRole.RAW)
            assert raw is not None
            assert (f"/-/media/{raw.sha256}.npz" in links) is (each == result), address
