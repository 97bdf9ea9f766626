"""Accentuated clips on pages: what asks for them, and the clip beside what came out."""

import pytest
from fastapi.testclient import TestClient

from app.contract.network import NetworkCard
from app.contract.result import MediaRole
from app.store import datasets
from app.store.database.engine import Store
from tests.evidence_support import add_dataset, survey
from tests.support import claim
from tests.web.views.conftest import Make, Open, sha256_of


@pytest.fixture
def video(store: Store, network: NetworkCard) -> str:
    """Return the sha256 of the video of `walk-0`, the strongest clip of all units of `tiny`."""
    add_dataset(store)
    survey(store)
    with store.session() as session:
        found = datasets.get_clip(session, slug="little", name="walk-0").video
    assert found is not None
    return found.sha256


def test_the_strongest_clips_of_a_unit_can_be_accentuated(
    open_page: Open, visitor: TestClient, store: Store, video: str
) -> None:
    page = open_page("/tiny/fc6/2")
    form = page.form("Accentuate", having="start_clip")
    answer = visitor.post(form.action, data={**form.fields, "start_clip": video})
    assert answer.headers["location"].startswith("/tiny/fc6/2?recipe=")
    [job] = claim(store)
    assert (job.layer, job.unit, job.recipe.start_clip, job.recipe.steps) == ("fc6", 2, video, 36)
    assert "Accentuate" not in open_page("/tiny/fc6/2?recipe=" + job.recipe.key()[:12]).form("Visualize").fields


def test_a_clip_can_be_accentuated_for_the_units_it_excites(open_page: Open, video: str) -> None:
    page = open_page("/-/datasets/little/walk-0")
    assert "What in this clip would a unit like more of?" in page.text
    assert video in {each["value"] for each in page.all("input", name="start_clip")}


def test_the_result_shows_the_clip_and_what_changed(
    open_page: Open, visitor: TestClient, store: Store, make: Make, video: str
) -> None:
    usual, made = make(2), make(2, start_clip=video)
    page = open_page(f"/tiny/class/2?recipe={made.recipe_key[:12]}")
    assert "The clip, accentuated" in page.text
    assert "/-/datasets/little/walk-0" in page.links
    assert not page.stray
    # the speeds show the usual stimulus, and other recipes name the accentuated one
    strip = open_page("/tiny/class/2")
    assert "The clip, accentuated" not in strip.text
    assert sha256_of(usual, MediaRole.APPEARANCE) in str(strip.all("stimulus-player"))
    assert f"start clip {video[:12]}" in strip.text
    body = visitor.get(f"/api/visualizations/{made.id}", headers={"Accept": "application/json"}).json()
    assert body["recipe"]["start_clip"] == video

    with store.transaction() as session:
        datasets.remove_dataset(session, slug="little")
    page = open_page(f"/tiny/class/2?recipe={made.recipe_key[:12]}")
    assert "no longer in a data set here" in page.text


def test_an_unknown_clip_is_refused_with_a_sentence(visitor: TestClient, network: NetworkCard) -> None:
    form = {"network": "tiny", "layer": "class", "units": "1"}
    answer = visitor.post("/-/visualize", data={**form, "start_clip": "0" * 64})
    assert answer.status_code == 422
    assert "Choose a clip from the page of a data set" in answer.text
