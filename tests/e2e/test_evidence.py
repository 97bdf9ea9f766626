"""What data says, as people use it."""

import re
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

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


MOTION = """() => {
  const canvas = document.querySelector("[data-panel=motion]");
  const { data, width, height } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  const colour = (x, y) => data.slice(4 * (y * width + x), 4 * (y * width + x) + 3).join();
  let most = 0;
  for (let at = 0; at < data.length; at += 4) most = Math.max(most, 255 - Math.min(...data.slice(at, at + 3)));
  const rows = [...Array(width).keys()].filter((x) => colour(x, 0) !== colour(x, 1)).length;
  const columns = [...Array(height).keys()].filter((y) => colour(width - 1, y) !== colour(width - 2, y)).length;
  return { times: width / 120, most, edges: rows + columns };
}"""


@pytest.mark.parametrize("painter", ["webgl2", "canvas"])
def test_motion_of_a_clip_has_a_scale_of_its_own_and_clean_edges(
    surveyed: Served, launch_browser: Any, painter: str
) -> None:
    software = ["--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
    arguments = software if painter == "webgl2" else ["--disable-3d-apis"]
    with_browser: Browser = launch_browser(args=["--no-sandbox", "--disable-gpu", *arguments])
    page = with_browser.new_page(reduced_motion="reduce", viewport={"width": 1280, "height": 1200})
    page.goto(surveyed.address + "/-/datasets/little/walk-0?frame=9", wait_until="load")
    player = page.locator("stimulus-player")
    expect(player).to_have_attribute("painter", painter)
    expect(player).to_have_attribute("frame", "8")
    expect(player.locator("figcaption", has_text="full colour")).to_have_text(
        re.compile(r"motion, full colour from (0\.5|1|1\.5|2|3|4) px a frame")
    )
    slider = page.get_by_role("slider", name="Frame")
    seen = []
    for frame in range(0, int(slider.get_attribute("max") or 0), 3):
        slider.fill(str(frame))
        seen.append(page.evaluate(MOTION))
    assert {found["times"] for found in seen} == {4}
    assert {found["edges"] for found in seen} == {0}, "what lies beside the picture is not mixed in"
    assert max(found["most"] for found in seen) == 255, "the fastest have full colour"
    with_browser.close()
