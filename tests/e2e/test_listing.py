"""Infinite scrolling, and the map."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from shutil import copyfile

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from app.store.database.engine import open_store
from tests.e2e.surveyed import WIDE_LAYER_UNITS, Served, serve, wide_card
from tests.support import add_card

pytestmark = [pytest.mark.browser, pytest.mark.slow]

LAYER = "/tiny/fc6"
MAP = "/tiny/-/units?view=map"


@pytest.mark.usefixtures("problems")
def test_a_grid_goes_on_as_one_scrolls_and_comes_back_to_where_it_was(surveyed: Served, page: Page) -> None:
    page.goto(surveyed.address + LAYER)
    cards = page.locator("#unit-list > li")
    page.get_by_label("Choose fc6/3", exact=True).check()
    page.locator("#pick-fc6-47").scroll_into_view_if_needed()
    expect(page.locator("#pick-fc6-95")).to_be_attached()
    page.locator("#pick-fc6-95").scroll_into_view_if_needed()
    expect(page.locator("#pick-fc6-100")).to_be_attached()
    page.locator("#pick-fc6-100").scroll_into_view_if_needed()
    page.wait_for_url(re.compile(r"/tiny/fc6\?page=[23]&after=0~\d+~3$"))
    expect(page.get_by_label("Choose fc6/3", exact=True)).to_be_checked()
    assert cards.count() >= 144
    address = page.url
    page.locator("#pick-fc6-100 a.card").click()
    page.wait_for_url("**/tiny/fc6/100")
    page.go_back()
    page.wait_for_url(address)
    expect(page.locator("#pick-fc6-100")).to_be_in_viewport()
    page.goto(address)
    page.get_by_role("link", name="Those before").click()
    expect(page.locator("#pick-fc6-47")).to_be_attached()


def scroll_until_last(page: Page, items: str, last: str) -> None:
    """Scroll to the end of a listing again and again until its last item is there."""
    while not page.locator(last).count():
        before = page.locator(items).count()
        page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
        page.wait_for_function(
            "([items, last, before]) => "
            "document.querySelector(last) || document.querySelectorAll(items).length > before",
            arg=[items, last, before],
        )


@pytest.mark.usefixtures("problems")
def test_a_list_ends_with_its_last_unit(surveyed: Served, page: Page) -> None:
    page.goto(surveyed.address + LAYER + "?view=list")
    rows = page.locator("#unit-rows > tr")
    scroll_until_last(page, "#unit-rows > tr", f"#pick-fc6-{WIDE_LAYER_UNITS - 1}")
    expect(rows).to_have_count(WIDE_LAYER_UNITS)
    expect(page.get_by_role("link", name="Next →")).to_have_count(0)
    assert len({row.get_attribute("id") for row in rows.all()}) == WIDE_LAYER_UNITS


@pytest.fixture(scope="module")
def endless(tmp_path_factory: pytest.TempPathFactory, migrated_sqlite: Path) -> Iterator[str]:
    home = tmp_path_factory.mktemp("endless")
    copyfile(migrated_sqlite, home / "kinetoscope.db")
    store = open_store(f"sqlite:///{home / 'kinetoscope.db'}")
    add_card(store, wide_card(units=4_000))
    with serve(store, home) as address:
        yield address
    store.close()


@pytest.mark.usefixtures("problems")
def test_four_thousand_units_arrive_in_order_and_scrolling_lays_nothing_out_anew(endless: str, page: Page) -> None:
    page.goto(endless + LAYER + "?per_page=200")
    last = page.locator("#pick-fc6-3999")
    scroll_until_last(page, "#unit-list > li", "#pick-fc6-3999")
    names = page.locator("#unit-list > li").evaluate_all("items => items.map((item) => item.id)")
    assert names == [f"pick-fc6-{unit}" for unit in range(4_000)]
    last.scroll_into_view_if_needed()
    page.wait_for_url("**page=20&**")
    metrics = page.context.new_cdp_session(page)
    metrics.send("Performance.enable")

    def layouts() -> float:
        measured = metrics.send("Performance.getMetrics")["metrics"]
        return float(next(each["value"] for each in measured if each["name"] == "LayoutCount"))

    before = layouts()
    for _ in range(20):
        top = page.evaluate("scrollY")
        page.mouse.wheel(0, -4000)
        page.wait_for_function("(top) => scrollY < top || scrollY === 0", arg=top)
    expect(last).not_to_be_in_viewport()
    assert layouts() - before <= 5


def test_without_javascript_a_link_leads_on(surveyed: Served, new_context: Callable[..., BrowserContext]) -> None:
    page = new_context(java_script_enabled=False).new_page()
    page.goto(surveyed.address + LAYER)
    page.get_by_role("link", name="Next →").click()
    page.wait_for_url("**/tiny/fc6?page=2&after=*")
    expect(page.locator("#pick-fc6-48")).to_be_visible()
    page.goto(surveyed.address + MAP)
    page.get_by_role("link", name="wave slow, class/2").focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/tiny/class/2")


@pytest.mark.usefixtures("problems")
def test_a_stranger_finds_a_unit_by_what_it_detects_and_sends_its_link(
    surveyed: Served, page: Page, new_context: Callable[..., BrowserContext]
) -> None:
    page.goto(surveyed.address)
    page.get_by_role("searchbox", name="Find units of").fill("a person turning upside down")
    page.keyboard.press("Enter")
    page.wait_for_url("**/tiny/-/units?q=a*upside*")
    expect(page.locator(".count")).to_have_text("84 units")
    page.locator("#unit-list a.card").first.click()
    page.wait_for_url("**/tiny/class/4")
    expect(page.locator("h1")).to_have_text("back/flip & turn")
    page.get_by_role("button", name="Share").click()
    short = page.locator("share-dialog [name=short]")
    expect(short).to_have_value(re.compile(r"/-/s/\w+$"))
    other = new_context().new_page()
    other.goto(short.input_value())
    other.wait_for_url("**/tiny/class/4?speed=slow&seed=0")


@pytest.mark.usefixtures("problems")
def test_a_region_dragged_on_the_map_filters_and_is_in_the_address(surveyed: Served, page: Page) -> None:
    page.goto(surveyed.address + MAP)
    box = page.locator(".map-canvas svg").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 0.805 * box["width"], box["y"] + 0.3 * box["height"])
    page.mouse.down()
    page.mouse.move(box["x"] + 0.9 * box["width"], box["y"] + 0.6 * box["height"], steps=3)
    page.mouse.move(box["x"] + 0.99 * box["width"], box["y"] + 0.9 * box["height"], steps=3)
    page.mouse.up()
    page.wait_for_url("**region=0.8*")
    expect(page.locator(".count")).to_have_text("3 units")
    names = page.locator("#unit-list > li").evaluate_all("items => items.map((item) => item.id)")
    assert names == ["pick-class-2", "pick-class-3", "pick-class-4"]
    page.reload()
    expect(page.locator(".map .region")).to_have_count(1)
    expect(page.locator("#unit-list > li")).to_have_count(3)
    page.get_by_role("link", name="Whole map").click()
    expect(page.locator(".map .region")).to_have_count(0)


@pytest.mark.usefixtures("problems")
def test_arrows_go_from_dot_to_dot_and_show_each(surveyed: Served, page: Page) -> None:
    page.goto(surveyed.address + MAP)
    page.locator('.map a[tabindex="0"]').focus()
    peek = page.locator(".map-tooltip")
    expect(peek).to_have_text("run, class/1")
    expect(peek.locator("img")).to_be_visible()
    page.keyboard.press("ArrowDown")
    expect(peek).to_have_text("wave slow, class/2")
    page.keyboard.press("ArrowLeft")
    expect(peek).to_have_text(re.compile(r"fc6/\d+"))
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"/tiny/fc6/\d+$"))
