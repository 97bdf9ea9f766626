"""Two-stream networks of MatConvNet, from the .mat file to everything that is shown of a network."""

import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from app.contract.network import Extent, StreamName
from app.contract.recipe import Recipe
from benchmarks.architectures.case import SavedNetwork
from benchmarks.architectures.matconvnet import CLASSES, resnet50, save, vgg16
from tests.worker.conftest import Invoke
from worker.evidence.explain import explain
from worker.maximize.from_recipe import Visualization, maximize_units
from worker.networks.load import load_network, read_network
from worker.networks.network import Network
from worker.networks.preprocessing import clip_format, make_inputs
from worker.networks.stored_config import read_stored_config
from worker.survey.prefetch import Sample
from worker.survey.run import SurveyRun

MAKERS = {"vgg16": partial(vgg16, has_time=False), "resnet50": partial(resnet50, has_time=False)}
LAYERS = {  # of appearance, of motion and of the fusion
    "vgg16": ("conv3_2_spatial", "conv3_2_temporal", "conv_fusion_1"),
    "resnet50": ("res3a_spatial", "res3a_temporal", "conv_fusion_1"),
}


@pytest.fixture(scope="module", params=sorted(MAKERS))
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def saved(kind: str, tmp_path_factory: pytest.TempPathFactory) -> SavedNetwork:
    return save(MAKERS[kind], tmp_path_factory.mktemp(kind) / "ucf101-split1")


@pytest.fixture(scope="module")
def read(saved: SavedNetwork) -> tuple[Any, bytes]:
    return read_network(family=str(saved.source))


@pytest.fixture(scope="module")
def network(read: tuple[Any, bytes]) -> Network:
    return load_network(*read)


@pytest.fixture(scope="module")
def clip() -> np.ndarray[Any, Any]:
    """Return a pattern that moves by two pixels a frame, (T, H, W, 3)."""
    picture = np.random.default_rng(6).integers(0, 255, (40, 40, 3)).repeat(4, 0).repeat(4, 1).astype(np.uint8)
    return np.stack([np.roll(picture, 2 * frame, 1) for frame in range(11)])


def test_the_card(kind: str, network: Network) -> None:
    card = network.card
    size = 64 if kind == "vgg16" else 48
    assert (card.family, card.slug, card.classes) == ("matconvnet", "net", CLASSES)
    assert [(s.name, s.frames, s.height) for s in card.streams] == [
        (StreamName.APPEARANCE, 1, size),
        (StreamName.MOTION, 10, size),
    ]
    assert clip_format(card).frames == 11
    assert card.short_side == size + 8
    assert [card.layer(name).stream for name in LAYERS[kind]] == ["appearance", "motion", "fusion"]
    layer = card.layer("conv3_1_spatial" if kind == "vgg16" else "res3a_branch2b_spatial")
    assert layer.map == Extent(frames=1, height=16 if kind == "vgg16" else 6, width=16 if kind == "vgg16" else 6)
    assert layer.receptive_field.height == (24 if kind == "vgg16" else 35)
    assert not any(name.endswith("_concat") for name in {layer.name for layer in card.layers})
    omitted = {part.module: part.reason for part in card.omitted}
    assert omitted["prediction_temporal"] == "another prediction; classes are those of prediction_spatial"
    assert any(name.endswith("_concat") for name in omitted)
    for words in (
        "The file has 2 predictions: classes are those of prediction_spatial, not of prediction_temporal.",
        "RGB from 0 to 255 less 123.7, 116.8, 103.9.",
        "Flow: L = 10 fields, channels taken as u1 v1 u2 v2 ..., less 128.",
        "Flow enters at 6.375 a pixel.",
    ):
        assert words in card.summary
    assert card.normalised is (kind == "resnet50")


def test_sums_are_layers_read_before_their_relu(network: Network, kind: str) -> None:
    if kind == "vgg16":
        assert network.points["conv1_1_spatial"].rectified
        return
    assert network.points["res3a_spatial"].rectified
    assert not network.points["res3a_branch2c_spatial"].rectified, "a normalisation and the sum follow it"
    assert network.points["res3a_branch2b_spatial"].rectified


def test_units_of_each_stream_of_the_fusion_and_a_class_are_visualized(kind: str, network: Network) -> None:
    both = ["appearance", "motion"]
    for layer, streams in zip((*LAYERS[kind], "class"), (["appearance"], ["motion"], both, both), strict=True):
        (result,) = maximize_units(network, layer, [2], [Recipe(steps=3, jitter=0)])
        assert isinstance(result.outcome, Visualization), result.outcome
        assert sorted(result.outcome.stimulus) == streams
        shapes = {name: values.shape for name, values in result.outcome.stimulus.items()}
        height = network.card.streams[0].height
        assert all(shape[-1] == height and len(shape) == 4 for shape in shapes.values()), shapes


def test_a_survey_with_flow_and_an_explained_clip(
    kind: str, network: Network, clip: np.ndarray[Any, Any], tmp_path: Path
) -> None:
    def turned(by: int, count: int) -> np.ndarray[Any, Any]:
        return np.rot90(clip, by, (1, 2))

    samples = [Sample(f"clip {n}", CLASSES[n], partial(turned, n)) for n in range(2)]
    survey = SurveyRun(network, "two", samples, tmp_path, probed_layers=()).run()
    evidence = {(unit.layer, unit.unit): unit for unit in survey.units}
    inputs = make_inputs(network.card, clip)
    assert inputs[StreamName.MOTION][0, ::2].mean() * 20 == pytest.approx(
        2 * network.card.streams[0].height / 160, abs=0.6
    )
    for layer in LAYERS[kind]:
        peaks = network.activation(layer, inputs)[0].amax((1, 2, 3)).detach()
        unit = int(peaks.argmax())
        top = {each.clip: each.activation for each in evidence[layer, unit].top_clips}
        assert top["clip 0"] == pytest.approx(float(peaks[unit]), rel=1e-3, abs=1e-3)
    actual = explain(network, inputs)
    for each in actual.predicted.layers:
        shares = sum(unit.share for unit in each.units) + each.others + each.rest
        assert shares == pytest.approx(actual.predicted.logit, abs=1e-3)
    assert {each.layer for each in actual.predicted.layers} & set(LAYERS[kind])


@pytest.mark.parametrize("kind", ["vgg16"], indirect=True)
def test_a_file_is_added_and_a_worker_builds_it_from_the_database(saved: SavedNetwork, invoke: Invoke) -> None:
    output = invoke("networks", "add", saved.source, "--slug", "fused").output
    assert "Registered fused: " in output
    assert "Not shown: prediction_temporal: another prediction" in output
    assert "weights and layers are as registered" in invoke("networks", "check", "fused").output


@pytest.mark.parametrize("kind", ["vgg16"], indirect=True)
def test_stored_weights_carry_the_graph_and_are_the_same_each_time(
    saved: SavedNetwork, read: tuple[Any, bytes]
) -> None:
    config = json.loads(read_stored_config(read[1]) or "")
    assert (config["classes"], config["flow_scale"], config["frames"]) == (5, 6.375, None)
    again, _ = read_network(family="matconvnet", weights=saved.source, flow_scale=6.375)
    assert again.checksum == read[0].checksum


@pytest.mark.parametrize("kind", ["vgg16"], indirect=True)
def test_another_flow_scale_is_another_network(saved: SavedNetwork, read: tuple[Any, bytes], network: Network) -> None:
    card, data = read_network(family=str(saved.source), flow_scale=12.75)
    faster = load_network(card, data)
    inputs = {
        StreamName.APPEARANCE: torch.zeros(1, 3, *_size(network)),
        StreamName.MOTION: torch.full((1, 20, *_size(network)), 0.4),
    }
    halved = inputs | {StreamName.MOTION: torch.full((1, 20, *_size(network)), 0.2)}
    torch.testing.assert_close(faster.logits(halved), network.logits(inputs), atol=1e-4, rtol=1e-4)
    assert card.checksum != read[0].checksum
    assert "Flow enters at 12.75 a pixel." in card.summary


def _size(network: Network) -> Sequence[int]:
    return (network.card.streams[0].height, network.card.streams[0].width)
