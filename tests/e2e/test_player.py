"""The player: panels run in step, have the colours that the worker renders, and can be used by everybody."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from app.contract.result import MediaRole
from tests.dashboard import Dashboard
from tests.e2e.conftest import FRAMES, TWO_STREAM, media_of

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.usefixtures("problems")]

CLIP = "/tiny_clip/class/0?speed=slow&seed=0"
SHOWN = """() => [...document.querySelectorAll("stimulus-player")].map((player) =>
  [player, ...player.querySelectorAll("[data-panel]")].map((each) =>
    Number(each.getAttribute("frame") ?? each.dataset.frame)))"""
ARE_VISIBLE = "() => [...document.querySelectorAll('stimulus-player')].every((player) => player.isVisible)"
ARE_HIDDEN = "() => [...document.querySelectorAll('stimulus-player')].every((player) => !player.isVisible)"
# What is shown at each of 30 animation frames or more, until every frame was shown, 600 at most.
LOOKS = f"""async (frames) => {{
  const looks = [];
  const seen = new Set();
  while (looks.length < 600 && (looks.length < 30 || seen.size < frames)) {{
    await new Promise(requestAnimationFrame);
    looks.push(({SHOWN})());
    seen.add(looks.at(-1)[0][0]);
  }}
  return looks;
}}"""
# A loop of two streams is cut to its half that the canvas shows.
LOOPS = "stimulus-player noscript :is(.left-half, :not(.left-half) > picture > img)"
PIXELS = "(canvas) => canvas.toDataURL()"
# Long enough for a clock that runs to come to its next frame.
THIRTY_ANIMATION_FRAMES = """async () => {
  for (let frames = 0; frames < 30; frames++) await new Promise(requestAnimationFrame);
}"""


@pytest.fixture
def open_player(filled: Dashboard, page: Page) -> Callable[[str], Page]:
    def open_(address: str) -> Page:
        page.goto(filled.address + address, wait_until="load")
        for player in page.locator("stimulus-player").all():
            expect(player).to_have_attribute("frame", re.compile(r"\d+"))
        return page

    return open_


@pytest.fixture
def still(open_player: Callable[[str], Page]) -> Page:
    """Return the page of the two-stream unit, paused at its first frame, in a window that shows all of it."""
    page = open_player(TWO_STREAM)
    page.set_viewport_size({"width": 1280, "height": 3000})
    page.get_by_role("button", name="Pause").click()
    page.get_by_role("slider", name="Frame").fill("0")
    return page


def shown(page: Page) -> list[list[int]]:
    values: list[list[int]] = page.evaluate(SHOWN)
    return values


def test_every_panel_of_stage_and_strip_shows_the_same_frame(open_player: Callable[[str], Page]) -> None:
    page = open_player(TWO_STREAM)
    page.set_viewport_size({"width": 1280, "height": 3000})
    page.wait_for_function(ARE_VISIBLE)
    looks = page.evaluate(LOOKS, FRAMES)
    for players in looks:
        assert [len(panels) for panels in players] == [4, 3, 3, 3, 3], (
            "the strip has appearance and motion side by side"
        )
        assert len({frame for panels in players for frame in panels}) == 1
    seen = {players[0][0] for players in looks}
    assert seen == set(range(FRAMES))


def test_keys_step_and_play(still: Page) -> None:
    page = still
    page.locator("h1").click()
    for key, frame in ((".", 1), (".", 2), (",", 1), (",", 0), (",", FRAMES - 1), (".", 0)):
        page.keyboard.press(key)
        assert {each for panels in shown(page) for each in panels} == {frame}, key
    expect(page.locator("[data-frame-number]")).to_have_text(f"1 / {FRAMES}")
    page.keyboard.press("Space")
    expect(page.get_by_role("button", name="Pause")).to_be_visible()
    expect(page.locator(".viewer stimulus-player")).not_to_have_attribute("frame", "0")
    page.keyboard.press("Space")
    expect(page.get_by_role("button", name="Play")).to_be_visible()


def test_scrubbing_by_mouse_and_arrows_stays_on_the_page(still: Page) -> None:
    page = still
    slider = page.get_by_role("slider", name="Frame")
    box = slider.bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + box["width"] - 1, box["y"] + box["height"] / 2)
    assert shown(page)[0] == [FRAMES - 1] * 4
    page.keyboard.press("ArrowLeft")
    assert shown(page)[0] == [FRAMES - 2] * 4
    page.keyboard.press("Home")
    assert shown(page)[0] == [0] * 4
    page.wait_for_url(f"**{TWO_STREAM}&frame=1")


def test_scrubbing_by_touch_moves_the_frame_and_not_the_page(
    filled: Dashboard, new_context: Callable[..., BrowserContext]
) -> None:
    page = new_context(has_touch=True, viewport={"width": 390, "height": 800}, reduced_motion="reduce").new_page()
    page.goto(filled.address + CLIP, wait_until="load")
    slider = page.get_by_role("slider", name="Frame")
    slider.scroll_into_view_if_needed()
    box = slider.bounding_box()
    assert box is not None
    finger = page.context.new_cdp_session(page)
    before, seen = page.evaluate("scrollY"), []
    y = box["y"] + box["height"] / 2
    for kind, share in (("touchStart", 0.02), ("touchMove", 0.3), ("touchMove", 0.6), ("touchMove", 0.99)):
        point = {"x": box["x"] + share * box["width"], "y": y + 10 * share}
        finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [point]})
        seen.append(shown(page)[0][0])
    finger.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    assert seen == sorted(seen)
    assert (seen[0], shown(page)[0], page.evaluate("scrollY")) == (0, [7, 7], before)


def test_nine_players_keep_in_step(open_player: Callable[[str], Page]) -> None:
    page = open_player(TWO_STREAM)
    page.set_viewport_size({"width": 1280, "height": 3000})
    seen = page.evaluate("""async () => {
      const again = new DOMParser().parseFromString(await (await fetch(location)).text(), "text/html");
      document.querySelector(".speed-grid").append(...again.querySelector(".speed-grid").children);
      const players = [...document.querySelectorAll("stimulus-player")];
      const frames = [];
      while (!players.every((player) => player.isVisible)) await new Promise(requestAnimationFrame);
      await new Promise(requestAnimationFrame); // they are drawn with the frame after
      for (const end = performance.now() + 1500; performance.now() < end; ) {
        await new Promise(requestAnimationFrame);
        frames.push(players.map((player) => player.getAttribute("frame")));
      }
      return frames;
    }""")
    assert {len(frames) for frames in seen} == {9}
    assert [(at, frames) for at, frames in enumerate(seen) if len(set(frames)) > 1] == []
    assert {frames[0] for frames in seen} == {str(frame) for frame in range(FRAMES)}


def test_once_stops_at_the_end_and_plays_again(still: Page) -> None:
    still.locator("[name=again]").select_option("once")
    for _ in range(2):
        still.get_by_role("button", name="Play").click()
        expect(still.locator("#main [data-frame-number]")).to_have_text(f"{FRAMES} / {FRAMES}")
        expect(still.get_by_role("button", name="Play")).to_be_visible()


def test_every_choice_is_in_the_address_and_comes_back(still: Page) -> None:
    page = still
    page.wait_for_url("**&frame=1")
    page.locator("h1").click()
    page.keyboard.press("m")
    page.keyboard.press("a")
    page.locator("[name=rate]").select_option("0.25")
    page.locator("[name=again]").select_option("loop")
    chosen = "frame=1&view=xy&arrows=1&rate=0.25&again=loop"
    assert page.url.endswith(f"{TWO_STREAM}&{chosen}")
    page.locator("h1").click()
    page.keyboard.press("3")
    page.wait_for_url(re.compile(r"speed=fast&seed=0&frame=1&view=xy&arrows=1&rate=0\.25&again=loop$"))
    expect(page.locator(".speed-grid .shown strong")).to_have_text("fast")
    page.reload()
    expect(page.locator(".speed-grid .shown strong")).to_have_text("fast")
    expect(page.locator(".choices [data-view=xy]")).to_have_attribute("aria-current", "true")
    expect(page.get_by_role("button", name="Arrows")).to_have_attribute("aria-pressed", "true")
    assert (page.locator("[name=rate]").input_value(), page.locator("[name=again]").input_value()) == ("0.25", "loop")
    assert page.locator("stimulus-player[arrows][view=xy]").count() == 5
    page.keyboard.press("m")
    page.keyboard.press("a")
    assert "view" not in page.url
    assert "arrows" not in page.url
    page.get_by_role("button", name="Share").click()
    expect(page.locator("share-dialog [name=address]")).to_have_value(page.url)


def test_a_frame_that_somebody_stopped_at_is_in_the_address(open_player: Callable[[str], Page]) -> None:
    page = open_player(f"{TWO_STREAM}&frame=3")
    page.set_viewport_size({"width": 1280, "height": 3000})
    expect(page.locator("[data-frame-number]")).to_have_text(f"3 / {FRAMES}")
    expect(page.get_by_role("button", name="Play")).to_be_visible()
    assert {each for panels in shown(page) for each in panels} == {2}
    page.get_by_role("button", name="Play").click()
    page.wait_for_url(f"**{TWO_STREAM}")
    page.get_by_role("button", name="Pause").click()
    page.wait_for_url(re.compile(r"&frame=\d$"))
    held = shown(page)[0][0] + 1
    assert page.url.endswith(f"&frame={held}")
    page.get_by_role("button", name="Share").click()
    expect(page.locator("share-dialog [name=address]")).to_have_value(page.url)
    page.goto(page.url, wait_until="load")
    expect(page.locator("[data-frame-number]")).to_have_text(f"{held} / {FRAMES}")


def test_time_runs_on_when_another_speed_is_chosen(still: Page) -> None:
    page = still
    page.get_by_role("slider", name="Frame").fill("2")
    before = page.locator("#main > .title").element_handle()
    page.locator(".speed-grid a", has_text="medium").click()
    expect(page.locator(".speed-grid .shown strong")).to_have_text("medium")
    expect(page.locator(".viewer stimulus-player")).to_have_attribute("frame", "2")
    assert before.evaluate("(title) => title.isConnected"), "no other page was loaded"
    expect(page.locator('form.visualize [name="speed"]').first).to_have_value("medium")


def test_clips_have_one_panel_with_every_frame(open_player: Callable[[str], Page]) -> None:
    page = open_player(CLIP)
    page.get_by_role("button", name="Pause").click()
    slider = page.get_by_role("slider", name="Frame")
    slider.fill("7")
    assert shown(page)[0] == [7, 7]
    expect(page.locator("[data-frame-number]")).to_have_text("8 / 8")
    assert page.get_by_text("Motion as").count() == 0


def test_less_motion_starts_at_rest(filled: Dashboard, new_context: Callable[..., BrowserContext]) -> None:
    page = new_context(reduced_motion="reduce").new_page()
    page.goto(filled.address + TWO_STREAM, wait_until="load")
    expect(page.locator(".viewer stimulus-player")).to_have_attribute("frame", "0")
    expect(page.get_by_role("button", name="Play")).to_be_visible()
    page.evaluate(THIRTY_ANIMATION_FRAMES)
    assert shown(page)[0] == [0] * 4
    page.keyboard.press("Space")
    expect(page.locator(".viewer stimulus-player")).not_to_have_attribute("frame", "0")


def test_out_of_sight_nothing_moves(open_player: Callable[[str], Page]) -> None:
    page = open_player(TWO_STREAM)
    page.set_viewport_size({"width": 390, "height": 300})
    page.locator(".site-footer").scroll_into_view_if_needed()
    page.wait_for_function(ARE_HIDDEN)
    before = shown(page)
    page.evaluate(THIRTY_ANIMATION_FRAMES)
    assert shown(page) == before
    page.locator(".viewer").scroll_into_view_if_needed()
    page.wait_for_function(
        "(before) => document.querySelector('stimulus-player').getAttribute('frame') != before", arg=str(before[0][0])
    )


def test_without_javascript_there_are_loops(filled: Dashboard, new_context: Callable[..., BrowserContext]) -> None:
    page = new_context(java_script_enabled=False).new_page()
    page.goto(filled.address + TWO_STREAM, wait_until="load")
    expect(page.locator(".viewer img:visible")).to_have_count(3)
    expect(page.locator("canvas:visible")).to_have_count(0)
    expect(page.get_by_role("button", name="Play")).to_have_count(0)


def test_loops_without_javascript_are_as_large_as_what_takes_over(
    filled: Dashboard, open_player: Callable[[str], Page], new_context: Callable[..., BrowserContext]
) -> None:
    plain = new_context(java_script_enabled=False).new_page()
    for address in (TWO_STREAM, CLIP):  # of stimuli of few pixels
        moving = open_player(address)
        plain.goto(filled.address + address, wait_until="load")
        loops = sizes(plain, LOOPS)
        assert loops == sizes(moving, "stimulus-player canvas")
        assert min(width for width, _ in loops) > 100


def sizes(page: Page, selector: str) -> list[tuple[float, float]]:
    boxes = [each.bounding_box() for each in page.locator(selector).all()]
    return [(round(box["width"]), round(box["height"])) for box in boxes if box]


def test_arrows_show_while_a_player_is_hovered(still: Page) -> None:
    motion = still.locator(".viewer [data-panel=motion]")
    before = motion.evaluate(PIXELS)
    motion.hover()
    with_arrows = motion.evaluate(PIXELS)
    assert with_arrows != before
    still.mouse.move(0, 0)
    assert motion.evaluate(PIXELS) == before


def test_a_thumbnail_plays_in_the_middle_of_a_window_where_nothing_can_be_hovered(
    filled: Dashboard, new_context: Callable[..., BrowserContext]
) -> None:
    for motion, attribute in (("no-preference", "loop"), ("reduce", "poster")):
        phone = new_context(is_mobile=True, has_touch=True, reduced_motion=motion)
        page = phone.new_page()
        page.goto(filled.address + "/tiny_two_stream/class?state=visualized", wait_until="load")
        thumbnail = page.locator("hover-loop").first
        thumbnail.evaluate("(each) => each.scrollIntoView({ block: 'center' })")
        shown = thumbnail.get_attribute(attribute) or ""
        expect(thumbnail.locator("img")).to_have_attribute("src", shown)
        phone.close()


def test_pictures_that_do_not_come_are_replaced_by_loops(filled: Dashboard, page: Page, problems: list[str]) -> None:
    [flow] = {medium["href"] for medium in media_of(filled) if medium["role"] == MediaRole.FLOW}
    page.route(f"**{flow}", lambda route: route.abort())
    page.goto(filled.address + TWO_STREAM, wait_until="load")
    expect(page.locator(".viewer img:visible")).to_have_count(3)
    expect(page.locator(".viewer canvas:visible")).to_have_count(0)
    assert problems
    assert all("ERR_FAILED" in each for each in problems)
    problems.clear()
