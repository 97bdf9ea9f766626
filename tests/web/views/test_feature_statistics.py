"""The feature statistics prior on pages: refused before a survey, with the survey's statistics after it."""

import pytest
from fastapi.testclient import TestClient

from app.contract.network import Extent, NetworkCard
from app.contract.recipe import Recipe
from app.store.catalog.networks import get_card
from app.store.database.engine import Store
from tests.evidence_support import add_dataset
from tests.store.surveys.test_feature_statistics import survey_with
from tests.support import add_card, claim, two_stream_card
from tests.web.views.conftest import Open


@pytest.fixture
def network(store: Store) -> NetworkCard:
    """Return the card of `tiny`, whose first layer has features to measure, and that has no survey."""
    card = two_stream_card()
    first = card.layers[0].model_copy(update={"signed": True, "map": Extent(frames=1, height=8, width=8)})
    card = card.model_copy(update={"layers": (first, *card.layers[1:])})
    add_card(store, card)
    return card


def test_the_prior_waits_for_a_survey_and_then_takes_its_statistics(
    open_page: Open, visitor: TestClient, store: Store
) -> None:
    page = open_page("/tiny/fc6/3")
    form = page.form("Visualize", having="bn_prior")
    assert "Feature statistics prior" in page.text
    assert "feature_statistics" not in form.fields
    refused = visitor.post(form.action, data={**form.fields, "bn_prior": "1"})
    assert refused.status_code == 422
    assert "Survey the network first" in refused.text
    scene = page.form("Still scene")
    assert "bn_prior" not in scene.fields
    assert scene.fields["steps"] == "216"

    add_dataset(store)
    digest = survey_with(store, b"statistics")
    with store.session() as session:
        card = get_card(session, slug="tiny")
    assert visitor.get("/api/networks/tiny").json()["feature_statistics"] == digest
    page = open_page("/tiny/fc6/3")
    assert page.form("Still scene").fields["bn_prior"] == "2"
    form = page.form("Visualize", having="bn_prior")
    made = visitor.post(form.action, data={**form.fields, "bn_prior": "1"})
    assert made.status_code == 303
    [job] = claim(store)
    assert job.recipe == Recipe(speed=job.recipe.speed, bn_prior=1).resolved(card)
    assert job.recipe.feature_statistics == digest
    page = open_page(made.headers["location"])
    assert "Advanced: feature statistics prior 1" in page.text
    assert page.form("Visualize", having="bn_prior").fields["bn_prior"] == "1"
    text = open_page(f"/-/jobs/{job.id}").text
    assert digest[:12] in text
    assert digest not in text, "it does not fit"
