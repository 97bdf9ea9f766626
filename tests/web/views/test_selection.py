"""Several units at once: estimating, requesting, comparing and exporting them."""

import csv
import io
import json
import zipfile
from datetime import UTC, datetime

import pytest
from fastapi.testclient import TestClient

from app.contract.job import JobState
from app.store.database.engine import Store
from app.store.jobs import listing
from tests.evidence_support import add_dataset, survey
from tests.support import enqueue
from tests.web.views.conftest import Make, Open
from tests.web.views.test_forms import live, send


def test_the_grid_ticks_units_for_three_things(open_page: Open) -> None:
    page = open_page("/tiny/-/units?layer=fc6")
    form = page.form("Compare")
    assert (form.method, form.action) == ("get", "/tiny/-/visualize")
    assert [each["value"] for each in page.all("input", name="u")] == [f"fc6/{unit}" for unit in range(10)]
    actions = [each["formaction"] for each in page.all("button") if "formaction" in each]
    assert actions == ["/tiny/-/compare", "/tiny/-/export"]
    assert "/tiny/-/visualize?layer=fc6" in page.links


def test_the_cost_comes_before_the_work(visitor: TestClient, open_page: Open, make: Make, store: Store) -> None:
    page = open_page("/tiny/-/visualize?u=class/1&u=class/2")
    assert "They take a time that is not known yet" in page.text
    make(2, speed="medium")
    page = open_page("/tiny/-/visualize?u=class/1&u=class/2")
    assert "1 of 2 are there already. The other 1 take about 2 s on one worker, going by 1 result." in page.text
    assert live(store) == []
    form = page.form("Visualize 2 units")
    answer = visitor.post(form.action, data={**form.fields, "u": ["class/1", "class/2"]})
    assert answer.headers["location"] == "/tiny/-/compare?u=class/1&u=class/2&speed=medium&seed=0"
    assert live(store) == [("class", 1, "medium")]


def test_all_that_match_are_asked_for_across_layers(visitor: TestClient, open_page: Open, store: Store) -> None:
    page = open_page("/tiny/-/visualize?stream=motion")
    form = page.form("Visualize 6 units")
    assert form.fields["stream"] == "motion"
    send(visitor, form, speed="free")
    assert live(store) == [("motion.conv1", unit, "free") for unit in range(6)]
    page = open_page("/tiny/-/visualize?q=conv")
    assert send(visitor, page.form("Visualize 20 units")) == "/tiny/-/units?q=conv&sort=recent"
    with store.session() as session:
        assert listing.count_by_state(session)[JobState.QUEUED] == 6 + 20


def test_a_recipe_in_the_address_fills_the_form_and_the_estimate(open_page: Open, make: Make) -> None:
    make(2)
    page = open_page("/tiny/-/visualize?u=class/1&steps=144")
    assert page.form("Visualize 1 unit").fields["steps"] == "144"
    assert "It takes about 3 s" in page.text
    assert "/tiny/-/visualize?u=class/1&objective=center" in page.links, "presets fill it in too"


@pytest.mark.parametrize(
    ("address", "status", "words"),
    [
        ("/tiny/-/visualize?u=class", 422, "names no unit"),
        ("/tiny/-/visualize?u=class/99", 404, "has no unit 99"),
        ("/tiny/-/visualize?u=clas/1", 404, "Near: class"),
        ("/tiny/-/visualize?steps=0&u=class/1", 422, "steps"),
        ("/tiny/-/compare?" + "&".join(f"u=fc6/{unit}" for unit in range(9)), 422, "At most 8"),
        ("/none/-/export", 404, "no network"),
    ],
)
def test_a_wrong_selection_is_named(visitor: TestClient, address: str, status: int, words: str) -> None:
    answer = visitor.get(address, headers={"Accept": "application/json"})
    assert answer.status_code == status
    assert words in answer.json()["detail"]


def test_nothing_chosen_says_what_to_do(open_page: Open) -> None:
    assert "No unit is chosen" in open_page("/tiny/-/visualize?q=zzz").text
    assert "Nothing to compare yet" in open_page("/tiny/-/compare").text


def test_units_stand_side_by_side_under_one_speed(open_page: Open, make: Make, store: Store) -> None:
    make(2), make(2, speed="fast"), make(3, speed="fast")
    page = open_page("/tiny/-/compare?u=class/2&u=class/3&u=class/0")
    assert "/tiny/-/compare?u=class/2&u=class/3&u=class/0&speed=slow" in page.links
    [canonical] = page.all("link", rel="canonical")
    assert canonical["href"].endswith("u=class/0&speed=fast"), "where most of them can be seen"
    assert "/tiny/class/2?speed=fast&seed=0" in page.links
    assert "/tiny/-/compare?u=class/2&u=class/0&speed=fast" in page.links, "take one away"
    form = page.form("Visualize 1 missing unit (fast)")
    assert form.fields["speed"] == "fast"
    enqueue(store, 0, speed="fast")
    assert "Queued" in open_page("/tiny/-/compare?u=class/0&speed=fast").text


def test_an_export_holds_pictures_tables_and_provenance(visitor: TestClient, make: Make) -> None:
    made = make(2)
    answer = visitor.get("/tiny/-/export?u=class/2&u=class/1")
    assert answer.headers["content-type"] == "application/zip"
    assert 'filename="tiny-2-units.zip"' in answer.headers["content-disposition"]
    archive = zipfile.ZipFile(io.BytesIO(answer.content))
    assert archive.testzip() is None
    folder = f"media/class/2/slow-0-{made.recipe_key[:12]}"
    assert archive.read(f"{folder}/loop.webp").endswith(b"loop")
    rows = list(csv.DictReader(io.TextIOWrapper(archive.open("units.csv"), newline="")))
    assert [(row["unit"], row["label"], row["speed"], row["folder"]) for row in rows] == [
        ("2", "wave slow", "slow", folder),
        ("1", "run", "", ""),
    ]
    told = json.loads(archive.read("units.json"))
    assert told[0]["visualizations"][0]["recipe"]["kappa"] == 1.0
    provenance = json.loads(archive.read("provenance.json"))
    assert provenance["network"]["checksum"] == visitor.get("/api/networks/tiny").json()["checksum"]
    assert {"version", "engine", "address", "exported_at"} <= provenance.keys()
    assert provenance["network"]["classes"][1] == "run"
    assert {each.date_time[0] for each in archive.infolist()} <= {datetime.now(UTC).year, datetime.now(UTC).year - 1}
    roles = {name.rpartition("/")[2].partition(".")[0] for name in archive.namelist() if name.startswith("media/")}
    assert all(role in archive.read("README.txt").decode() for role in roles)


def test_an_export_says_what_units_detect(store: Store, visitor: TestClient) -> None:
    add_dataset(store)
    survey(store)
    for chosen in ("u=fc6/1", "q=fc6/1"):
        answer = visitor.get(f"/tiny/-/export?{chosen}")
        archive = zipfile.ZipFile(io.BytesIO(answer.content))
        [row] = csv.DictReader(io.TextIOWrapper(archive.open("units.csv"), newline=""))
        assert (row["detects"], row["precision"]) == ("run", "0.765625"), chosen


def test_the_page_that_asks_shows_real_clips_where_there_is_no_stimulus(store: Store, open_page: Open) -> None:
    add_dataset(store)
    survey(store)
    assert len(open_page("/tiny/-/visualize?layer=fc6").stand_ins) == 10


def test_all_that_match_are_exported(visitor: TestClient) -> None:
    answer = visitor.get("/tiny/-/export?layer=fc6")
    rows = zipfile.ZipFile(io.BytesIO(answer.content)).read("units.csv").decode().splitlines()
    assert len(rows) == 1 + 10
