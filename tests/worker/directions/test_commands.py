"""Dictionaries from the command to the store: learned, listed, visualized, surveyed, explained, removed."""

from pathlib import Path

import numpy as np
import pytest
import torch

from app.contract.unit_query import UnitQuery
from app.settings import settings
from app.store.catalog import dictionaries, networks, search
from app.store.database.engine import Store, open_store
from app.store.surveys import evidence
from tests.worker.conftest import Invoke
from tests.worker.directions.conftest import moving_texture
from worker.tasks.network_cache import NetworkCache
from worker.video.encode import write_video

LABELS = ("class 0", "class 1", "class 2")


@pytest.fixture
def tiny(invoke: Invoke, tiny_clip_weights: Path, tmp_path: Path) -> Invoke:
    """Return a runner of commands, with a network and a data set `videos` of nine clips."""
    for number in range(9):
        folder = tmp_path / "videos" / LABELS[number % 3]
        folder.mkdir(parents=True, exist_ok=True)
        write_video(folder / f"{number}.mp4", moving_texture(number)(8), fps=25)
    invoke("networks", "add", "tiny_clip", "--weights", tiny_clip_weights, "--slug", "tiny")
    invoke("datasets", "add", "videos", tmp_path / "videos")
    return invoke


def opened() -> Store:
    return open_store(settings().sqlalchemy_url)


LEARN = ("directions", "learn", "tiny", "conv2", "--dataset", "videos", "--size", "3")


def test_a_dictionary_is_a_layer_like_any_other(tiny: Invoke, tmp_path: Path) -> None:
    before = NetworkCache(opened(), torch.device("cpu"))
    before.load("tiny")
    output = tiny(*LEARN).output
    assert "Added conv2~nmf3 to tiny: 3 directions. Page: http://127.0.0.1:8000/tiny/conv2~0nmf3" in output
    assert "On 2 held-out clips they explain" in output
    with opened().session() as session:
        card = networks.get_card(session, slug="tiny")
        [known] = dictionaries.list_dictionaries(session, card=card)
    assert [layer.name for layer in card.layers][1:3] == ["conv2", "conv2~nmf3"]
    assert card.layers[-1].is_class
    assert (known.base, known.method, known.size, known.dataset) == ("conv2", "nmf", 3, "videos")
    assert known.measures is not None
    assert known.measures.explained.value > known.measures.random_explained
    assert known.measures.encoder_error is not None
    assert known.measures.encoder_error < 1e-3
    assert before.load("tiny").card == card, "a worker sees it without a restart"

    assert "conv2~nmf3" in tiny("visualize", "tiny", "conv2~nmf3", "0", "--set", "steps=2", "--out", tmp_path).output
    tiny("survey", "tiny", "videos")
    with opened().session() as session:
        unit = evidence.get_evidence(session, card=card, layer="conv2~nmf3", unit=1)
        listed = search.search_units(session, card=card, query=UnitQuery(layer="conv2~nmf3"))
        assert set(evidence.measure_by_layer(session, card=card, measure="a_hat")) == {
            layer.name for layer in card.own_layers
        }
    assert unit is not None
    assert len(unit.top_clips) == 9
    assert unit.class_attributions
    assert listed.total == 3
    assert [item.visualizations for item in listed.items] == [1, 0, 0]
    assert "conv2~nmf3" in tiny("explain", "tiny", tmp_path / "videos" / "class 0" / "0.mp4").output

    match = tiny("directions", "match", "tiny", "conv2~nmf3", "tiny", "conv2", "--dataset", "videos").output
    assert "Over 9 clips. With the clips permuted" in match
    row = tiny("directions", "list", "tiny").output
    assert "conv2~nmf3" in row
    assert "non-negative matrix factorization" in row
    assert "remove that one with its results first" in tiny(*LEARN, ok=False).output
    tiny("directions", "remove", "tiny", "conv2~nmf3", "--yes")
    with opened().session() as session:
        assert networks.get_card(session, slug="tiny").layers == networks.get_card(session, slug="tiny").own_layers
        assert networks.get_network(session, slug="tiny").visualizations == 0
        assert dictionaries.list_dictionaries(session) == []


REFUSED = (
    (("--method", "pca", "--size", "9"), "no more than 8 principal components"),
    (("--method", "sae", "--size", "4", "--active", "5"), "--active is how many of the 4 directions"),
    (("--name", "No/Name"), "cannot be the name of a dictionary"),
    (("--dataset", "nowhere"), "There is no data set 'nowhere'"),
    (("--size", "20000"), "1 to 16,384 directions, not 20,000"),
)


def test_what_cannot_be_learned_is_refused_in_words(tiny: Invoke) -> None:
    for arguments, words in REFUSED:
        assert words in tiny(*LEARN, *arguments, ok=False).output
    ask, rest = ("directions", "learn", "tiny"), ("--dataset", "videos")
    assert "There is no layer 'conv9'" in tiny(*ask, "conv9", *rest, ok=False).output
    assert "take a layer before it" in tiny(*ask, "class", *rest, ok=False).output
    assert "is a layer of tiny itself" in tiny("directions", "remove", "tiny", "conv2", "--yes", ok=False).output


def test_directions_of_a_file_are_added_beside_learned_ones(tiny: Invoke, tmp_path: Path) -> None:
    np.savez(tmp_path / "Hands 2.npz", directions=np.eye(8)[:2], names=np.array(["left", "right"]))
    tiny(*LEARN, "--method", "pca", "--size", "2")
    tiny(*LEARN, "--method", "kmeans")
    probe = tiny(*LEARN, "--method", "probe").output
    assert "Added conv2~probe-videos to tiny: 3 directions" in probe
    assert "On 3 held-out clips the probe is right in" in probe
    assert "linear probe of the classes" in tiny("directions", "list").output
    output = tiny("directions", "add", "tiny", "conv2", tmp_path / "Hands 2.npz").output
    assert "conv2~hands-2" in output
    tiny("directions", "remove", "tiny", "conv2~kmeans3", "--yes")
    tiny(*LEARN, "--method", "sae", "--size", "6", "--active", "2", "--steps", "20")
    with opened().session() as session:
        card = networks.get_card(session, slug="tiny")
        names = [layer.name for layer in card.layers]
        assert names[names.index("conv2") :][:5] == [
            "conv2",
            "conv2~pca2",
            "conv2~probe-videos",
            "conv2~hands-2",
            "conv2~sae6",
        ]
        assert card.layer("conv2~probe-videos").direction_name(2) == "class 2"
        assert card.layer("conv2~hands-2").direction_name(1) == "right"
        assert card.layer_at(card.layer("conv2~sae6").index).name == "conv2~sae6"
        units = search.search_units(session, card=card, query=UnitQuery())
        assert units.total == card.units
    network = NetworkCache(opened(), torch.device("cpu")).load("tiny")
    clip = {network.card.streams[0].name: torch.zeros(1, 3, 8, 32, 32)}
    code, base = network.activation("conv2~hands-2", clip), network.activation("conv2", clip).relu()
    assert torch.equal(code, base[:, :2])
