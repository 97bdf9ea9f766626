from fastapi.testclient import TestClient

from app.contract.network import Extent, NetworkCard, OmittedModule
from app.store.catalog import networks, thumbnails
from app.store.database.engine import Store
from app.web.charts.architecture import stream_columns
from tests.support import add_card, claim, enqueue, finish, two_stream_card
from tests.web.conftest import ORIGIN, clip_card
from tests.web.views.conftest import Make, Open, poster


def test_without_a_network_the_page_says_the_command(visitor: TestClient, store: Store) -> None:
    with store.transaction() as session:
        for slug in ("tiny", "clips"):
            networks.remove_network(session, slug=slug)
    assert "kinetoscope-worker networks add i3d --weights PATH --labels PATH" in visitor.get("/").text


ADD = "Add a real network: Kinetics-400, 400 classes, 47 MB"


def test_a_real_network_is_one_button_away(visitor: TestClient, open_page: Open, store: Store) -> None:
    form = open_page("/").form(ADD)
    answer = visitor.post(form.action, data=form.fields)
    assert answer.status_code == 303
    assert visitor.post(form.action, data=form.fields).headers["location"] == answer.headers["location"]
    page = open_page(answer.headers["location"])
    assert "Add the network i3d" in page.text
    assert "/i3d" not in page.links, "there is no such network yet"
    assert "Add the network i3d" in open_page("/-/jobs").text
    home = open_page("/")
    assert all(ADD not in form.button_text for form in home.forms)
    assert "It is being added" in home.text
    assert "No worker is running" in home.text
    assert home.all("auto-refresh")[0]["kind"] == "add_network"
    visitor.post(home.form("Cancel").action)
    assert "Cancelled" in open_page(answer.headers["location"]).text
    assert open_page("/").form(ADD)


def test_a_network_that_is_there_is_not_offered(visitor: TestClient, open_page: Open, store: Store) -> None:
    form = open_page("/").form(ADD)
    add_card(store, two_stream_card("i3d"))
    assert all(ADD not in form.button_text for form in open_page("/").forms)
    assert "already registered" in visitor.post(form.action, data=form.fields).text
    assert (
        "There is no published network &#39;i4d&#39;. Near: i3d."
        in visitor.post(form.action, data={"source": "i4d"}).text
    )
    assert visitor.post(form.action).status_code == 422


def test_networks_show_their_latest_pictures(open_page: Open, make: Make) -> None:
    made = make()
    page = open_page("/")
    assert {"/tiny", "/clips"} <= set(page.links)
    assert "1 visualization" in page.text
    [still] = page.all("source")
    assert still["srcset"] == f"/-/media/{poster(made)}.webp"
    assert page.form("Find").action == "/tiny/-/units"


def test_the_first_page_shows_classes_rather_than_what_is_newest(open_page: Open, make: Make, store: Store) -> None:
    made = make()
    enqueue(store, 0, layer="fc6")
    assert finish(store, claim(store)[0]) is not None
    [still] = open_page("/").all("source")
    assert still["srcset"] == f"/-/media/{poster(made)}.webp"


def test_two_streams_are_two_towers_under_their_fusion(
    open_page: Open, store: Store, network: NetworkCard, make: Make
) -> None:
    make(2)
    with store.session() as session:
        layers = networks.layer_summaries(session, card=network)
        main, *others = stream_columns(network, layers, thumbnails.layer_thumbnails(session, card=network, limit=4))
    assert main.stream == "fusion"
    assert [each.summary.layer.name for each in main.layers] == ["class", "fc6", "fusion.conv2"]
    assert [unit.index for unit in main.layers[0].thumbnails] == [2]
    assert [each.stream for each in others] == ["appearance", "motion"]
    assert [stream.frames for each in others for stream in each.inputs] == [1, 3]
    page = open_page("/tiny")
    assert len(page.all("section", class_="stream-column")) == 3
    assert "sees 9 × 9 px in 3 frames" in page.text
    assert "/tiny/class/2" in page.links, "a layer's pictures lead to their units"


def test_what_sees_everything_and_what_is_not_shown_is_said(
    open_page: Open, visitor: TestClient, store: Store, network: NetworkCard
) -> None:
    card = clip_card("tokens")
    whole = Extent(frames=8, height=32, width=32)
    layers = (card.layers[0], *(layer.model_copy(update={"receptive_field": whole}) for layer in card.layers[1:]))
    omitted = (
        OmittedModule(module="blocks.*.query", reason="mixes positions"),
        OmittedModule(module="tokens", reason="has no map", shape=(2, 12, 6)),
    )
    add_card(store, card.model_copy(update={"layers": layers, "omitted": omitted}))
    page = open_page("/tokens")
    assert (page.text.count("sees the whole clip"), page.text.count("sees 15 × 15 px in 7 frames")) == (2, 1)
    assert len(page.all("svg", class_="receptive-field-icon")) == 1
    assert {"blocks.*.query", "mixes positions"} <= set(map(str.strip, page.text.split("\n")))
    assert "sees the whole clip" in open_page("/tokens/Mixed_4f").text
    assert "sees the whole clip" in open_page("/tokens/Mixed_4f/3").text
    body = visitor.get("/api/networks/tokens").json()
    assert "has no map; it gives 2 × 12 × 6 for a batch of two clips" in page.text
    assert body["omitted"] == [
        {"module": "blocks.*.query", "reason": "mixes positions", "shape": []},
        {"module": "tokens", "reason": "has no map", "shape": [2, 12, 6]},
    ]


def test_a_clip_network_is_one_tower(open_page: Open) -> None:
    page = open_page("/clips")
    assert len(page.all("section", class_="stream-column")) == 1
    assert "/clips/Mixed_4f" in page.links


def test_links_unfold_with_title_sentence_and_picture(open_page: Open, make: Make) -> None:
    made = make()
    page = open_page("/tiny")
    meta = {each["property"]: each["content"] for each in page.all("meta") if "property" in each}
    assert meta["og:title"] == "Two-stream tiny"
    assert meta["og:url"] == f"{ORIGIN}/tiny"
    assert meta["og:image"] == f"{ORIGIN}/-/media/{poster(made)}.webp"
