"""The page of two confused classes: which change of clips repairs errors, before and after."""

import pytest

from app.contract.network import NetworkCard
from app.contract.survey import MeasuredPart
from app.contract.survey_part import SurveyPart
from app.store.database.engine import Store
from app.web.views.parts.repairs import Rectangle, rectangles
from tests.evidence_support import add_dataset, survey
from tests.repair_support import class_repairs, repair_facts
from tests.web.views.conftest import Open


@pytest.fixture
def repaired(store: Store, network: NetworkCard) -> Store:
    add_dataset(store)
    parts = (MeasuredPart(part=SurveyPart.REPAIRS, seconds=1.0),)
    survey(store, parts=parts, repairs=repair_facts(class_repairs()))
    return store


def test_a_pair_shows_what_repairs_its_errors(repaired: Store, open_page: Open) -> None:
    page = open_page("/tiny/-/confusions/walk/run")
    assert "walk is taken for run because of a red patch low in the frame." in page.text
    assert "A red patch low in the frame as the cause: supported." in page.text
    assert "11 of 12" in page.text
    assert "An error: run 93.0%, changed walk 81.0%" in page.text
    assert "/-/datasets/little/walk-0" in page.links
    assert "/-/datasets/little/walk-1" in page.links
    before, after = page.all("svg", **{"class": "clip-picture"})
    assert (before["aria-label"], after["aria-label"]) == ("walk-0 as it is", "walk-0, changed")
    images = page.all("image")
    assert len(images) == 3, "the clip twice, and the partner within the blocks"
    assert images[2]["clip-path"] == "url(#blocks-0)"
    assert images[0]["href"] != images[2]["href"]
    assert "falls by 80.0%, elsewhere 5.0%" in page.text
    assert "Masking what moves points the other way" in page.text


def test_the_other_order_shows_the_same_and_other_pairs_nothing(repaired: Store, open_page: Open) -> None:
    assert "What repairs errors" in open_page("/tiny/-/confusions/run/walk").text
    assert "What repairs errors" not in open_page("/tiny/-/confusions/walk/wave%20slow").text


def test_a_class_says_what_makes_clips_be_taken_for_it(repaired: Store, open_page: Open) -> None:
    page = open_page("/tiny/-/classes/run")
    assert "clips of other classes are taken for it because of a red patch low in the frame" in page.text
    assert "A bias:" not in open_page("/tiny/-/classes/walk").text


def test_blocks_are_drawn_row_by_row() -> None:
    assert list(rectangles((0, 1, 3, 4), 2, 4)) == [
        Rectangle(0, 0, 50, 50),
        Rectangle(75, 0, 25, 50),
        Rectangle(0, 50, 25, 50),
    ]
