import re

import pytest
from fastapi.testclient import TestClient

from app.contract.result import MediaRole
from tests.web.conftest import ORIGIN
from tests.web.views.conftest import Make, Open, sha256_of
from tests.web.views.pagereader import PageReader


def sources(page: PageReader) -> set[str]:
    return {re.sub(r".*/(\w+)\..*", r"\1", each["src"]) for each in page.all("img")}


def test_the_address_chooses_speed_and_seed(open_page: Open, make: Make) -> None:
    slow, fast, other = make(speed="slow"), make(speed="fast"), make(speed="fast", seed=5)

    def shown(address: str) -> set[str]:
        players = [each["id"] for each in open_page(address).all("stimulus-player")]
        return {id.rsplit("-", 1)[1] for id in players if id.startswith("player-")}  # the small ones are other speeds

    assert shown("/tiny/class/2") == {str(slow.id)}
    assert shown("/tiny/class/2?speed=fast") == {str(fast.id)}
    assert shown("/tiny/class/2?speed=fast&seed=5") == {str(other.id)}
    assert shown(f"/tiny/class/2?visualization={other.id}") == {str(other.id)}
    assert shown("/tiny/class/2?seed=5") == {str(other.id)}
    assert shown("/tiny/class/2?speed=free") == set()


def test_a_special_recipe_has_an_address_of_its_own(open_page: Open, make: Make) -> None:
    plain, special = make(), make(kappa=2, steps=200)
    page = open_page("/tiny/class/2?speed=slow&seed=0")
    assert sha256_of(plain, MediaRole.APPEARANCE) in sources(page)
    address = f"/tiny/class/2?recipe={special.recipe_key[:12]}"
    assert address in page.links
    assert "steps 200, kappa 2" in page.text
    chosen = open_page(address)
    assert sha256_of(special, MediaRole.APPEARANCE) in sources(chosen)
    [canonical] = chosen.all("link", rel="canonical")
    assert canonical["href"] == ORIGIN + address
    assert chosen.form("Visualize", having="kappa").fields["kappa"] == "2"


def test_a_recipe_s_name_leaves_out_what_comes_with_its_objective(open_page: Open, make: Make) -> None:
    make()
    make(objective="center", kappa=2)
    text = open_page("/tiny/class/2?speed=slow&seed=0").text
    assert "slow, seed 0: objective center, kappa 2" in " ".join(text.split())


def test_both_encodings_of_flow(open_page: Open, make: Make) -> None:
    made = make()
    direction, xy = made.medium(MediaRole.FLOW_DIRECTION), made.medium(MediaRole.FLOW_XY)
    assert direction is not None
    assert xy is not None
    assert direction.sha256 in sources(open_page("/tiny/class/2"))
    page = open_page("/tiny/class/2?view=xy")
    assert xy.sha256 in sources(page)
    assert direction.sha256 not in sources(page)
    assert all("view=xy" in each["href"] for each in page.all("a") if each.get("aria-keyshortcuts", "x") in "1234")


def test_measurements_in_words(open_page: Open, make: Make) -> None:
    make()
    text = open_page("/tiny/class/2").text
    assert "50.0%" in text
    assert "no survey yet: its strongest clip counts as 1" in text
    assert "This looks like noise" not in text


def test_a_live_job_grows_on_the_page(open_page: Open, running: int) -> None:
    page = open_page("/tiny/class/1")
    stage, strip = page.all("job-progress", job=str(running))
    assert stage["state"] == "running"
    assert stage["id"] != strip["id"]
    assert {"value": "31", "max": "72"}.items() <= page.all("progress")[0].items()
    assert "step 31 of 72, 7 s left" in page.text
    assert page.all("img", src=f"/-/jobs/{running}/preview.webp?step=31")
    assert page.all("polyline")[0]["points"].count(",") == 3
    assert page.all("meta", http_equiv="refresh"), "browsers without JavaScript look again by themselves"
    assert page.form("Cancel").fields["back"] == "/tiny/class/1?speed=slow&seed=0"


def test_a_failed_job_says_why_and_can_be_tried_again(open_page: Open, failed: int) -> None:
    page = open_page("/tiny/class/3")
    assert "J became NaN at step 12." in page.text
    assert page.form("Try again").action == f"/-/jobs/{failed}/retry"


def test_without_a_worker_the_page_says_how_to_start_one(open_page: Open, running: int) -> None:
    assert "kinetoscope-worker run" in open_page("/tiny/class/1").text


def test_the_form_has_every_field_with_its_bounds(open_page: Open) -> None:
    page = open_page("/tiny/fc6/3")
    fields = {each["name"]: each for each in page.all("input", type="number")}
    assert (fields["rotation"]["min"], fields["rotation"]["max"]) == ("0", "45")
    assert fields["seed"]["max"] == str(2**31 - 1)
    assert fields["steps"]["step"] == "1"
    assert {each["name"] for each in page.all("select")} == {
        *("speed", "objective", "sign", "prior", "optimizer", "time_path", "focus_map", "start_keeps")
    }
    assert "Random rotation at each step, in degrees." in page.text
    assert [each["value"] for name in ("position", "minus") for each in page.all("input", name=name)] == ["", ""]


@pytest.mark.parametrize(
    ("address", "before", "after"),
    [
        ("/tiny/appearance.conv1/0", None, "/tiny/appearance.conv1/1"),
        ("/tiny/motion.conv1/0", "/tiny/appearance.conv1/5", "/tiny/motion.conv1/1"),
        ("/tiny/fc6/9", "/tiny/fc6/8", "/tiny/class/0"),
        ("/tiny/class/4", "/tiny/class/3", None),
        ("/tiny/-/classes/run", "/tiny/-/classes/walk", "/tiny/-/classes/wave%20slow"),
    ],
)
def test_neighbours(open_page: Open, address: str, before: str | None, after: str | None) -> None:
    page = open_page(address)
    assert [each["href"] for each in page.all("a", rel="prev")] == ([before] if before else [])
    assert [each["href"] for each in page.all("a", rel="next")] == ([after] if after else [])


def test_a_class_page_shows_its_unit(open_page: Open, make: Make) -> None:
    made = make(2)
    page = open_page("/tiny/-/classes/wave%20slow")
    assert sha256_of(made, MediaRole.APPEARANCE) in sources(page)
    assert "/tiny/class/2" in page.links
    assert page.form("Visualize").fields["page"] == "class"


def test_what_is_downloaded(open_page: Open, make: Make) -> None:
    made = make()
    raw = made.medium(MediaRole.RAW)
    assert raw is not None
    assert f"/-/media/{raw.sha256}.npz" in open_page("/tiny/class/2").links


def test_a_visualization_of_another_unit_is_not_here(visitor: TestClient, make: Make) -> None:
    made = make(2)
    answer = visitor.get(f"/tiny/class/1?visualization={made.id}")
    assert answer.status_code == 404
    assert f"This unit has no visualization {made.id}." in PageReader(answer.text).text


def test_a_recipe_that_nobody_made_is_not_here(visitor: TestClient) -> None:
    assert visitor.get("/tiny/class/1?recipe=abcdef012345").status_code == 404


def test_what_is_chosen_of_the_player_comes_back_with_the_page(open_page: Open, make: Make) -> None:
    make()
    chosen = "view=xy&arrows=1&rate=0.5&again=once"
    page = open_page(f"/tiny/class/2?{chosen}")
    [stage, small] = page.all("stimulus-player")
    assert (stage["view"], stage["arrows"], stage["flow-frames"]) == ("xy", "", "1")
    assert stage["clock"] == small["clock"]
    assert {each["value"] for each in page.all("option", selected="")} >= {"0.5", "once"}
    assert page.all("button", aria_pressed="true")
    assert f"/tiny/class/2?speed=fast&seed=0&{chosen}" in page.links
    assert "/tiny/class/2?speed=slow&seed=0&arrows=1&rate=0.5&again=once" in page.links, "the other encoding"


@pytest.mark.parametrize("choice", ["view=blue", "rate=7", "again=never", "arrows=maybe"])
def test_a_choice_that_there_is_not(visitor: TestClient, choice: str) -> None:
    assert visitor.get(f"/tiny/class/2?{choice}").status_code == 422


def test_the_frame_of_the_address_is_that_of_the_player_and_of_what_is_shared(open_page: Open, make: Make) -> None:
    make(2)
    page = open_page("/tiny/class/2?speed=slow&seed=0&frame=12")
    assert [each["paused-at"] for each in page.all("player-controls")] == ["12"]
    [share] = page.all("share-dialog")
    assert share["address"].endswith("/tiny/class/2?speed=slow&seed=0&frame=12")
    assert "/tiny/class/2?speed=free&seed=0&frame=12" in page.links
    assert "paused-at" not in open_page("/tiny/class/2").all("player-controls")[0]
