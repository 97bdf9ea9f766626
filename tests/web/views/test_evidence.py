import pytest
from fastapi.testclient import TestClient

from app.contract.interaction import UnitInteraction
from app.contract.interval import Interval
from app.contract.job import Progress, SurveyJob
from app.contract.network import Extent
from app.contract.unit import UnitRole
from app.store.catalog.networks import get_card
from app.store.database.engine import Store
from app.store.jobs import leases
from app.store.surveys import writing
from tests.evidence_support import add_dataset, survey
from tests.support import add_card, claim_job, two_stream_card
from tests.web.views.conftest import Make, Open
from tests.web.views.test_templates import check

ADDRESSES = (
    "/tiny/fusion.conv2/3",
    "/tiny/class/1",
    "/tiny/-/classes/run",
    "/tiny/-/confusions",
    "/tiny/-/confusions/walk/run",
    "/tiny/-/confusions/back%2Fflip%20%26%20turn/run",
    "/clips/Mixed_4f/3",
)


@pytest.fixture
def surveyed(store: Store, make: Make) -> Store:
    """Add a survey of `tiny`, and a stimulus of the class `run`."""
    make(1)
    add_dataset(store)
    survey(store)
    return store


def test_without_a_survey_pages_say_how_to_get_one(open_page: Open) -> None:
    for address in ADDRESSES:
        page = open_page(address)
        check(page)
        network = address.split("/")[1]
        assert "No data set has been passed through this network yet." in page.text
        assert f"/{network}/-/surveys" in page.links


@pytest.fixture
def under_way(store: Store, make: Make) -> int:
    """Return the id of a job that surveys `tiny`, at pass 31 of 210."""
    add_dataset(store)
    with store.transaction() as session:
        asked = writing.enqueue_survey(session, network="tiny", dataset="little")
    claim_job(store, SurveyJob)
    with store.transaction() as session:
        now = {asked.id: Progress(stage="shows every clip", step=31, steps=210, seconds_left=12.0)}
        leases.save_progress(session, worker="w1", progress=now, previews={})
    return asked.id


def test_without_a_survey_pages_show_the_one_on_its_way(under_way: int, open_page: Open) -> None:
    for address in (*ADDRESSES[:-1], "/tiny/-/findings", "/tiny/-/units?view=map", "/tiny/fc6?view=map"):
        page = open_page(address)
        check(page)
        assert "shows every clip: 31 of 210, 12 s left of this part" in page.text, address
        assert f"/-/jobs/{under_way}" in page.links, address
        assert page.all("job-progress", job=str(under_way)), address
        assert "Survey this network" not in page.text, address
        assert "No worker is running" in page.text, address


def test_pages_hear_of_the_survey_they_wait_for(under_way: int, open_page: Open) -> None:
    """The part that changes when it is published listens to surveys of the network."""
    for address in (*ADDRESSES[:-1], "/tiny/-/findings"):
        assert open_page(address).all("auto-refresh", network="tiny", kind="survey"), address
    region = open_page("/tiny/fc6?view=map").all("auto-refresh", id="units")
    assert region == [{"id": "units", "network": "tiny"}], "not to jobs of the layer alone"


def test_pages_are_whole_with_one(surveyed: Store, open_page: Open) -> None:
    for address in ADDRESSES[:-1]:
        page = open_page(address)
        check(page)
        assert "/-/datasets/little" in page.links


def test_pages_say_how_much_more_there_is(surveyed: Store, open_page: Open) -> None:
    assert "The surest 3 of 29 mistakes." in open_page("/tiny/-/classes/run").text
    with surveyed.session() as session:
        units = get_card(session, slug="tiny").units
    assert f"The first 24 of {units}." in open_page("/-/datasets/little/run-1").text


def test_the_peak_of_a_strong_clip_is_marked_where_and_when_it_was(surveyed: Store, open_page: Open) -> None:
    page = open_page("/tiny/fusion.conv2/3")
    rings = page.all("circle", class_="marker")
    assert [(ring["cx"], ring["cy"]) for ring in rings] == [("25.0", "50.0"), ("50.0", "50.0")]
    assert [link for link in page.links if link.startswith("/-/datasets/little/")] == [
        "/-/datasets/little/walk-0",
        "/-/datasets/little/run-1",
    ]
    [peak] = page.all("line", class_="time-marker")  # a trace of one moment has no line
    assert peak["x1"] == "120.0"
    assert page.all("polyline", points="0.0,120.0 120.0,0.0 240.0,60.0")


def test_responses_are_sorted_and_the_class_of_a_class_unit_stands_out(surveyed: Store, open_page: Open) -> None:
    page = open_page("/tiny/class/1")
    lengths = [float(bar["width"]) for bar in page.all("rect", class_="fill")]
    assert lengths[:5] == [50.0, 12.5, 12.5, 12.5, 12.5]
    assert lengths[5] == pytest.approx(76.6)  # then the average precision of what it detects
    assert len(page.all("li", class_="own-class")) == 2
    assert {"/tiny/-/classes/run", "/tiny/-/classes/back%2Fflip%20%26%20turn"} <= set(page.links)
    assert "1.10 of 5 classes in effect: specific below\n 1.25, unselective above 3.00" in page.text


def test_a_class_that_a_unit_finds_no_better_than_by_lot_is_none_that_it_detects(store: Store, open_page: Open) -> None:
    """The classes of the survey have 10, 35, 60, 85 and 110 of its 300 clips."""
    add_dataset(store)
    survey(store, change=lambda layer, unit: {"precision": (0.06, 0.3, 0.39, 0.5, 0.7) if unit == 1 else (0.01,) * 5})
    lengths = [float(bar["width"]) for bar in open_page("/tiny/class/1").all("rect", class_="fill")]
    assert lengths[5:] == [30.0], "of 70, 50, 39, 30 and 6 %"
    assert "twice as well as drawing clips by lot" in open_page("/tiny/class/2").text


def test_a_unit_s_numbers_tunings_and_likes(surveyed: Store, open_page: Open) -> None:
    page = open_page("/tiny/class/1")
    for words in (
        "50.0%",
        "Fusion synergy",
        "Speed: at least 1.50 octaves",
        "Direction: selectivity 0.330",
        "correlates 0.900",
    ):
        assert words in page.text
    assert "1.17" in page.text, "reach: 3.5 / 3"
    assert page.all("polyline", points="0.0,60.0 120.0,0.0 240.0,30.0")
    assert page.all("polygon", points="0.0,-60.0 0.0,30.0")


def test_a_unit_says_how_much_its_streams_interact(store: Store, open_page: Open) -> None:
    add_dataset(store)
    share = Interval(value=0.625, low=0.5, high=0.75)
    interaction = UnitInteraction(share=share, null=0.25, exceeds_control=True)
    survey(store, change=lambda layer, unit: {"interaction": interaction if layer == "fc6" else None})
    page = open_page("/tiny/fc6/1")
    check(page)
    words = " ".join(page.text.split())
    assert "62.5% (50.0% to 75.0%) of the variance of its response" in words
    assert (
        "25.0% if it only added the streams. The difference is above that of 95% of units with random weights" in words
    )
    assert "Interaction of the streams" not in open_page("/tiny/class/1").text


def test_the_classes_that_a_unit_feeds_with_weight_share_and_effect(surveyed: Store, open_page: Open) -> None:
    page = open_page("/tiny/fc6/1")
    fed = page.text.partition("Classes it feeds")[2].partition("Speed:")[0]
    numbers = [words for words in fed.split() if words[0] in "+−"]
    assert numbers == ["+0.500", "+1.00", "−1.25", "−0.250", "−0.500", "+0.500"]
    assert "/tiny/-/classes/wave%20slow" in page.links
    bars = [bar for bar in page.all("rect") if bar.get("class") in ("positive", "negative")]
    assert [(bar["class"], bar["width"]) for bar in bars] == [("positive", "50.0"), ("negative", "20.0")]


def test_a_real_clip_stands_in_for_a_stimulus_and_says_so(surveyed: Store, open_page: Open) -> None:
    for address in ("/tiny/-/units?q=run", "/tiny/-/units?view=list", "/tiny/fc6/1", "/tiny/-/classes/run",
                    "/tiny/-/confusions/walk/run", "/tiny/-/findings"):  # fmt: skip
        page = open_page(address)
        check(page)
        stand_ins = page.stand_ins
        assert stand_ins, address
        assert page.text.count("clip (not visualized yet)") == len(stand_ins), address


def test_a_class_without_a_stimulus_shows_its_clip_or_says_so_and_offers_one(
    store: Store, make: Make, open_page: Open
) -> None:
    add_dataset(store)  # of walk, run and wave slow
    make(1)
    page = open_page("/tiny/-/classes")
    check(page)
    assert len(page.stand_ins) == 2
    assert page.text.count("clip (not visualized yet)") == 2
    assert page.text.count("not visualized yet") == 4, "two more have not even a clip"
    assert len(page.all("span", class_="example")) == 1
    assert "/tiny/-/visualize?layer=class&state=missing" in page.links
    assert "/tiny/-/visualize?layer=class&q=run&state=missing" not in open_page("/tiny/-/classes?q=run").links


def test_a_dead_unit_is_called_so_and_claims_nothing(store: Store, make: Make, open_page: Open) -> None:
    add_dataset(store)
    nothing = dict.fromkeys(("speed", "direction", "synergy")) | {"alike": (), "feeds": ()}
    dead = {"a_hat": -1.0, "role": UnitRole.DEAD, **nothing}
    survey(store, change=lambda layer, unit: dead)
    page = open_page("/tiny/fc6/2")
    check(page)
    assert "no clip ever made it positive" in page.text
    assert "Best detector of" not in page.text
    assert "Classes it feeds" not in page.text
    assert not page.all("circle", class_="marker")


def test_a_class_has_its_accuracy_detectors_and_confusions(store: Store, make: Make, open_page: Open) -> None:
    add_dataset(store)
    survey(store, change=lambda layer, unit: {"role": UnitRole.GENERIC} if layer == "fc6" else {})
    page = open_page("/tiny/-/classes/run")
    assert "50.0%" in page.text  # recall, of facts()
    assert "35 clips" in page.text
    assert "/tiny/-/confusions/run/back%2Fflip%20%26%20turn" in page.links
    assert "/tiny/-/confusions/back%2Fflip%20%26%20turn/run" in page.links
    detectors = [link for link in page.links if link in ("/tiny/fc6/6", "/tiny/fc6/1", "/tiny/appearance.conv1/1")]
    assert detectors[0] == "/tiny/fc6/6", "the best of all"
    assert detectors.index("/tiny/fc6/1") < detectors.index("/tiny/appearance.conv1/1"), "deepest first"
    shared = page.text.partition("Unselective units that it shares")[2]
    assert "fc6/1" in shared
    assert "conv" not in shared


def test_detectors_of_every_layer_unfold_and_the_address_says_so(surveyed: Store, open_page: Open) -> None:
    closed, unfolded = (open_page(f"/tiny/-/classes/run{query}") for query in ("", "?detectors=all"))
    elements = {page: [*page.elements] for page in (closed, unfolded)}
    kept = {
        page: [name for name, _ in elements_of_page].index("remember-open")
        for page, elements_of_page in elements.items()
    }
    shut, opened = (elements[page][kept[page] + 1] for page in (closed, unfolded))
    assert shut == ("details", {})
    assert opened == ("details", {"open": ""})
    check(unfolded)
    assert "/tiny/-/classes/run?speed=free&seed=0&detectors=all" in unfolded.links


def test_confusions_are_reached_from_the_network_and_the_largest_come_first(surveyed: Store, open_page: Open) -> None:
    assert "/tiny/-/confusions" in open_page("/tiny").links
    page = open_page("/tiny/-/confusions")
    listed = [link for link in page.links if link.startswith("/tiny/-/confusions/")]
    assert listed[0] == "/tiny/-/confusions/walk/back%2Fflip%20%26%20turn", "4 of 10"
    text = " ".join(page.text.split())
    assert "4 of 10 walk taken for back/flip & turn, 20 of 110 the other way" in text
    assert "24 clips" in text
    assert len(page.all("td", class_="heat-4 ")) == 1
    assert len(set(listed)) == 20, "every pair, both ways"
    assert len(listed) == 30, "in the list both ways together, in the matrix each"


def test_two_classes_side_by_side(surveyed: Store, open_page: Open) -> None:
    page = open_page("/tiny/-/confusions/run/walk")
    assert "5 of 35" in page.text
    assert "1 of 10" in page.text
    players = page.all("stimulus-player", clock="pair")
    assert len(players) == 1, "run at one speed; nobody has visualized walk"
    assert "Not visualized yet" in page.text
    apart = page.text.partition("Units that separate them")[2].partition("Units that do not")[0]
    assert "appearance.conv1/0" in apart
    assert "+0.375" in apart
    assert "-0.375" in apart
    assert "appearance.conv1/2" not in apart, "it answers to both alike"
    assert "appearance.conv1/2" in page.text.partition("Units that do not")[2]
    assert "/tiny/-/confusions/walk/run" in page.links
    assert "Of the 10 units of fc6, the last layer before the classes, that answer to either" in page.text
    assert "Neither stream separates them much better than the other" in page.text


def test_the_clips_that_failed_are_played_with_their_motion_and_can_be_explained(
    surveyed: Store, open_page: Open
) -> None:
    page = open_page("/tiny/-/confusions/run/walk?view=xy")
    clips = [player for player in page.all("stimulus-player") if player["id"].startswith("clip-")]
    assert len(clips) == 3
    assert all(player["clock"] == "failing" and player["view"] == "xy" and player["flow"] for player in clips)
    assert "walk 71.9%, run 12.5%" in page.text
    assert page.text.count("Explain with Two-stream tiny") == 3
    listed = [link for link in page.links if link.startswith("/-/datasets/little/")]
    assert listed == [f"/-/datasets/little/run-{number}" for number in (2, 1, 0)], "the surest first"
    assert "/tiny/-/explain?dataset=little&clip=run-2&expected=run" in page.links
    assert "/tiny/-/confusions/run/walk?view=direction" not in page.links, "a default is left out of the address"
    assert "/tiny/-/confusions/run/walk" in page.links
    assert "This survey is older than the lists of clips." in page.text, "walk taken for run: counted, not listed"


def test_a_class_lists_its_missed_clips(surveyed: Store, open_page: Open) -> None:
    page = open_page("/tiny/-/classes/run")
    missed = page.text.partition("Its clips that are taken for others")[2]
    assert "run-2, itself 12.5%" in missed
    assert "/tiny/-/confusions/run/walk" in page.links
    assert "taken for others" not in open_page("/tiny/-/classes/walk").text.partition("Its clips that")[2]


def test_data_sets_and_clips_say_what_networks_take_them_for(surveyed: Store, open_page: Open) -> None:
    listed = open_page("/-/datasets/little")
    check(listed)
    assert "tiny: walk 62.5%" in listed.text
    assert "tiny: right 50.0%" in listed.text
    clip = open_page("/-/datasets/little/run-2")
    check(clip)
    assert "71.9%" in clip.text
    assert "/tiny/-/confusions/run/walk" in clip.links
    assert "What is it taken for?" in open_page("/-/datasets/little/walk-0").text


@pytest.mark.parametrize(
    ("pair", "words"),
    [
        ("walk/rum", "Near: run."),
        ("walk", "two different classes"),
        ("run/run", "two different classes"),
        ("wolk/rum", "Near: walk."),
    ],
)
def test_names_that_are_no_pair(visitor: TestClient, pair: str, words: str) -> None:
    answer = visitor.get(f"/tiny/-/confusions/{pair}", headers={"Accept": "application/json"})
    assert answer.status_code == 404
    assert words in answer.json()["detail"]


def test_a_unit_that_sees_the_whole_picture_marks_no_place(store: Store, make: Make, open_page: Open) -> None:
    card = two_stream_card("flat")
    point = Extent(frames=1, height=1, width=1)
    flat = card.model_copy(update={"layers": tuple(each.model_copy(update={"map": point}) for each in card.layers)})
    add_card(store, flat)
    add_dataset(store)
    survey(store, "flat")
    page = open_page("/flat/fc6/2")
    assert len(page.all("svg", class_="activation-curve")) == 1
    assert not page.all("circle", class_="marker")
