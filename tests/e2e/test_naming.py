"""Naming by people in a browser: the keyboard, the player, axe, and the same without JavaScript."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.dashboard import Dashboard
from tests.e2e.axe import examine
from tests.e2e.conftest import complaints

pytestmark = [pytest.mark.browser, pytest.mark.slow]

TRIAL = re.compile(r"/-/name-it/[0-9a-f]{32}")


def start(page: Page, dashboard: Dashboard, *, trials: int, **choices: str) -> None:
    page.goto(f"{dashboard.address}/-/name-it?network=tiny_two_stream", wait_until="load")
    page.fill("[name=trials]", str(trials))
    for name, value in choices.items():
        page.select_option(f"[name={name}]", value)
    page.check("[name=naive][value=true]")
    page.get_by_role("button", name="Start").click()
    page.wait_for_url(TRIAL)


@pytest.mark.parametrize(("scheme", "width"), [("light", 1400), ("dark", 390)])
def test_a_person_names_by_keyboard(
    filled: Dashboard, new_context: Callable[..., BrowserContext], scheme: str, width: int
) -> None:
    context = new_context(color_scheme=scheme, reduced_motion="reduce", viewport={"width": width, "height": 900})
    found = complaints(context)
    page = context.new_page()
    start(page, filled, trials=2, controls="0.5")
    expect(page.locator("stimulus-player")).to_have_attribute("frame", "0")
    said = examine(page, "trial")
    names = page.locator(".class-choices li").all_inner_texts()
    marked = page.locator(".class-choices :checked")
    search = page.get_by_label("Find a class")
    expect(search).to_be_focused()
    search.fill(names[1].upper())
    expect(marked).to_have_value(names[1])
    search.fill("")
    expect(marked).to_have_count(0)
    search.press("ArrowDown")
    search.press("ArrowDown")
    expect(marked).to_have_value(names[1])
    page.get_by_role("link", name="x, y, magnitude").click()
    search.press("Enter")
    expect(page.get_by_text("Trial 2 of 2")).to_be_visible()
    expect(page.locator("stimulus-player")).to_have_attribute("view", "xy")
    expect(page.locator("stimulus-player")).to_have_attribute("frame", "0")
    page.get_by_role("button", name="I cannot name it").click()
    expect(page.get_by_role("heading", name="Your answers")).to_be_visible()
    expect(page.get_by_text(names[1], exact=True).last).to_be_visible()
    said += examine(page, "result")
    page.get_by_role("link", name="What people named").click()
    expect(page.get_by_role("heading", name="By class")).to_be_visible()
    said += examine(page, "report")
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    assert [*said, *found] == []


def test_a_trial_is_a_form_without_javascript(filled: Dashboard, new_context: Callable[..., BrowserContext]) -> None:
    page = new_context(java_script_enabled=False).new_page()
    start(page, filled, trials=1, answers="free")
    expect(page.locator("stimulus-player img")).to_have_count(2)
    assert all(page.locator("stimulus-player img").evaluate_all("each => each.map(img => img.naturalWidth)"))
    page.fill("[name=words]", "something")
    page.get_by_role("button", name="Answer").click()
    expect(page.get_by_text("You wrote “something”")).to_be_visible()
    page.check("[value=wrong]")
    page.get_by_role("button", name="Judge").click()
    expect(page.get_by_role("heading", name="Your answers")).to_be_visible()
