"""The explorer's map: drawn on the server, its region a filter that every address, list and export takes."""

import csv
import io
import zipfile

import pytest
from fastapi.testclient import TestClient

from app.store.database.engine import Store
from tests.evidence_support import add_dataset, survey
from tests.web.views.conftest import Make, Open
from tests.web.views.test_templates import check

UNITS = "/tiny/-/units?view=map"
RIGHT = "0.6,0,1,0.5"  # see evidence_support.map_positions


@pytest.fixture
def surveyed(store: Store, make: Make) -> Store:
    make(2)
    add_dataset(store)
    survey(store)
    return store


@pytest.mark.usefixtures("surveyed")
def test_a_map_is_links_that_need_no_script(open_page: Open) -> None:
    page = open_page(UNITS)
    check(page)
    dots = [link for link in page.all("a") if "aria-label" in link and "class" in link]
    assert len(dots) == 30
    assert {link["class"].split()[0] for link in dots} == {"appearance", "motion", "fusion"}
    [seen] = [link for link in dots if "data-poster" in link]
    assert (seen["aria-label"], seen["href"]) == ("wave slow, class/2", "/tiny/class/2")
    assert page.all("circle", cx="90.00%", cy="40.00%")
    assert "fusion 20" in page.text
    by_role = open_page(UNITS + "&colour=role")
    assert "specific 30" in by_role.text


@pytest.mark.usefixtures("surveyed")
def test_a_region_narrows_the_list_and_stays_while_other_filters_change(open_page: Open) -> None:
    page = open_page(f"{UNITS}&region={RIGHT}")
    check(page)
    assert "7 units" in page.text
    assert len(page.all("a", class_="card")) == 7
    assert len([link for link in page.all("a") if "outside" in link.get("class", "")]) == 23
    assert page.all("rect", x="60.00%", y="0.00%", width="40.00%", height="50.00%")
    assert UNITS in page.links, "leads back to the whole map"
    for view in ("grid", "list"):
        form = open_page(f"/tiny/-/units?view={view}&region={RIGHT}").form("Show")
        assert form.fields["region"] == RIGHT


@pytest.mark.usefixtures("surveyed")
def test_what_lies_in_a_region_is_chosen_exported_and_listed_by_the_api(visitor: TestClient, open_page: Open) -> None:
    assert "Visualize 7 units" in open_page(f"/tiny/-/visualize?region={RIGHT}").text
    listed = visitor.get(f"/api/networks/tiny/units?region={RIGHT}").json()
    assert [unit["map_x"] for unit in listed["items"]] == pytest.approx([0.7] * 5 + [0.9] * 2)
    assert visitor.get(f"/api/networks/tiny/tally?region={RIGHT}").json()["layer"] == {"fc6": 5, "class": 2}
    packed = zipfile.ZipFile(io.BytesIO(visitor.get(f"/tiny/-/export?region={RIGHT}").content))
    rows = list(csv.DictReader(io.StringIO(packed.read("units.csv").decode())))
    assert {(row["layer"], row["unit"]) for row in rows} >= {("fc6", "1"), ("class", "2")}
    assert len(rows) == 7


def test_without_a_survey_the_map_says_what_to_do(open_page: Open) -> None:
    page = open_page(UNITS)
    check(page)
    assert "A map places units by what excites them" in page.text
    assert "Survey this network" in page.text
    assert "/tiny/-/surveys" in page.links


def test_a_region_that_is_none_is_named(visitor: TestClient) -> None:
    answer = visitor.get("/tiny/-/units?region=1,2")
    assert answer.status_code == 422
    assert "write x0,y0,x1,y1" in answer.text


@pytest.mark.usefixtures("surveyed")
def test_a_search_without_hits_does_not_forget_the_survey(open_page: Open) -> None:
    page = open_page(f"{UNITS}&q=xylophone")
    check(page)
    assert "No data set has been passed through this network yet." not in page.text
    assert page.all("input", name="role"), "roles can still be asked for"
