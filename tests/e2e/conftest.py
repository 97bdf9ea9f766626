"""A dashboard with networks, and Debian's Chromium."""

import json
import shutil
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.conftest import TEST_DATA
from tests.dashboard import Dashboard, wait_for
from tests.e2e.surveyed import surveyed
from tests.worker.conftest import TINY_FAMILIES, tiny_clip_weights, tiny_two_stream_weights

__all__ = ["surveyed", "tiny_clip_weights", "tiny_two_stream_weights"]  # fixtures, each made once in a process

TWO_STREAM = "/tiny_two_stream/class/0?speed=slow&seed=0"  # the page of a result of `filled`
FRAMES = 4  # of its pictures: three fields of flow, and the picture after the last
CHROMIUM = shutil.which("chromium")
expect.set_options(timeout=20_000)  # ms: machines that test have other work too


@pytest.fixture(scope="session")
def browser_type_launch_args() -> dict[str, Any]:
    if CHROMIUM is None:
        pytest.skip("chromium is not installed")
    return {
        "executable_path": CHROMIUM,
        "args": ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"],
    }


@pytest.fixture(scope="session")
def dashboard(
    tmp_path_factory: pytest.TempPathFactory, tiny_two_stream_weights: Path, tiny_clip_weights: Path
) -> Iterator[Dashboard]:
    dashboard = Dashboard(tmp_path_factory.mktemp("home"), KINETOSCOPE_FAMILIES=str(TINY_FAMILIES))
    dashboard.command("networks", "add", "tiny_two_stream", "--weights", str(tiny_two_stream_weights))
    dashboard.command("networks", "add", "tiny_clip", "--weights", str(tiny_clip_weights))
    weights = TEST_DATA / "weights"
    if weights.is_dir():
        files = ("--weights", weights / "i3d_rgb_kinetics400.pt", "--labels", weights / "kinetics400_labels.txt")
        dashboard.command("networks", "add", "i3d", *map(str, files))
    wait_for(dashboard.worker)
    yield dashboard
    assert dashboard.stop() == 0


@pytest.fixture(scope="session")
def filled(dashboard: Dashboard) -> Dashboard:
    """Return a dashboard with a result of each kind of network, every speed of one unit, and a cancelled job."""
    post(dashboard, "/api/visualizations", network="tiny_clip", layer="class", units=[0, 1], recipe={})
    for speed in ("slow", "medium", "fast", "free"):
        asked = {"network": "tiny_two_stream", "layer": "class", "units": [0], "recipe": {"speed": speed}}
        post(dashboard, "/api/visualizations", **asked)
    slow = {"steps": 2048}
    asked = post(dashboard, "/api/visualizations", network="tiny_two_stream", layer="class", units=[1], recipe=slow)
    cancelled = urllib.request.Request(f"{dashboard.address}/api/jobs/{asked['jobs'][0]['id']}", method="DELETE")
    urllib.request.urlopen(cancelled, timeout=10).close()
    post(dashboard, "/api/links", url="/tiny_two_stream/class/0?speed=slow", title="A short link")
    wait_for(lambda: all(job["state"] in ("done", "cancelled") for job in dashboard.get("/api/jobs")["items"]), 300)
    return dashboard


def post(dashboard: Dashboard, path: str, **body: Any) -> Any:
    request = urllib.request.Request(
        dashboard.address + path, json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def media_of(dashboard: Dashboard) -> list[dict[str, Any]]:
    """Return the media of the result at TWO_STREAM as the API lists them."""
    [made] = [
        each
        for each in dashboard.get("/api/networks/tiny_two_stream/layers/class/units/0")["visualizations"]
        if each["recipe"]["speed"] == "slow"
    ]
    media: list[dict[str, Any]] = made["media"]
    return media


@pytest.fixture
def problems(context: BrowserContext) -> Iterator[list[str]]:
    """Collect what browsers report on any page of the test, and fail where they report anything."""
    errors = complaints(context)
    yield errors
    assert errors == []


def complaints(context: BrowserContext) -> list[str]:
    """Return a list that grows with every error of a page, reports of the content security policy included."""
    errors: list[str] = []

    def report(text: str, page: Page | None, source: str = "") -> None:
        errors.append(f"{text} [{urlsplit(source).path}] on {urlsplit(page.url).path if page else 'a closed page'}")

    context.on(
        "console", lambda line: report(line.text, line.page, line.location["url"]) if line.type == "error" else None
    )
    context.on("weberror", lambda error: report(str(error.error), error.page))
    return errors
