"""Recipe fields by the names that version 0.1 had, in requests, links and forms."""

from fastapi.testclient import TestClient

from app.contract.job import VisualizeJob, jobs_of_kind
from app.contract.result import Visualization
from app.store.database.engine import Store
from app.store.jobs import listing

ASK = {"network": "tiny", "layer": "class", "units": [0]}


def test_a_recipe_under_old_names_is_read_back_under_both_and_can_be_posted_again(client: TestClient) -> None:
    answer = client.post("/api/visualizations", json={**ASK, "recipe": {"forget": 0.1, "nature": 0.5}})
    [ticket] = answer.json()["jobs"]
    recipe = client.get(ticket["href"]).json()["recipe"]
    assert (recipe["forget"], recipe["weight_decay"]) == (0.1, 0.1)
    assert (recipe["nature"], recipe["bn_prior"]) == (0.5, 0.5)
    again = client.post("/api/visualizations", json={**ASK, "recipe": recipe})
    assert again.json()["jobs"] == [ticket]


def test_a_finished_recipe_has_both_names(client: TestClient, visualization: Visualization) -> None:
    recipe = client.get(f"/api/visualizations/{visualization.id}").json()["recipe"]
    assert (recipe["settle"], recipe["tolerance"]) == (0.0, 0.0)


def test_two_values_for_one_field_are_refused(client: TestClient) -> None:
    answer = client.post("/api/visualizations", json={**ASK, "recipe": {"forget": 0.1, "weight_decay": 0.2}})
    assert (answer.status_code, answer.json()["error"]) == (422, "invalid_recipe")
    assert "`forget` is the old name of `weight_decay`" in answer.json()["detail"]


def test_forms_and_links_of_the_version_before_work(client: TestClient, store: Store) -> None:
    page = client.get("/tiny/-/visualize?u=class/1&nature=2&forget_until=0.9")
    assert 'name="bn_prior"' in page.text
    assert 'name="nature"' not in page.text
    form = {"network": "tiny", "layer": "class", "units": "1", "page": "unit", "even": "0.5", "settle": ""}
    assert client.post("/-/visualize", data={**form, "settle": "0.01"}, follow_redirects=False).status_code == 303
    sent = {"u": "class/3", "middle": "2", "forget": "0.2"}
    assert client.post("/tiny/-/visualize", data=sent, follow_redirects=False).status_code == 303
    with store.session() as session:
        first, second = jobs_of_kind(VisualizeJob, listing.list_jobs(session).items)
    assert (first.recipe.frame_equalization, first.recipe.tolerance) == (0.5, 0.01)
    assert (second.recipe.center_bias, second.recipe.weight_decay) == (2.0, 0.2)
