"""The evidence of surveys in the browser."""

from collections.abc import Iterator
from pathlib import Path
from shutil import copyfile

import pytest
from playwright.sync_api import Page, expect

from app.contract.job import Progress, SurveyJob
from app.store.database.engine import Store, open_store
from app.store.jobs import leases
from app.store.surveys import writing
from tests.e2e.surveyed import Served, serve
from tests.evidence_support import add_dataset, survey
from tests.support import add_card, claim_job, two_stream_card

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.usefixtures("problems")]


def test_a_wide_table_says_on_which_side_it_goes_on(surveyed: Served, page: Page) -> None:
    page.set_viewport_size({"width": 240, "height": 600})
    page.goto(surveyed.address + "/tiny/-/confusions")
    matrix = page.locator("horizontal-scroll", has=page.locator(".matrix"))
    expect(matrix).to_have_attribute("overflow", "end")
    matrix.locator(".table-scroll").focus()
    page.keyboard.press("ArrowRight")
    expect(matrix).to_have_attribute("overflow", "start end")
    matrix.locator(".table-scroll").evaluate("(table) => { table.scrollLeft = 10_000 }")
    expect(matrix).to_have_attribute("overflow", "start")
    page.set_viewport_size({"width": 1280, "height": 600})
    expect(matrix).to_have_attribute("overflow", "")


def test_it_still_says_so_when_the_list_was_swapped(surveyed: Served, page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 600})
    page.goto(surveyed.address + "/tiny/-/units?view=list")
    for word in ("fc6", "conv"):
        page.locator("[name=q]").fill(word)
        page.wait_for_url(f"**q={word}**")
        expect(page.locator("horizontal-scroll")).to_have_attribute("overflow", "end")


def test_detectors_that_are_unfolded_are_in_the_address(surveyed: Served, page: Page) -> None:
    page.goto(surveyed.address + "/tiny/-/classes/walk")
    layers = page.locator(".by-layer")
    expect(layers).to_be_hidden()
    page.get_by_text("The best 3 of each layer").click()
    page.wait_for_url("**/walk?detectors=all")
    page.reload()
    expect(layers).to_be_visible()
    page.get_by_text("The best 3 of each layer").click()
    page.wait_for_url("**/walk")


@pytest.fixture
def unsurveyed(tmp_path: Path, migrated_sqlite: Path) -> Iterator[tuple[Store, str]]:
    """Yield a store with a network and a data set, and the address of its pages."""
    copyfile(migrated_sqlite, tmp_path / "kinetoscope.db")
    store = open_store(f"sqlite:///{tmp_path / 'kinetoscope.db'}")
    add_card(store, two_stream_card())
    add_dataset(store)
    with serve(store, tmp_path) as address:
        yield store, address
    store.close()


def test_a_page_shows_the_survey_it_waits_for_and_then_what_it_tells(unsurveyed: tuple[Store, str], page: Page) -> None:
    store, address = unsurveyed
    page.goto(address + "/tiny/-/findings")
    expect(page.get_by_role("link", name="Survey this network")).to_be_visible()
    with store.transaction() as session:
        writing.enqueue_survey(session, network="tiny", dataset="little")
    expect(page.get_by_text("Queued", exact=True)).to_be_visible()
    job = claim_job(store, SurveyJob)
    progress = {job.id: Progress(stage="shows every clip", step=31, steps=210, seconds_left=12.0)}
    with store.transaction() as session:
        leases.save_progress(session, worker="w1", progress=progress, previews={})
    expect(page.locator("[data-progress-text]")).to_have_text("shows every clip: 31 of 210, 12 s left of this part")
    survey(store)
    with store.transaction() as session:
        leases.finish_with_answer(session, worker="w1", job=job, save=lambda session: {})
    expect(page.locator(".finding[aria-labelledby^='finding-']")).to_have_count(4)
