"""Results from before a survey: one quiet line below the strip, one button for all, and addresses that go on."""

from fastapi.testclient import TestClient

from app.store.database.engine import Store
from app.store.jobs import leases
from tests.evidence_support import add_dataset, survey
from tests.support import claim, enqueue, finish, measurements, media
from tests.web.views.conftest import Make, Open
from tests.web.views.test_forms import live

NOTE = "Made with a_hat = 1, before the survey"


def new_survey(store: Store, a_hat: float = 2.0) -> None:
    survey(store, change=lambda layer, unit: {"a_hat": a_hat})


def test_one_line_tells_which_are_outdated_and_one_button_makes_them_anew(
    visitor: TestClient, open_page: Open, make: Make, store: Store
) -> None:
    add_dataset(store)
    made = [make(2, speed=speed) for speed in ("slow", "free")]
    assert NOTE not in open_page("/tiny/class/2").text, "there is no survey"
    new_survey(store)
    make(2, speed="fast")
    page = open_page("/tiny/class/2?speed=free")
    assert f"{NOTE}: slow, free." in page.text
    assert len(page.all("abbr", title=f"{NOTE}.")) == 2
    assert "Other recipes" not in page.text, "the strip has them"
    form = page.form("Make these 2 anew")
    ids = [each["value"] for each in page.all("input", name="visualization")]
    assert ids == [str(made[1].id), str(made[0].id)], "the one shown first"
    answer = visitor.post(form.action, data={"visualization": ids, "page": "unit"})
    assert answer.headers["location"] == "/tiny/class/2?speed=free&seed=0"
    assert sorted(live(store)) == [("class", 2, "free"), ("class", 2, "slow")]
    assert NOTE not in open_page(answer.headers["location"]).text, "they are under way"
    [first, *_] = claim(store, limit=2)
    finish(store, first)
    page = open_page(f"/tiny/class/2?speed={first.recipe.speed}")
    assert f"{first.recipe.speed}, seed 0: {NOTE.lower()}" in page.text, "now it is another recipe"


def test_a_result_is_made_anew_under_its_own_recipe(
    visitor: TestClient, open_page: Open, make: Make, store: Store
) -> None:
    add_dataset(store)
    made = make(2, objective="center")
    new_survey(store)
    form = open_page("/tiny/-/classes/wave%20slow?speed=slow").form("Make it anew")
    answer = visitor.post(form.action, data=form.fields)
    assert answer.headers["location"].startswith("/tiny/-/classes/wave%20slow?recipe=")
    [job] = claim(store)
    assert job.recipe.survey_maxima != made.recipe.survey_maxima
    assert job.recipe.model_copy(update={"survey_maxima": ""}) == made.recipe
    for wrong in ({}, {"visualization": "first"}):
        assert visitor.post(form.action, data=wrong).status_code == 422


def test_a_default_recipe_of_before_is_made_anew_as_the_default_of_today(
    visitor: TestClient, open_page: Open, make: Make, store: Store
) -> None:
    make(2, speed="slow", time_path="smoothed")
    page = open_page("/tiny/class/2?speed=slow")
    assert "Made with steps smoothed over time, as was usual before" in page.text
    assert "Other recipes" not in page.text, "the strip has it"
    form = page.form("Make it anew")
    assert visitor.post(form.action, data=form.fields).headers["location"] == "/tiny/class/2?speed=slow&seed=0"
    [job] = claim(store)
    assert job.recipe.time_path == "neutral"
    make(3, speed="slow", time_path="smoothed", kappa=3)
    assert "smoothed over time, as was usual" not in open_page("/tiny/class/3?speed=slow").text, "it was chosen"


def test_the_page_of_a_result_of_today_stays(visitor: TestClient, open_page: Open, make: Make, store: Store) -> None:
    add_dataset(store)
    make(2, speed="slow")
    new_survey(store)
    make(2, speed="free")
    form = open_page("/tiny/class/2?speed=free").form("Make it anew")
    assert visitor.post(form.action, data=form.fields).headers["location"] == "/tiny/class/2?speed=free&seed=0"


def test_who_waits_while_a_survey_comes_gets_the_result(open_page: Open, visitor: TestClient, store: Store) -> None:
    add_dataset(store)
    form = open_page("/tiny/class/2").form("Visualize", having="kappa")
    address = visitor.post(form.action, data={**form.fields, "kappa": "3"}).headers["location"]
    assert "recipe=" in address
    new_survey(store)
    assert "Queued" in open_page(address).text
    [job] = claim(store)
    assert "A newer survey came while it waited" in open_page(f"/-/jobs/{job.id}").text
    with store.transaction() as session:
        leases.finish_visualization(session, worker="w1", job=job, measurements=measurements(), media=media(job))
    new_survey(store, a_hat=3.0)
    page = open_page(address)
    assert "Made with a_hat of an earlier survey: medium." in page.text


def test_j_without_each_stream_stands_beside_every_stimulus(open_page: Open, make: Make, store: Store) -> None:
    enqueue(store, 3)
    [job] = claim(store)
    measured = measurements().model_copy(update={"objective_without": {"appearance": 1.2, "motion": 0.125}})
    with store.transaction() as session:
        leases.finish_visualization(session, worker="w1", job=job, measurements=measured, media=media(job))
    make(2)
    sentence = "Without its motion J falls from 1.25 to 0.125: the motion is needed for most of J."
    for address in ("/tiny/class/3", "/tiny/-/classes/wave%20fast", f"/-/jobs/{job.id}"):
        assert sentence in open_page(address).text
    line = "J 1.25, without appearance 1.20, without motion 0.125"
    assert line in open_page("/tiny/class/3?embed=1").text
    assert line in open_page("/tiny/-/confusions/wave%20fast/walk").text
    assert "without a stream not measured" in open_page("/tiny/class/2?embed=1").text
    assert "J without a stream" in open_page("/tiny/class/2").text
    assert "J without a stream was not measured" in open_page(f"/-/jobs/{job.id + 1}").text
    page = open_page("/tiny/-/compare?u=class/2&u=class/3&speed=slow")
    assert page.all("div", title=sentence)
    assert page.text.count("not measured") == 1
