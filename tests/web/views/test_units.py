import re

import pytest
from fastapi.testclient import TestClient

from app.store.database.engine import Store
from tests.evidence_support import add_dataset, survey
from tests.web.views.conftest import Make, Open


def test_a_layer_lists_its_units_and_offers_to_visualize_all(open_page: Open) -> None:
    page = open_page("/clips/Mixed_4f")
    assert len(page.all("a", class_="card")) == 48
    assert "/clips/Mixed_4f?page=2&after=0~47~1" in page.links
    form = page.form("Visualize all 70 units")
    assert (form.fields["layer"], form.fields["units"]) == ("Mixed_4f", "all")


def test_filters_are_in_the_address_and_in_the_form(open_page: Open, make: Make) -> None:
    make(2)
    page = open_page("/tiny/-/units?q=wave&state=missing&sort=name")
    assert [link for link in page.links if link.startswith("/tiny/class/")] == ["/tiny/class/3"]
    [search] = [form for form in page.forms if form.action == "/tiny/-/units"]
    assert {"q": "wave", "state": "missing", "sort": "name", "layer": ""}.items() <= search.fields.items()


def test_a_plain_form_sends_empty_fields_too(open_page: Open) -> None:
    page = open_page("/tiny/-/units?q=&layer=fc6&stream=&class=&state=&sort=")
    assert len(page.all("a", class_="card")) == 10


def test_other_pages_keep_the_filters(open_page: Open) -> None:
    assert "/clips/-/units?layer=Mixed_4f&page=2&after=0~47~1" in open_page("/clips/-/units?layer=Mixed_4f").links


@pytest.mark.parametrize(
    ("address", "words"),
    [("/tiny/fc6?role=dead", "No unit fits these filters."), ("/tiny/fc6?page=7", "The list is shorter than that.")],
)
def test_an_empty_grid_says_why_and_leads_back(open_page: Open, address: str, words: str) -> None:
    page = open_page(address)
    assert words in page.text
    assert page.links.count("/tiny/fc6") >= 1


def test_classes_are_found_by_a_word_of_their_name(open_page: Open) -> None:
    page = open_page("/tiny/-/classes?q=wave")
    assert "2 classes" in page.text
    assert "/tiny/-/classes/wave%20slow" in page.links
    assert "/tiny/-/classes/run" not in page.links


@pytest.mark.parametrize(("sort", "first"), [("activation", "Activation"), ("specific", "Effective classes")])
def test_what_a_list_is_sorted_by_stands_beside_the_name(
    store: Store, open_page: Open, visitor: TestClient, sort: str, first: str
) -> None:
    add_dataset(store)
    survey(store)
    address = f"/tiny/-/units?view=list&sort={sort}"
    assert open_page(address).all("th", aria_sort="ascending" if sort == "specific" else "descending")
    heads = re.findall(r"<th[^>]*>\s*([^<>]+?)\s*</th>", visitor.get(address).text)
    assert heads[:2] == ["Unit", first]


def test_a_hit_says_why_it_is_one(store: Store, open_page: Open) -> None:
    add_dataset(store)
    survey(store)
    text = " ".join(open_page("/tiny/-/units?q=jogging").text.split())
    assert "jogging (read as run) matches run" in text.replace("“", "").replace("”", "")
    assert text.count("detects run, precision 0.") == 6
    assert "strongest clip (not visualized yet)" in text


def test_words_that_name_several_classes_are_taken_together(open_page: Open) -> None:
    assert "together they match wave fast" in " ".join(open_page("/tiny/-/units?q=wave+fast").text.split())
    page = open_page("/tiny/-/units?q=walk+run")
    assert "no class matches all of them" in page.text
    assert "No unit fits these filters." in page.text


def test_words_that_mean_nothing_lead_to_classes(open_page: Open) -> None:
    page = open_page("/tiny/-/units?q=xylophone")
    assert "xylophone means nothing here." in " ".join(page.text.split())
    assert {f"/tiny/-/classes/{name}" for name in ("walk", "run")} <= set(page.links)
    page = open_page("/tiny/-/units?q=wvae+run")
    text = " ".join(page.text.split())
    assert "wvae means nothing here and is left out. Like it: wave slow, wave fast." in text
    assert "/tiny/class/1" in page.links


def test_a_search_before_a_survey_says_what_it_cannot_find(open_page: Open) -> None:
    assert "found by what a survey says of them" in open_page("/tiny/-/units?q=wave").text
    assert "found by what a survey says of them" not in open_page("/tiny/-/units?q=xylophone").text
