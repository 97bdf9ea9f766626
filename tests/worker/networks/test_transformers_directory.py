"""Networks of the library transformers, from the directory that it saved to everything that is shown of a network."""

import json
import sys
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch
from torch import Tensor

from app.contract.errors import InvalidRequest, WeightsMismatch, WeightsUnreadable
from app.contract.network import Extent, StreamName
from app.contract.recipe import Recipe
from benchmarks.architectures.video_transformers import KINDS, LABELS, open_original, pixel_values, save
from tests.worker.conftest import Invoke
from worker.evidence.explain import explain
from worker.maximize.from_recipe import Visualization, maximize_units
from worker.networks.load import load_network, read_network
from worker.networks.network import Network
from worker.networks.preprocessing import clip_format, make_inputs
from worker.survey.prefetch import Sample
from worker.survey.run import SurveyRun

GRIDS = {"videomae": (2, 4, 4), "timesformer": (4, 4, 4), "vivit": (2, 4, 4), "vjepa2": (2, 4, 4)}
CLIP = np.random.default_rng(5).integers(0, 255, (4, 32, 32, 3)).astype(np.uint8)


@pytest.fixture(scope="module", params=sorted(KINDS))
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def folder(kind: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save(kind, tmp_path_factory.mktemp(kind) / f"Tiny {kind}", shards=kind == "videomae")


@pytest.fixture(scope="module")
def network(folder: Path) -> Network:
    card, data = read_network(family=str(folder))
    return load_network(card, data)


def standard(clip: np.ndarray[Any, Any]) -> dict[StreamName, Tensor]:
    values = torch.from_numpy(clip).float() / 127.5 - 1
    return {StreamName.CLIP: values.permute(3, 0, 1, 2)[None]}


def rolled(by: int, count: int) -> np.ndarray[Any, Any]:
    return np.roll(CLIP, by, 1)


def test_the_card(kind: str, network: Network) -> None:
    card = network.card
    assert (card.family, card.slug, card.classes) == (kind, f"tiny-{kind}", LABELS)
    assert [(s.name, s.frames, s.height, s.width) for s in card.streams] == [(StreamName.CLIP, 4, 32, 32)]
    assert clip_format(card).size == {"videomae": (32, 32), "timesformer": (32, 32)}.get(kind, (36, 36))
    t, h, w = GRIDS[kind]
    names = [layer.name for layer in card.layers]
    expected = ["blocks.1.temporal_heads", "blocks.1.temporal_attention"] * (kind == "timesformer")
    expected += ["blocks.1.heads", "blocks.1.attention", "blocks.1.mlp", "blocks.1"]
    expected += ["blocks.1.class_token"] * (kind in ("timesformer", "vivit"))
    assert [name for name in names if name.startswith("blocks.1")] == expected
    assert (names[0], names[-1]) == ("patch_embedding", "class")
    assert {card.layer(name).map for name in ("patch_embedding", "blocks.0", "blocks.2.mlp")} == {
        Extent(frames=t, height=h, width=w)
    }
    assert (card.layer("blocks.2").units, card.layer("blocks.2.mlp").units) == (24, 48 if kind == "vjepa2" else 40)
    assert card.sees_everything(card.layer("blocks.0"))
    assert card.layer("patch_embedding").lengths == card.layer("blocks.2").lengths == ((4, 4),)
    assert card.layer("blocks.2").sizes == ((32, 32),), "positions are learned"
    assert card.omitted


def test_logits_and_the_residual_stream_are_those_of_the_library(kind: str, folder: Path, network: Network) -> None:
    model = open_original(kind, folder)
    with torch.no_grad():
        expected = model(**pixel_values(kind, torch.from_numpy(CLIP)), output_hidden_states=True)
    assert (network.logits(standard(CLIP)) - expected.logits).abs().max() < 1e-4
    assert expected.logits.std() > 0.01
    tokens = expected.hidden_states[2][0, kind in ("timesformer", "vivit") :]  # after the second block
    t, h, w = GRIDS[kind]
    maps = tokens.unflatten(0, (h, w, t)).permute(3, 2, 0, 1) if kind == "timesformer" else None
    maps = tokens.unflatten(0, (t, h, w)).permute(3, 0, 1, 2) if maps is None else maps
    torch.testing.assert_close(network.activation("blocks.1", standard(CLIP))[0].detach(), maps, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("objective", ["channel", "center"])
def test_a_unit_of_a_middle_layer_is_visualized(network: Network, objective: str) -> None:
    recipe = Recipe(steps=8, jitter=0, objective=objective)
    results = maximize_units(network, "blocks.1", [3, 5], [recipe, recipe])
    for result in results:
        assert isinstance(result.outcome, Visualization), result.outcome
        assert result.outcome.measurements.objective > result.outcome.measurements.trace[0]
        assert result.outcome.stimulus[StreamName.CLIP].shape == (3, 4, 32, 32)
        values = network.activation(
            "blocks.1", {StreamName.CLIP: torch.from_numpy(result.outcome.stimulus[StreamName.CLIP])[None]}
        )
        unit = values[0, result.unit].detach()
        shown = unit.amax() if objective == "channel" else unit[unit.shape[0] // 2, 2, 2]
        assert result.outcome.measurements.activation == pytest.approx(float(shown), rel=1e-3)


def test_a_survey_and_an_explained_clip(network: Network, tmp_path: Path) -> None:
    samples = [Sample(f"clip {n}", LABELS[n], partial(rolled, 5 * n)) for n in range(2)]
    survey = SurveyRun(network, "two", samples, tmp_path, probed_layers=()).run()
    evidence = {(unit.layer, unit.unit): unit for unit in survey.units}
    peak = network.activation("blocks.1.mlp", make_inputs(network.card, CLIP))[0].amax((1, 2, 3))
    unit = int(peak.argmax())
    top = {clip.clip: clip.activation for clip in evidence["blocks.1.mlp", unit].top_clips}
    assert top["clip 0"] == pytest.approx(float(peak[unit]), abs=1e-4)
    actual = explain(network, standard(CLIP))
    for layer in actual.predicted.layers:
        shares = sum(unit.share for unit in layer.units) + layer.others + layer.rest
        assert shares == pytest.approx(actual.predicted.logit, abs=1e-4)
    assert actual.predicted.layers[0].units[0].effect


def test_a_directory_is_added_and_a_worker_builds_it_from_the_database(kind: str, folder: Path, invoke: Invoke) -> None:
    output = invoke("networks", "add", folder, "--title", "Tiny").output
    assert f"Registered tiny-{kind}: " in output
    assert "Not shown: " in output
    assert "weights and layers are as registered" in invoke("networks", "check", f"tiny-{kind}").output


def test_the_same_directory_gives_the_same_bytes(folder: Path) -> None:
    assert read_network(family=str(folder))[0].checksum == read_network(family=str(folder))[0].checksum


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    return save("videomae", tmp_path / "net")


def change(folder: Path, **changes: Any) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"auto_map": {"AutoModel": "code.Model"}}, "not run here"),
        ({"model_type": "videomea"}, "Known are videomae"),
        ({"model_type": None, "architectures": None}, "model_type"),
        ({"architectures": ["VideoMAEForDetection"]}, "known are VideoMAEForVideoClassification, VideoMAEModel"),
        ({"quantization_config": {"load_in_8bit": True}}, "quantised"),
        ({"id2label": {"0": "hop", "1": "skip", "3": "jump"}}, "`--labels`"),
        ({"id2label": {"0": "hop", "1": "skip", "2": "skip"}}, "`--labels`"),
        ({"hidden_size": 10**7}, "no network of this kind has such sizes"),
        ({"num_frames": 10**7}, "no network of this kind has such sizes"),
        ({"hidden_size": "many"}, "refuses the network's config.json"),
    ],
)
def test_a_config_that_is_not_opened_says_why(broken: Path, changes: dict[str, Any], words: str) -> None:
    change(broken, **changes)
    with pytest.raises(InvalidRequest, match=words):
        read_network(family=str(broken))


def test_files_that_are_missing_or_wrong_are_named(broken: Path, tmp_path: Path) -> None:
    labels = tmp_path / "labels.txt"
    labels.write_text("one\ntwo\n")
    with pytest.raises(WeightsMismatch, match="3 classes, but there are 2 labels"):
        read_network(family=str(broken), labels=labels)
    change(broken, num_hidden_layers=30)
    with pytest.raises(WeightsMismatch, match="describes a network of"):
        read_network(family=str(broken))
    change(broken, num_hidden_layers=3)
    weights = broken / "model.safetensors"
    state = safetensors.torch.load_file(weights)
    safetensors.torch.save_file({name: t for name, t in state.items() if "layer.1.output" not in name}, weights)
    with pytest.raises(WeightsMismatch, match=r"missing: 2 \(videomae\.encoder\.layer\.1\.output\.dense\.bias"):
        read_network(family=str(broken))
    weights.rename(broken / "pytorch_model.bin")
    with pytest.raises(WeightsUnreadable, match="is a pickle"):
        read_network(family=str(broken))
    (broken / "preprocessor_config.json").unlink()
    with pytest.raises(InvalidRequest, match="lacks the processor's config"):
        read_network(family=str(broken))
    (broken / "config.json").unlink()
    with pytest.raises(InvalidRequest, match=r"config\.json cannot be read"):
        read_network(family=str(broken))


def test_without_the_library_the_error_says_what_to_install(broken: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(InvalidRequest, match=r"install -e '\.\[hub\]'"):
        read_network(family=str(broken))


def test_a_hub_id_a_file_and_a_family_without_weights_say_what_to_do(broken: Path) -> None:
    weights = broken / "model.safetensors"
    with pytest.raises(InvalidRequest, match=f"networks add FAMILY --weights {weights}"):
        read_network(family=str(weights))
    with pytest.raises(InvalidRequest, match="hf download lab/net --local-dir net"):
        read_network(family="lab/net")
    with pytest.raises(InvalidRequest, match="networks add i3d --weights FILE"):
        read_network(family="i3d")
