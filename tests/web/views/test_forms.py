"""Forms that start and stop work without JavaScript."""

import pytest
from fastapi.testclient import TestClient

from app.contract.job import JobState, VisualizeJob, jobs_of_kind
from app.contract.recipe import Recipe
from app.store.database.engine import Store
from app.store.jobs import listing
from tests.support import two_stream_card
from tests.web.views.conftest import Make, Open
from tests.web.views.pagereader import Form, PageReader


def send(visitor: TestClient, form: Form, **changes: str) -> str:
    """Press the button, and return the address that it redirects to."""
    assert form.method == "post"
    answer = visitor.post(form.action, data={**form.fields, **changes})
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"])


def live(store: Store) -> list[tuple[str, int, str]]:
    with store.session() as session:
        found = listing.list_jobs(session, state=JobState.QUEUED, network=None, page=1, per_page=200)
    return [(job.layer, job.unit, job.recipe.speed.value) for job in jobs_of_kind(VisualizeJob, found.items)]


def test_from_the_button_to_the_growing_stimulus(visitor: TestClient, open_page: Open, store: Store) -> None:
    address = send(visitor, open_page("/tiny/fc6/3?speed=fast&seed=4").form("Visualize"))
    assert address == "/tiny/fc6/3?speed=fast&seed=4"
    assert live(store) == [("fc6", 3, "fast")]
    assert "Queued" in open_page(address).text


def test_the_whole_form_is_a_plain_recipe(visitor: TestClient, open_page: Open, store: Store) -> None:
    form = open_page("/tiny/class/2").form("Visualize", having="kappa")
    assert send(visitor, form, seed="7") == "/tiny/class/2?speed=medium&seed=7"
    special = send(visitor, form, kappa="2.5", size="64")
    assert special.startswith("/tiny/class/2?recipe=")
    assert "Queued" in open_page(special).text


def test_another_objective_brings_its_own_steps(visitor: TestClient, open_page: Open, make: Make, store: Store) -> None:
    made = make(2, blur=3)
    page = open_page(f"/tiny/class/2?recipe={made.recipe_key[:12]}")
    form = page.form("Visualize", having="kappa")
    assert (form.fields["steps"], form.fields["blur"]) == ("", "3")
    assert "Advanced: blur 3" in page.text
    send(visitor, form, objective="center")
    with store.session() as session:
        [job] = listing.list_jobs(session, state=JobState.QUEUED, network=None, page=1, per_page=2).items
    assert isinstance(job, VisualizeJob)
    assert job.recipe == Recipe(speed="slow", objective="center", blur=3).resolved(two_stream_card())


def test_a_result_is_run_again_with_a_change(visitor: TestClient, open_page: Open, make: Make, store: Store) -> None:
    made = make(2, kappa=2, prior="fourier", seed=9)
    form = open_page(f"/tiny/class/2?recipe={made.recipe_key[:12]}").form("Visualize", having="kappa")
    address = send(visitor, form, steps="200")
    assert "Queued" in open_page(address).text
    with store.session() as session:
        [job] = listing.list_jobs(session, state=JobState.QUEUED, network=None, page=1, per_page=2).items
    assert isinstance(job, VisualizeJob)
    assert job.recipe == made.recipe.model_copy(update={"steps": 200})


def test_what_is_cached_is_shown_at_once(visitor: TestClient, open_page: Open, make: Make, store: Store) -> None:
    make(2)
    form = open_page("/tiny/class/2").form("Visualize", having="kappa")
    assert send(visitor, form) == "/tiny/class/2?speed=slow&seed=0"
    assert live(store) == []


def test_the_class_page_leads_back_to_itself(visitor: TestClient, open_page: Open) -> None:
    form = open_page("/tiny/-/classes/back%2Fflip%20%26%20turn").form("Visualize")
    assert send(visitor, form) == "/tiny/-/classes/back%2Fflip%20%26%20turn?speed=medium&seed=0"


def test_a_sweep_asks_for_every_unit(visitor: TestClient, open_page: Open, store: Store) -> None:
    form = open_page("/tiny/fc6").form("Visualize all 10 units")
    assert send(visitor, form, speed="medium") == "/tiny/fc6?sort=recent", "where it fills in"
    assert live(store) == [("fc6", unit, "medium") for unit in range(10)]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"steps": "0"}, "recipe.steps"),
        ({"speed": "warp"}, "recipe.speed"),
        ({"chroma": "1"}, "has no field 'chroma'"),
        ({"units": "three"}, "units"),
        ({"units": ""}, "units"),
        ({"network": ""}, "network"),
    ],
)
def test_a_wrong_field_is_named(visitor: TestClient, store: Store, changes: dict[str, str], words: str) -> None:
    answer = visitor.post("/-/visualize", data={"network": "tiny", "layer": "fc6", "units": "3", **changes})
    assert answer.status_code == 422
    assert words in PageReader(answer.text).text
    assert live(store) == []


def test_a_unit_that_is_not_there(visitor: TestClient) -> None:
    answer = visitor.post("/-/visualize", data={"network": "tiny", "layer": "fc6", "units": "10"})
    assert answer.status_code == 404
    assert "Layer fc6 has no unit 10" in answer.text


def test_cancel_leads_back_to_where_it_was_pressed(visitor: TestClient, open_page: Open, running: int) -> None:
    address = send(visitor, open_page("/tiny/class/1").form("Cancel"))
    assert address == "/tiny/class/1?speed=slow&seed=0"
    assert "stops at the next step" in open_page(address).text


def test_retry_queues_again(visitor: TestClient, open_page: Open, failed: int, store: Store) -> None:
    assert send(visitor, open_page(f"/-/jobs/{failed}").form("Try again")) == f"/-/jobs/{failed}"
    assert live(store) == [("class", 3, "slow")]


def test_cancel_of_what_is_over_is_a_conflict(visitor: TestClient, failed: int) -> None:
    answer = visitor.post(f"/-/jobs/{failed}/cancel")
    assert answer.status_code == 409
    assert "already failed" in answer.text


@pytest.mark.parametrize("back", ["https://elsewhere.example/", "//elsewhere.example", "/\\elsewhere.example"])
def test_a_form_never_leads_to_another_site(visitor: TestClient, running: int, back: str) -> None:
    answer = visitor.post(f"/-/jobs/{running}/cancel", data={"back": back})
    assert answer.status_code == 422
    assert "location" not in answer.headers


def test_other_sites_cannot_press_the_buttons(visitor: TestClient, running: int) -> None:
    answer = visitor.post(f"/-/jobs/{running}/cancel", headers={"Origin": "https://elsewhere.example"})
    assert answer.status_code == 403


def test_a_file_instead_of_a_field_is_refused(visitor: TestClient) -> None:
    answer = visitor.post("/-/visualize", files={"network": ("a.txt", b"tiny")})
    assert answer.status_code in (400, 422)
