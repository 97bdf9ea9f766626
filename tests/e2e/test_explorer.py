"""The explorer in the browser: searching, selecting, comparing and sharing units."""

import re
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from app.settings import ROOT
from tests.dashboard import Dashboard, wait_for

pytestmark = [pytest.mark.browser, pytest.mark.slow]

UNITS = "/tiny_two_stream/-/units"


def cards(page: Page) -> list[str]:
    return [link.get_attribute("href") or "" for link in page.locator("#units a.card").all()]


@pytest.mark.usefixtures("problems")
def test_a_filter_is_in_the_address_and_reload_and_back_show_the_same(filled: Dashboard, page: Page) -> None:
    page.goto(filled.address + UNITS)
    every = cards(page)
    page.get_by_role("radio", name=re.compile("visualized")).check()
    page.wait_for_url("**state=visualized")
    expect(page.locator(".count")).to_have_text(re.compile(r"^\d+ units?$"))
    page.get_by_role("searchbox").press_sequentially("class", delay=30)
    page.wait_for_url(re.compile("q=class"))
    page.get_by_label("Sort by").select_option("activation")
    page.wait_for_url(re.compile("sort=activation"))
    expect(page.get_by_role("searchbox")).to_have_value("class")
    some = cards(page)
    assert 0 < len(some) < len(every)
    page.reload()
    assert cards(page) == some
    page.evaluate("history.back()")
    page.wait_for_url(re.compile(r"q=class&state=visualized$"))
    expect(page.get_by_label("Sort by")).to_have_value("")
    page.evaluate("history.forward()")
    page.wait_for_url(re.compile("sort=activation"))
    expect(page.get_by_label("Sort by")).to_have_value("activation")
    assert cards(page) == some


@pytest.mark.usefixtures("problems")
def test_a_filtered_list_is_sent_and_opens_in_a_fresh_browser(filled: Dashboard, page: Page, browser: Browser) -> None:
    page.goto(filled.address + UNITS)
    page.get_by_role("radio", name=re.compile("visualized")).check()
    page.wait_for_url("**state=visualized")
    page.get_by_role("button", name="Share").click()
    expect(page.locator("share-dialog [name=address]")).to_have_value(filled.address + UNITS + "?state=visualized")
    short = page.locator("share-dialog [name=short]")
    expect(short).to_have_value(re.compile(r"/-/s/\w+$"))
    with browser.new_context() as fresh:
        other = fresh.new_page()
        other.goto(short.input_value())
        other.wait_for_url("**state=visualized")
        assert cards(other) == cards(page)


@pytest.mark.usefixtures("problems")
def test_ticked_units_stand_side_by_side_under_one_clock(filled: Dashboard, page: Page) -> None:
    page.goto(filled.address + "/tiny_clip/class")
    first, second, *_ = page.locator("a.card").all()
    bar = page.locator(".action-bar")
    expect(bar).to_be_hidden()
    first.focus()
    page.keyboard.press("x")
    second.focus()
    page.keyboard.press("x")
    expect(bar).to_contain_text("2 chosen")
    bar.get_by_role("button", name="Compare").click()
    page.wait_for_url(re.compile(r"/-/compare\?u=class(/|%2F)0&u=class(/|%2F)1"))
    players = page.locator("stimulus-player")
    expect(players).to_have_count(2)
    for player in players.all():
        expect(player).to_have_attribute("frame", re.compile(r"\d+"))
    page.get_by_role("button", name="Pause").click()
    page.get_by_role("slider", name="Frame").fill("2")
    for player in players.all():
        expect(player).to_have_attribute("frame", "2")


@pytest.mark.usefixtures("problems")
def test_nine_ticked_are_too_many_to_compare(filled: Dashboard, page: Page) -> None:
    page.goto(filled.address + UNITS)
    boxes = page.get_by_role("checkbox").all()[:9]
    for box in boxes:
        box.check()
    compare = page.locator(".action-bar").get_by_role("button", name="Compare")
    expect(compare).to_be_disabled()
    boxes[0].uncheck()
    expect(compare).to_be_enabled()
    page.get_by_role("button", name="Clear").click()
    expect(page.locator(".action-bar")).to_be_hidden()


@pytest.mark.usefixtures("problems")
def test_with_the_keyboard_alone_from_home_to_a_finished_visualization(filled: Dashboard, page: Page) -> None:
    page.goto(filled.address)

    def follow(name: str) -> None:
        """Tab until the link is in focus, press Enter, and wait for its page."""
        for _ in range(80):
            page.keyboard.press("Tab")
            if page.locator(f'a[href="{name}"]:focus').count():
                page.keyboard.press("Enter")
                return page.wait_for_url(f"**{name}")
        raise AssertionError(f"no way to {name}")

    follow("/tiny_two_stream")
    follow("/tiny_two_stream/class")
    page.wait_for_function("!document.querySelector(':not(:defined)')")  # who listens to keys is there
    page.keyboard.press("/")
    expect(page.locator("input[type=search]:focus")).to_have_count(1)
    page.keyboard.type("wave")
    page.wait_for_url(re.compile("q=wave"))
    page.keyboard.press("Tab")
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"/class/\d+$"))
    page.keyboard.press("3")
    page.wait_for_url(re.compile("speed=fast"))
    page.locator('[aria-keyshortcuts~="v"], .viewer.placeholder button').first.focus()
    page.keyboard.press("Enter")
    expect(page.locator(".viewer stimulus-player")).to_be_visible(timeout=60_000)


@pytest.mark.usefixtures("problems")
def test_a_sweep_fills_in_its_grid(filled: Dashboard, page: Page) -> None:
    page.goto(filled.address + "/tiny_clip")
    layer = next(
        each["name"] for each in filled.get("/api/networks/tiny_clip")["layers"] if not each["visualized_units"]
    )
    page.goto(f"{filled.address}/tiny_clip/{layer}")
    units = page.locator("a.card").count()
    expect(page.locator("a.card img")).to_have_count(0)
    form = page.locator("form.visualize").first
    form.get_by_text("Advanced").click()
    form.locator('[name="steps"]').fill("8")
    form.get_by_role("button", name="Visualize all").click()
    page.wait_for_url("**sort=recent")
    expect(page.locator("a.card img")).to_have_count(units, timeout=90_000)


@pytest.fixture
def web(tmp_path: Path) -> Iterator["Web"]:
    web = Web(tmp_path)
    web.start()
    yield web
    web.stop()


class Web:
    """A web process without a worker, which can be killed and started again at the same address."""

    def __init__(self, home: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.environment = {"KINETOSCOPE_HOME": str(home), "PATH": "/usr/bin:/bin", "KINETOSCOPE_SHIPPED": "false"}
        self.command("db", "upgrade").wait(60)

    def command(self, *words: str) -> "subprocess.Popen[bytes]":
        return subprocess.Popen([sys.executable, "-m", "app.cli", *words], cwd=ROOT, env=self.environment)

    def start(self) -> None:
        self.process = self.command("web", "--port", str(self.port))
        wait_for(self.answers)

    def answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/api/health", timeout=2) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def stop(self) -> None:
        self.process.send_signal(signal.SIGINT)
        self.process.wait(15)


def test_a_page_says_when_the_server_is_gone_and_recovers_by_itself(web: Web, page: Page) -> None:
    page.goto(f"http://127.0.0.1:{web.port}/-/jobs")
    status = page.locator("server-status")
    expect(status).to_be_hidden()
    web.stop()
    expect(status).to_contain_text("The server does not answer", timeout=15_000)
    web.start()
    expect(status).to_be_hidden(timeout=20_000)
