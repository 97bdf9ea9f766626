"""Dictionaries on pages and in the API: their layer, their directions, and links to both."""

from fastapi.testclient import TestClient

from app.store.database.engine import Store
from tests.dictionary_support import add_dictionary
from tests.evidence_support import add_dataset, survey
from tests.web.views.conftest import Open


def test_the_page_of_a_dictionary_says_what_it_is_and_how_good(store: Store, open_page: Open) -> None:
    open_page("/tiny")
    add_dictionary(store, "fc6", "nmf4", 4)
    page = open_page("/tiny/fc6~0nmf4")
    assert "Each unit is a direction in the activations of fc6: non-negative matrix factorization" in page.text
    assert "60.0% to 80.0% (95%, over resampled clips), on 2 clips" in " ".join(page.text.split())
    assert "a data set that has been removed" in page.text
    assert "/tiny/fc6~0nmf4/3" in page.links
    assert page.form("Visualize all 4 units").fields["layer"] == "fc6~nmf4"
    assert "/tiny/fc6~0nmf4" in open_page("/tiny/fc6").links
    assert "4 directions" in open_page("/tiny").text
    add_dataset(store)
    assert "/-/datasets/little" in open_page("/tiny/fc6~0nmf4").links


def test_the_page_of_a_direction_shows_its_channels_and_asks_for_a_survey(store: Store, open_page: Open) -> None:
    add_dataset(store)
    open_page("/tiny")
    survey(store)
    add_dictionary(store, "fc6", "hands", 2, names=("left hand", "right hand"), method="file", measures=None)
    page = open_page("/tiny/fc6~0hands/1")
    assert "right hand" in page.text
    assert "Nearest channels" in page.text
    assert "/tiny/fc6/1" in page.links
    assert "This dictionary is newer than the network's survey" in page.text
    assert "What matters most" not in open_page("/tiny/fc6~0hands").text
    survey(store)
    layer = open_page("/tiny/fc6~0hands")
    assert "What matters most" in layer.text
    assert "walk -1.25" in " ".join(layer.text.split()).replace("−", "-"), "the logit falls by the effect"
    surveyed = open_page("/tiny/fc6~0hands/1")
    assert "Strongest clips" in surveyed.text
    assert "Classes it feeds" in surveyed.text
    assert "Not measured: it was brought in a file." in open_page("/tiny/fc6~0hands").text


def test_other_pages_take_dictionaries_for_layers(store: Store, open_page: Open) -> None:
    open_page("/tiny")
    add_dictionary(store, "fusion.conv2", "nmf4", 4)
    add_dataset(store)
    survey(store)
    for address in (
        "/tiny/-/units?layer=fusion.conv2~nmf4",
        "/tiny/-/units?q=nmf4",
        "/tiny/-/units?view=map",
        "/tiny/-/compare?u=fusion.conv2~nmf4/1&u=fusion.conv2/0",
        "/tiny/-/findings",
        "/tiny/-/classes/walk",
        "/tiny/-/confusions/walk/run",
        "/tiny/class/0",
    ):
        assert open_page(address).text
    assert "fusion.conv2~nmf4/1" in open_page("/tiny/-/compare?u=fusion.conv2~nmf4/1&u=fusion.conv2/0").text


def test_the_api_has_dictionaries_and_their_units(store: Store, client: TestClient) -> None:
    add_dictionary(store, "fc6", "nmf4", 4)
    [dictionary] = client.get("/api/networks/tiny/directions").json()
    assert (dictionary["layer"], dictionary["page"]) == ("fc6~nmf4", "/tiny/fc6~0nmf4")
    assert dictionary["measures"]["explained"] == {"value": 0.75, "low": 0.6, "high": 0.8}
    assert client.get(dictionary["href"]).json()["total"] == 4
    unit = client.get("/api/networks/tiny/layers/fc6~0nmf4/units/2").json()
    assert unit["unit"]["layer"] == "fc6~nmf4"
    layers = {layer["name"]: layer for layer in client.get("/api/networks/tiny").json()["layers"]}
    assert layers["fc6~nmf4"]["dictionary"]["base"] == "fc6"
    assert layers["fc6"]["dictionary"] is None
