"""What data says, as people use it."""

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.surveyed import Served, surveyed

__all__ = ["surveyed"]  # a fixture

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.usefixtures("problems")]


def test_a_wide_table_says_on_which_side_it_goes_on(surveyed: Served, page: Page) -> None:
    page.set_viewport_size({"width": 240, "height": 600})
    page.goto(surveyed.address + "/tiny/-/confusions")
    matrix = page.locator("side-scroll", has=page.locator(".matrix"))
    expect(matrix).to_have_attribute("more", "end")
    matrix.locator(".table-scroll").focus()
    page.keyboard.press("ArrowRight")
    expect(matrix).to_have_attribute("more", "start end")
    matrix.locator(".table-scroll").evaluate("(table) => { table.scrollLeft = 10_000 }")
    expect(matrix).to_have_attribute("more", "start")
    page.set_viewport_size({"width": 1280, "height": 600})
    expect(matrix).to_have_attribute("more", "")


def test_it_still_says_so_when_the_list_was_swapped(surveyed: Served, page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 600})
    page.goto(surveyed.address + "/tiny/-/units?view=list")
    for word in ("fc6", "conv"):
        page.locator("[name=q]").fill(word)
        page.wait_for_url(f"**q={word}**")
        expect(page.locator("side-scroll")).to_have_attribute("more", "end")


def test_detectors_that_are_unfolded_are_in_the_address(surveyed: Served, page: Page) -> None:
    page.goto(surveyed.address + "/tiny/-/classes/walk")
    layers = page.locator(".by-layer")
    expect(layers).to_be_hidden()
    page.get_by_text("Layer by layer").click()
    page.wait_for_url("**/walk?detectors=all")
    page.reload()
    expect(layers).to_be_visible()
    page.get_by_text("Layer by layer").click()
    page.wait_for_url("**/walk")
