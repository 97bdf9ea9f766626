"""Accessibility: axe finds nothing on any page, in either theme, on desktop and phone; and no page shifts."""

import re
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from app.settings import ROOT
from tests.dashboard import Dashboard
from tests.e2e.axe import SETTLED, examine
from tests.e2e.conftest import complaints
from tests.e2e.surveyed import Served
from tests.web.views.pagereader import PageReader

pytestmark = [pytest.mark.browser, pytest.mark.slow]

SCREENSHOTS = ROOT / "var" / "screenshots"  # for people to look at; nothing compares them
BESIDES = (  # what no link leads to
    "/nowhere",
    "/tiny_two_stream/class/99",
    "/tiny_two_stream/class/0?speed=slow&seed=0&view=xy&arrows=1",
    "/tiny_two_stream/class/2",
    "/tiny_two_stream/-/units?q=nothing+has+this+name",
)
SURVEYED = (
    "/tiny/fc6/3",
    "/tiny/class/1",
    "/tiny/-/classes/walk",
    "/tiny/-/confusions",
    "/tiny/-/confusions/walk/run",
    "/tiny/-/findings",
    "/tiny/-/units?q=handstand+xylophone",
    "/tiny/-/units?view=map&region=0.6,0,1,0.5",
    "/-/datasets/little",
    "/-/datasets/little/walk-0",
)
NOT_PAGES = re.compile(r"^/(api/|-/(media|assets|docs|s)\b)|\.\w{2,5}$|/-/export")  # by their path


@pytest.fixture(scope="session")
def addresses(filled: Dashboard) -> list[str]:
    """Return the addresses of two pages of each kind that links from the first page lead to."""
    found: dict[str, list[str]] = {}
    waiting, seen = ["/"], {"/"}
    while waiting:
        address = waiting.pop(0)
        of_its_kind = found.setdefault(kind(address), [])
        if len(of_its_kind) == 2:
            continue
        html = read(filled.address + address)
        if html is None:
            continue
        of_its_kind.append(address)
        links = {link.partition("#")[0] for link in PageReader(html).links}
        new = sorted(
            link for link in links - seen if link.startswith("/") and not NOT_PAGES.search(urlsplit(link).path)
        )
        waiting += new
        seen |= set(new)
    linked = [address for each in found.values() for address in each]
    assert len(linked) > 12
    return [*linked, *BESIDES]


def kind(address: str) -> str:
    """Return the kind of page at an address: `/tiny/class/3?x` and `/tiny/fc6/9` have the same."""
    parts = urlsplit(address).path.strip("/").split("/")
    if parts[0] == "-":
        return "/".join(re.sub(r"\d+", "#", part) for part in parts[:3])
    fixed = parts[1:3] if parts[1:2] == ["-"] else []
    return f"network {len(parts)} {fixed}"


def read(address: str) -> str | None:
    """Return the page at an address, or None where there is something else."""
    request = urllib.request.Request(address, headers={"Accept": "text/html"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return answer.read().decode() if "text/html" in answer.headers["Content-Type"] else None


@pytest.fixture(params=["light", "dark"])
def theme(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def themed(theme: str, new_context: Callable[..., BrowserContext]) -> Iterator[Page]:
    context = new_context(color_scheme=theme, reduced_motion="reduce")
    found = complaints(context)
    yield context.new_page()
    assert [each for each in found if "status of 404" not in each] == [], (
        "addresses that are not there are among the pages"
    )


WIDTHS = {"light": 1400, "dark": 390}  # each theme and each width once: all four pairs took four minutes


def test_axe_finds_nothing(filled: Dashboard, addresses: list[str], themed: Page, theme: str) -> None:
    width = WIDTHS[theme]
    themed.set_viewport_size({"width": width, "height": 900})
    violations: list[str] = []
    for address in addresses:
        themed.goto(filled.address + address, wait_until="load")
        violations += examine(themed, address)
        sideways = themed.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert sideways <= 0, f"{address} is {sideways} px wider than the window"
    assert violations == []


@pytest.mark.parametrize(("scheme", "width"), WIDTHS.items())
def test_axe_finds_nothing_on_pages_that_a_survey_fills(
    surveyed: Served, new_context: Callable[..., BrowserContext], scheme: str, width: int
) -> None:
    context = new_context(color_scheme=scheme, reduced_motion="reduce", viewport={"width": width, "height": 900})
    found = complaints(context)
    page = context.new_page()
    violations: list[str] = []
    for address in (*SURVEYED, surveyed.own_clip):
        page.goto(surveyed.address + address, wait_until="load")
        violations += examine(page, address)
        page.screenshot(path=SCREENSHOTS / f"{width}-{scheme}{re.sub(r'[^a-z]+', '-', address)}.png", full_page=True)
        sideways = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert sideways <= 0, f"{address} is {sideways} px wider than the window"
    said = [*violations, *found]
    assert not said, "\n".join(said)


def test_axe_finds_nothing_in_dialogs(filled: Dashboard, themed: Page) -> None:
    themed.goto(filled.address + "/tiny_two_stream/class/0", wait_until="load")
    themed.keyboard.press("?")
    assert examine(themed, "keys") == []
    themed.keyboard.press("Escape")
    themed.keyboard.press("s")
    expect(themed.locator("share-dialog dialog")).to_be_visible()
    assert examine(themed, "share") == []


def test_the_theme_follows_the_system_the_switch_and_the_address(
    filled: Dashboard, new_context: Callable[..., BrowserContext]
) -> None:
    page = new_context(color_scheme="dark").new_page()

    def is_light() -> bool:
        shade = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
        return min(map(int, re.findall(r"\d+", shade))) > 128

    page.goto(filled.address, wait_until="load")
    assert not is_light()
    page.get_by_role("button", name="auto").click()
    assert is_light()
    page.goto(filled.address + "/-/jobs", wait_until="load")
    assert is_light(), "the choice is kept"
    page.goto(filled.address + "/-/jobs?theme=dark", wait_until="load")
    assert not is_light(), "an address may say otherwise"
    page.get_by_role("button", name="dark").click()
    assert page.url.endswith("/-/jobs")


def test_the_theme_can_be_switched_without_javascript(
    filled: Dashboard, new_context: Callable[..., BrowserContext]
) -> None:
    page = new_context(java_script_enabled=False).new_page()
    page.goto(filled.address + "/-/jobs?state=done&theme=auto", wait_until="load")
    page.get_by_role("button", name="auto").click()
    page.wait_for_url("**/-/jobs?state=done")
    expect(page.locator("html")).to_have_attribute("data-theme", "light")


def test_the_list_of_keys_is_that_of_the_page(filled: Dashboard, page: Page, problems: list[str]) -> None:
    def keys(address: str) -> str:
        page.goto(filled.address + address, wait_until="load")
        page.keyboard.press("?")
        text = page.locator("keyboard-shortcuts dialog").inner_text()
        page.keyboard.press("Escape")
        return text

    unit = keys("/tiny_two_stream/class/0")
    for words in ("play and pause", "the speed: slow, medium, fast, free", "arrows of motion", "Share", "Next"):
        assert words in unit
    grid = keys("/tiny_two_stream/class")
    assert "move between cards" in grid
    assert "play and pause" not in grid


def test_nothing_moves_when_pictures_arrive(filled: Dashboard, page: Page) -> None:
    page.add_init_script("""
      window.shifts = [];
      new PerformanceObserver((list) => shifts.push(...list.getEntries().map((entry) => entry.value)))
        .observe({ type: "layout-shift", buffered: true });
    """)
    for address in (
        "/",
        "/tiny_two_stream",
        "/tiny_two_stream/class",
        "/tiny_two_stream/class/0",
        "/tiny_clip/class/0",
    ):
        page.goto(filled.address + address, wait_until="networkidle")
        page.evaluate(SETTLED)
        assert page.evaluate("shifts.reduce((a, b) => a + b, 0)") < 0.01, address


def test_the_first_page_is_light(filled: Dashboard, page: Page) -> None:
    sizes: list[int] = []
    page.on("requestfinished", lambda done: sizes.append(weigh(done)))
    page.goto(filled.address, wait_until="networkidle")
    assert 0 < sum(sizes) < 250_000


def weigh(request: Any) -> int:
    """Return the bytes transferred for a page, without media."""
    sizes = request.sizes()
    return 0 if "/-/media/" in request.url else sizes["responseBodySize"] + sizes["responseHeadersSize"]
