"""The player's two renderers draw the colours and the carried pictures that the worker renders."""

import io
import urllib.request
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from app.contract.result import MediaRole
from tests.dashboard import Dashboard
from tests.e2e.conftest import FRAMES, TWO_STREAM, media_of
from worker.render import flow_color, stimulus
from worker.video.flow import dequantise

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.usefixtures("problems")]


@pytest.fixture(params=["webgl2", "canvas"])
def painted(request: pytest.FixtureRequest, filled: Dashboard, launch_browser: Any) -> Iterator[Page]:
    """Yield the paused page of the two-stream unit, with panels as large as their pictures, with WebGL2 and without."""
    other = ["--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
    with_browser: Browser = launch_browser(
        args=["--no-sandbox", "--disable-gpu", *(other if request.param == "webgl2" else ["--disable-3d-apis"])]
    )
    page = with_browser.new_page(reduced_motion="reduce")
    page.goto(filled.address + TWO_STREAM, wait_until="load")
    page.evaluate("""() => {
      const sheet = new CSSStyleSheet();
      sheet.replaceSync(".viewer canvas { width: 32px !important }");
      document.adoptedStyleSheets = [sheet];
    }""")
    expect(page.locator(".viewer stimulus-player")).to_have_attribute("renderer", request.param)
    yield page
    with_browser.close()


def pixels(page: Page, panel: str) -> npt.NDArray[np.uint8]:
    found = page.evaluate(
        """(panel) => {
          const canvas = document.querySelector(`.viewer [data-panel=${panel}]`);
          const { data, width } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
          return [width, [...data]];
        }""",
        panel,
    )
    return np.array(found[1], np.uint8).reshape(-1, found[0], 4)[..., :3]


def test_colours_and_carried_pictures_are_the_workers_own(filled: Dashboard, painted: Page) -> None:
    sheet = picture(filled, MediaRole.FLOW).reshape(32, -1, 32, 3).swapaxes(0, 1)
    flow = dequantise(np.moveaxis(sheet[..., :2], -1, 0))
    colored = np.where(np.abs(flow) < 0.1, np.float32(0), flow)  # the two bytes beside 0 have the colour of stillness
    scale = flow_color.own_scale(flow)
    expect(painted.locator(".viewer [data-scale]")).to_have_text(f"{scale:g}")
    carried = stimulus.warp_along_flow(picture(filled, MediaRole.APPEARANCE), flow)
    slider = painted.get_by_role("slider", name="Frame")
    for view, colours in (
        ("direction", flow_color.direction_colors(colored, scale)),
        ("xy", flow_color.xy_magnitude_colors(colored, scale)),
    ):
        painted.locator(f".choices [data-view={view}]").click()
        for frame in (1, 0, 2, 3):
            slider.fill(str(frame))
            wanted = colours[min(frame, FRAMES - 2)].astype(int)
            assert np.abs(pixels(painted, "motion") - wanted).max() <= 1
            off = np.abs(pixels(painted, "warped").astype(int) - carried[frame])
            assert off.max() <= 12, "cv2 places pixels on a grid of 1/32 px"
            assert off.mean() < 1.5


def picture(dashboard: Dashboard, role: MediaRole) -> npt.NDArray[np.uint8]:
    [href] = [medium["href"] for medium in media_of(dashboard) if medium["role"] == role]
    with urllib.request.urlopen(dashboard.address + href, timeout=10) as answer:
        return np.asarray(Image.open(io.BytesIO(answer.read())).convert("RGB"))
