"""The worker's commands as a person types them, on a database of their own."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import Result
from PIL import Image

from app.contract.errors import InvalidRecipe
from app.settings import settings
from app.store.catalog import networks
from app.store.database.engine import open_store
from worker.cli import visualize
from worker.cli.run import register_from_settings

Invoke = Callable[..., Result]


@pytest.fixture
def tiny(invoke: Invoke, tiny_two_stream_weights: Path) -> Invoke:
    invoke("networks", "add", "tiny_two_stream", "--weights", tiny_two_stream_weights, "--slug", "tiny")
    return invoke


def test_a_network_is_added_listed_checked_and_removed(tiny: Invoke) -> None:
    assert "tiny_two_stream" in tiny("networks", "list").output
    assert "as registered" in tiny("networks", "check", "tiny").output
    tiny("networks", "remove", "tiny", "--yes")
    assert "tiny_two_stream" not in tiny("networks", "list").output


def test_families_are_listed(invoke: Invoke) -> None:
    output = invoke("networks", "families").output
    assert "i3d" in output
    assert "vgg16_two_stream" in output


def test_visualize_writes_pictures_and_uses_the_cache_the_second_time(tiny: Invoke, tmp_path: Path) -> None:
    ask = ("visualize", "tiny", "class", "jump", "3", "--set", "steps=4", "--out", tmp_path / "out")
    first = tiny(*ask).output
    folders = sorted((tmp_path / "out" / "tiny" / "class").glob("*/*"))
    assert [folder.parent.name for folder in folders] == ["0", "3"]
    for folder in folders:
        with Image.open(folder / "poster.webp") as poster, np.load(folder / "raw.npz", allow_pickle=False) as raw:
            assert poster.format == "WEBP"
            assert set(raw) == {"appearance", "motion"}
        assert json.loads((folder / "visualization.json").read_text())["recipe"]["steps"] == 4
    assert first.count("activation") == tiny(*ask).output.count("activation") == 2
    with open_store(settings().sqlalchemy_url).session() as session:
        assert networks.get_network(session, slug="tiny").visualizations == 2


def test_a_sweep_visualizes_every_unit_and_continues_where_it_was(tiny: Invoke, tmp_path: Path) -> None:
    ask = ("--set", "steps=1", "--set", "objective=center", "--out", tmp_path / "out")
    assert "units a minute" in tiny("visualize", "tiny", "fc6", "--all", *ask).output
    with open_store(settings().sqlalchemy_url).session() as session:
        card = networks.get_card(session, slug="tiny")
        assert networks.get_network(session, slug="tiny").visualizations == card.layer("fc6").units
    output = tiny("visualize", "tiny", "--all", *ask).output
    made = card.units - card.layer("fc6").units  # the others are in the cache
    assert f"{made}/{made}" in output
    assert len(list((tmp_path / "out").rglob("visualization.json"))) == card.units


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("visualize", "tiny"), "Name the units, or give --all"),
        (("visualize", "tiny", "class", "0", "--all"), "Name the units, or give --all"),
        (("visualize", "tyni", "class", "0"), "There is no network 'tyni'. Near: tiny."),
        (("visualize", "tiny", "fusion.conv9", "0"), "Near: fusion.conv5"),
        (("visualize", "tiny", "class", "5"), "its 5 units are 0 to 4"),
        (("visualize", "tiny", "class", "jumping"), "Near: jump"),
        (("visualize", "tiny", "class", "0", "--set", "stepz=3"), "no field 'stepz'. Near: steps"),
        (("visualize", "tiny", "class", "0", "--set", "steps=0"), "steps: Input should be greater than or equal to 1"),
        (("networks", "add", "i4d", "--weights", "none"), "i3d"),
        (("networks", "remove", "none"), "There is no network 'none'"),
    ],
)
def test_bad_input_is_reported_without_a_traceback(tiny: Invoke, arguments: tuple[str, ...], words: str) -> None:
    result = tiny(*arguments, ok=False)
    assert words in result.output
    assert "Traceback" not in result.output


def test_bad_weights_register_nothing(invoke: Invoke, tiny_two_stream_weights: Path, tmp_path: Path) -> None:
    add = ("networks", "add", "tiny_two_stream", "--weights")
    assert "checksum_mismatch" in invoke(*add, tiny_two_stream_weights, "--checksum", "0" * 64, ok=False).output
    cut = tmp_path / "cut.safetensors"
    cut.write_bytes(tiny_two_stream_weights.read_bytes()[:-100])
    assert "weights_unreadable" in invoke(*add, cut, ok=False).output
    with open_store(settings().sqlalchemy_url).session() as session:
        assert networks.list_networks(session) == []


def test_a_unit_without_a_number_or_a_class_layer(tiny: Invoke) -> None:
    assert "There is no class 'jump'" in tiny("visualize", "tiny", "fc6", "jump", ok=False).output


def test_networks_of_the_settings_are_registered_once_and_a_bad_one_spares_the_rest(
    invoke: Invoke,
    tiny_two_stream_weights: Path,
    tiny_clip_weights: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    entries = (
        f"tiny_two_stream:{tiny_two_stream_weights}",
        "i3d:/nowhere.pt",
        "a:b:c:d",
        f"tiny_clip:{tiny_clip_weights}",
    )
    wanted = ", ".join(entries)
    monkeypatch.setenv("KINETOSCOPE_NETWORKS", wanted)
    settings.cache_clear()
    store = open_store(settings().sqlalchemy_url)
    for _ in range(2):
        register_from_settings(store)
    with store.session() as session:
        slugs = [network.card.slug for network in networks.list_networks(session)]
    assert slugs == ["tiny_two_stream", "tiny_clip"]
    assert "nowhere.pt" in caplog.text
    assert "'a:b:c:d' is not `family:weights`" in caplog.text
    store.close()


def test_a_recipe_from_the_command_line_is_the_same_recipe() -> None:
    recipe = visualize.parse_recipe(["speed=fast", "seed=3", "steps=9"])
    assert (recipe.speed, recipe.seed, recipe.steps) == ("fast", 3, 9)


def test_the_command_line_takes_old_names_of_recipe_fields() -> None:
    assert visualize.parse_recipe(["forget=.3", "nature=2"]) == visualize.parse_recipe(
        ["weight_decay=.3", "bn_prior=2"]
    )
    with pytest.raises(InvalidRecipe, match="`forget` is the old name of `weight_decay`"):
        visualize.parse_recipe(["forget=.3", "weight_decay=.2"])
