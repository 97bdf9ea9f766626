"""The main journey of a person: from a network to a visualization that was asked for."""

import re
from dataclasses import dataclass

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from app.contract.result import MediaRole
from tests.dashboard import Dashboard

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@dataclass(frozen=True)
class Journey:
    network: str
    search: str
    label: str
    advanced: dict[str, str]


TINY = Journey("tiny_two_stream", "wav", "wave", {"steps": "400"})
REAL = Journey("i3d", "juggling", "juggling soccer ball", {"steps": "12", "size": "96", "frames": "8"})


@pytest.fixture
def context(context: BrowserContext) -> BrowserContext:
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    return context


@pytest.mark.parametrize("journey", [TINY, REAL], ids=lambda journey: journey.network)
def test_from_a_click_to_a_cached_visualization_and_its_link(
    dashboard: Dashboard, page: Page, journey: Journey
) -> None:
    slugs = [network["slug"] for network in dashboard.get("/api/networks")]
    if journey.network not in slugs:
        pytest.skip("the real weights are missing")
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda line: problems.append(line.text) if line.type == "error" else None)

    page.goto(dashboard.address)
    page.locator(f'main a[href="/{journey.network}"]').first.click()
    page.locator(f'main a[href="/{journey.network}/class"]').first.click()
    page.get_by_role("searchbox").fill(journey.search)
    unit = page.locator('main a[href*="/class/"]').and_(page.get_by_role("link", name=journey.label))
    unit.first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text(journey.label)

    form = page.locator("form.visualize").first
    form.get_by_text("Advanced").click()
    for name, value in journey.advanced.items():
        form.locator(f'[name="{name}"]').fill(value)
    form.locator('[name="speed"]').select_option("medium")
    form.get_by_role("button").click()

    live = page.locator("job-progress").first
    expect(live.locator("img")).to_be_visible(timeout=60_000)
    expect(live).to_contain_text(re.compile(r"step \d+ of"))
    finished = page.locator(".viewer stimulus-player canvas").first
    expect(finished).to_be_visible(timeout=240_000)

    saved = dashboard.get(f"/api/networks/{journey.network}/layers/class/units/{unit_of(page)}")["visualizations"]
    assert saved[0]["recipe"]["speed"] == "medium", "the newest is first"
    assert {medium["role"] for medium in saved[0]["media"]} >= {MediaRole.POSTER, MediaRole.LOOP, MediaRole.RAW}

    page.reload()
    expect(finished).to_be_visible()
    assert page.locator("job-progress").count() == 0

    page.get_by_role("button", name="Share").click()
    short = page.locator("share-dialog [name=short]")
    expect(short).to_have_value(re.compile(r"/-/s/\w+$"))
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith(f"{dashboard.address}/{journey.network}/class/")
    page.goto(short.input_value())
    page.wait_for_url(re.compile(rf"/{journey.network}/class/\d+"))
    expect(page.get_by_role("heading", level=1)).to_have_text(journey.label)
    expect(finished).to_be_visible()
    assert problems == []


def unit_of(page: Page) -> str:
    found = re.search(r"/class/(\d+)", page.url)
    assert found
    return found[1]
