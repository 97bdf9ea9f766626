import hashlib

import pytest
from fastapi.testclient import TestClient

from app.contract.job import JobError, Progress, SurveyJob
from app.contract.network import NetworkCard
from app.store import datasets
from app.store.database.engine import Store
from app.store.jobs import leases
from tests.evidence_support import add_dataset, survey
from tests.support import add_card, claim_job, two_stream_card
from tests.web.views.conftest import Open
from tests.web.views.test_templates import check


@pytest.fixture
def little(store: Store, network: NetworkCard) -> Store:
    add_dataset(store)
    return store


ADDRESSES = (
    "/-/datasets",
    "/-/datasets/little",
    "/-/datasets/little?label=run",
    "/-/datasets/little?page=9",
    "/-/datasets/little/walk-0",
    "/tiny/-/surveys",
    "/clips/-/surveys",
    "/tiny/-/classes",
    "/tiny/-/classes/walk",
)


def sha256_of(medium: str, clip: str) -> str:
    return hashlib.sha256(f"{medium} {clip}".encode()).hexdigest()


@pytest.mark.parametrize("is_surveyed", [False, True])
def test_pages_are_whole(little: Store, open_page: Open, is_surveyed: bool) -> None:
    if is_surveyed:
        survey(little)
    for address in ADDRESSES:
        check(open_page(address))


def test_without_data_sets_pages_say_how_to_add_one(network: NetworkCard, open_page: Open) -> None:
    for address in ("/-/datasets", "/tiny/-/surveys"):
        assert "kinetoscope-worker datasets add" in open_page(address).text


def test_a_set_is_reached_from_every_page_and_filtered_by_class(little: Store, open_page: Open) -> None:
    assert "/-/datasets" in open_page("/").links
    assert "/-/datasets/little" in open_page("/-/datasets").links
    page = open_page("/-/datasets/little?label=run")
    assert [link for link in page.links if link.startswith("/-/datasets/little/")] == [
        f"/-/datasets/little/run-{number}" for number in range(3)
    ]
    assert "3 clips" in page.text


def test_a_clip_without_flow_is_played_alone_and_its_page_says_how_to_get_it(
    store: Store, network: NetworkCard, open_page: Open
) -> None:
    add_dataset(store, has_flow=False)
    page = open_page("/-/datasets/little/run-1")
    check(page)
    [player] = page.all("stimulus-player")
    assert "flow" not in player
    assert page.all("canvas", **{"data-panel": "motion"}) == []
    assert "kinetoscope-worker datasets flow little" in page.text
    assert "Motion as" not in page.text
    survey(store)
    for address in ("/-/datasets/little/run-1", "/tiny/-/classes/walk", "/tiny/-/confusions/walk/run"):
        check(open_page(address))
    assert "Motion as" not in open_page("/tiny/-/confusions/walk/run").text.partition("The clips")[2]


def test_a_clip_is_played_with_its_motion_in_both_encodings(little: Store, open_page: Open) -> None:
    page = open_page("/-/datasets/little/run-1")
    [video] = page.all("video")
    assert {"controls", "muted", "loop", "playsinline"} <= video.keys()
    assert video["src"].endswith(".mp4")
    for view, medium in (("direction", "hue"), ("xy", "xy")):
        shown = open_page(f"/-/datasets/little/run-1?view={view}")
        [player] = shown.all("stimulus-player")
        assert (player["view"], player["flow-frames"]) == (view, "1")
        [still] = shown.all("img", alt="Motion of run")
        assert still["src"] == f"/-/media/{sha256_of(medium, 'run-1')}.webp", "for browsers without JavaScript"
    assert "/tiny/-/classes/run" in page.links
    assert {"/-/datasets/little/run-0", "/-/datasets/little/run-2"} <= set(page.links)
    assert "Units it excites most" not in page.text
    survey(little)
    assert "/tiny/class/0" in open_page("/-/datasets/little/run-1").links


def test_a_class_has_its_sentence_and_its_clips(store: Store, open_page: Open, network: NetworkCard) -> None:
    sentences = ("A person walks.", "A person runs.", "Slowly.", "Fast.", "Over.")
    card = two_stream_card("described").model_copy(update={"class_sentences": sentences})
    add_card(store, card)
    add_dataset(store, each=7)
    listing = open_page("/described/-/classes")
    assert "A person runs." in listing.text
    assert len(listing.all("video")) == 3  # walk, run, and wave slow, which the set spells wave_slow
    page = open_page("/described/-/classes/wave%20slow")
    assert "Slowly." in page.text
    assert len(page.all("video")) == 6
    assert all(video["preload"] == "none" for video in page.all("video"))
    assert "Slowly." in open_page("/described/class/2").text


def test_a_survey_is_asked_for_watched_cancelled_and_tried_again(
    little: Store, visitor: TestClient, open_page: Open
) -> None:
    form = open_page("/tiny/-/surveys").form("Survey")
    fields = {"network": "tiny", "dataset": "little"}
    assert form.fields.items() >= fields.items()
    answer = visitor.post(form.action, data=fields)
    assert (answer.status_code, answer.headers["location"]) == (303, "/tiny/-/surveys")
    job = claim_job(little, SurveyJob)
    with little.transaction() as session:
        leases.save_progress(
            session,
            worker="w1",
            progress={job.id: Progress(step=3, steps=9, seconds_left=70)},
        )
    for address in ("/tiny/-/surveys", "/-/jobs", f"/-/jobs/{job.id}"):
        page = open_page(address)
        check(page)
        assert "Survey of little" in page.text
        assert "pass 3 of 9, 1 min left" in page.text
    with little.transaction() as session:
        leases.fail(
            session, worker="w1", job=job, error=JobError(kind="unknown_class", detail="There is no class 'x'.")
        )
    page = open_page(f"/-/jobs/{job.id}")
    assert "There is no class 'x'." in page.text
    assert visitor.post(page.form("Try again").action).status_code == 303
    again = claim_job(little, SurveyJob)
    with little.transaction() as session:
        leases.finish_with_answer(session, worker="w1", job=again, save=lambda session: {"survey": 1})
    done = open_page(f"/-/jobs/{job.id}")
    check(done)
    assert "/tiny/-/surveys" in done.links


@pytest.mark.parametrize(
    ("address", "near"),
    [("/-/datasets/litle", "/-/datasets/little"), ("/-/datasets/little/runn-1", "/-/datasets/little/run-1")],
)
def test_unknown_names_lead_to_the_near_ones(little: Store, visitor: TestClient, address: str, near: str) -> None:
    answer = visitor.get(address)
    assert answer.status_code == 404
    assert f'href="{near}"' in answer.text


def test_a_class_without_clips_is_listed_with_none(little: Store, open_page: Open) -> None:
    with little.transaction() as session:
        row = datasets.dataset_row(session, "little")
        row.classes = [*row.classes, "crawl"]
    check(open_page("/-/datasets/little"))
    assert "0 clips" in open_page("/-/datasets/little?label=crawl").text
