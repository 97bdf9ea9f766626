"""Pages of units with two signs: what raises them beside what lowers them."""

import re

import pytest
from fastapi.testclient import TestClient

from app.contract.network import NetworkCard
from app.contract.recipe import Recipe
from app.contract.result import Visualization
from app.store.database.engine import Store
from app.store.results import visualizations
from tests.evidence_support import add_dataset, survey
from tests.store.surveys.test_two_signs import lower_end
from tests.support import add_card, claim, enqueue, finish, two_stream_card
from tests.web.views.conftest import Open, poster


@pytest.fixture
def network(store: Store) -> NetworkCard:
    """Return the card of `tiny`, whose layer `fc6` has units of two signs."""
    card = two_stream_card()
    layers = [each.model_copy(update={"signed": each.name == "fc6"}) for each in card.layers]
    card = card.model_copy(update={"layers": tuple(layers)})
    add_card(store, card)
    return card


def make(store: Store, unit: int = 2, layer: str = "fc6", **recipe: object) -> Visualization:
    enqueue(store, unit, layer=layer, **recipe)
    made = finish(store, claim(store)[0])
    assert made is not None
    with store.session() as session:
        return visualizations.get_visualization(session, visualization_id=made)


def test_both_ends_stand_side_by_side(open_page: Open, store: Store) -> None:
    raising, lowering = make(store), make(store, sign="minimize")
    for query in ("speed=slow&seed=0", "speed=slow&seed=0&sign=minimize", f"recipe={lowering.recipe_key[:12]}"):
        page = open_page(f"/tiny/fc6/2?{query}")
        assert "What raises it" in page.text
        assert "What lowers it" in page.text
        shown = {each["src"].split("/")[-1].split(".")[0] for each in page.all("img")}
        assert {poster(raising), poster(lowering)} <= shown
        is_lowering = query != "speed=slow&seed=0"
        assert ("Measured on what lowers it" in page.text) is is_lowering
        assert ("What lowers it, from slow to free" in page.text) is is_lowering
        assert not page.stray
    assert "/tiny/fc6/2?speed=slow&seed=0&sign=minimize" in page.links
    assert "Other recipes" not in page.text


def test_the_missing_end_is_asked_for_by_a_button(open_page: Open, visitor: TestClient, store: Store) -> None:
    make(store)
    page = open_page("/tiny/fc6/2?speed=slow&seed=0")
    assert "no minimized stimulus at this speed and seed" in page.text
    form = page.form("Visualize", having="sign")
    assert form.fields["sign"] == "minimize"
    answer = visitor.post(form.action, data=form.fields)
    assert answer.headers["location"] == "/tiny/fc6/2?speed=slow&seed=0&sign=minimize"
    [job] = claim(store)
    assert job.recipe == Recipe(speed="slow", sign="minimize").resolved(two_stream_card())
    page = open_page("/tiny/fc6/2?speed=slow&seed=0")
    assert {each["state"] for each in page.all("job-progress", job=str(job.id))} == {"running"}


def test_the_sign_is_in_sight_in_the_form_of_a_layer_that_has_two(open_page: Open, store: Store) -> None:
    page = open_page("/tiny/fc6/3")
    form = page.form("Visualize", having="kappa")
    assert form.fields["sign"] == "maximize"
    assert "What lowers it" not in open_page("/tiny/fusion.conv2/3").text
    minimized = open_page("/tiny/fc6/3?sign=minimize")
    assert minimized.form("Visualize", having="kappa").fields["sign"] == "minimize"
    assert "Advanced: sign" not in minimized.text


def test_any_unit_that_was_minimized_shows_it(open_page: Open, store: Store) -> None:
    lowering = make(store, layer="class", sign="minimize")
    page = open_page("/tiny/class/2?speed=slow&seed=0&sign=minimize")
    assert any(poster(lowering) in each["src"] for each in page.all("img"))
    assert "What raises it" in page.text
    assert poster(lowering) not in open_page("/tiny/-/compare?u=class/2&speed=slow").text


def test_the_clips_at_both_ends(open_page: Open, store: Store, network: NetworkCard) -> None:
    add_dataset(store)
    survey(store, change=lower_end)
    page = open_page("/tiny/fc6/2")
    assert "Clips that raise it most" in page.text
    _, lowest = page.text.split("Clips that lower it most")
    assert "-3.5" in lowest
    assert lowest.index("run") < lowest.index("walk")
    assert "The ring is where it was lowest." in lowest


def test_reach_is_measured_against_the_lowest_clip(open_page: Open, store: Store) -> None:
    add_dataset(store)
    survey(store, change=lower_end)
    make(store, sign="minimize")  # its activation is 3.5, as that of all results in these tests
    text = " ".join(open_page("/tiny/fc6/2?speed=slow&seed=0&sign=minimize").text.split())
    assert re.search(r"[-\u2212]1(\.0+)? times the lowest real clip", text), text
