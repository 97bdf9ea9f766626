"""Real clips: their video and motion follow the clock, and their motion has its own scale of colours."""

import io
import re
from typing import Any

import av
import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect

from app.contract.dataset import Clip
from app.contract.result import MediaRef, MediaRole
from app.store import media
from app.store.database.engine import open_store
from app.web.render import environment
from app.web.views.parts.player import ClipPlayerSettings
from tests.dashboard import Dashboard
from tests.e2e.surveyed import Served
from tests.e2e.test_player import shown

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.usefixtures("problems")]


def test_a_video_follows_the_clock(filled: Dashboard, page: Page) -> None:
    """Its frames have the brightness of their number, so that the picture shown tells which it is."""
    store = open_store(f"sqlite:///{filled.log.with_name('kinetoscope.db')}")
    with store.transaction() as session:
        sha256 = media.put_medium(session, type="video/mp4", data=grey_video(12))
    store.close()
    video = MediaRef(role=MediaRole.VIDEO, sha256=sha256, type="video/mp4", size=1, width=64, height=64, frames=12)
    clip = Clip(id=1, dataset="greys", name="grey", label="growing light", media=(video,))
    player: Any = environment().get_template("parts/player.html").module
    html = player.clip_player(clip, ClipPlayerSettings()) + player.controls(ClipPlayerSettings(), clock="clip")
    page.goto(filled.address + "/-/jobs", wait_until="load")
    page.evaluate("(html) => { document.querySelector('main').innerHTML = html }", html)
    expect(page.locator("[data-frame-number]")).to_have_text(re.compile("/ 12"))
    page.get_by_role("button", name="Pause").click()
    expect(page.locator("video")).not_to_have_attribute("controls", "")
    for frame in (7, 2, 11, 0):
        page.get_by_role("slider", name="Frame").fill(str(frame))
        page.wait_for_function(SHOWS_BRIGHTNESS, arg=20 * frame)
        assert shown(page) == [[frame, frame]]


def grey_video(frames: int) -> bytes:
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width = stream.height = 64
        stream.pix_fmt = "yuv420p"
        for number in range(frames):
            grey = np.full((64, 64, 3), 20 * number, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(grey, format="rgb24")))
        container.mux(stream.encode(None))
    return file.getvalue()


# An element that seeks shows the frame before until the wanted one is decoded.
SHOWS_BRIGHTNESS = """(brightness) => {
  const context = document.createElement("canvas").getContext("2d");
  context.drawImage(document.querySelector("video"), 0, 0);
  return Math.abs(context.getImageData(32, 32, 1, 1).data[0] - brightness) < 10;
}"""


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


@pytest.mark.parametrize("renderer", ["webgl2", "canvas"])
def test_motion_of_a_clip_has_a_scale_of_its_own_and_clean_edges(
    surveyed: Served, launch_browser: Any, renderer: str
) -> None:
    software = ["--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
    arguments = software if renderer == "webgl2" else ["--disable-3d-apis"]
    with_browser: Browser = launch_browser(args=["--no-sandbox", "--disable-gpu", *arguments])
    page = with_browser.new_page(reduced_motion="reduce", viewport={"width": 1280, "height": 1200})
    page.goto(surveyed.address + "/-/datasets/little/walk-0?frame=9", wait_until="load")
    player = page.locator("stimulus-player")
    expect(player).to_have_attribute("renderer", renderer)
    expect(player).to_have_attribute("frame", "8")
    expect(player.locator("figcaption", has_text="full colour")).to_have_text(
        re.compile(r"motion, full colour: (0\.5|1|1\.5|2|3|4) px/frame or more")
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
