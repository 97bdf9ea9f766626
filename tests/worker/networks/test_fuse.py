"""Two checkpoints, of RGB and of optical flow, as one network with two streams."""

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from app.contract.errors import InvalidRequest, WeightsMismatch
from app.contract.network import CLASS_LAYER, Extent, StreamName
from app.contract.recipe import Recipe
from benchmarks.architectures.mmaction import LABELS, NETWORKS, flow_pixels, make, rgb_pixels, save
from benchmarks.architectures.mmaction_networks import Kind, Recognizer, conv2d
from tests.worker.conftest import Invoke
from worker.evidence.explain import explain
from worker.maximize.from_recipe import Visualization, maximize_units
from worker.networks.fuse import read_fused
from worker.networks.load import load_network, read_network
from worker.networks.network import Network
from worker.networks.preprocessing import clip_format, make_inputs
from worker.survey.prefetch import Sample
from worker.survey.run import SurveyRun

RGB = replace(NETWORKS["TSN"], build=partial(Recognizer, Kind(conv2d, width=8)))
FLOW = replace(NETWORKS["TSN flow"], build=partial(Recognizer, Kind(conv2d, inputs=10, width=8)))
CLIP = np.random.default_rng(5).integers(0, 255, (12, 72, 72, 3)).astype(np.uint8)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("two")
    save(RGB, folder / "tsn_rgb.pth")
    save(FLOW, folder / "tsn_flow.pth")
    return folder


@pytest.fixture(scope="module")
def network(folder: Path) -> Network:
    return load_network(*read_fused(source=folder / "tsn_rgb.pth", motion=folder / "tsn_flow.pth", motion_weight=1.5))


def rolled(by: int, count: int) -> np.ndarray[Any, Any]:
    return np.roll(CLIP, by, 1)


def test_the_card_has_two_streams(network: Network) -> None:
    card = network.card
    assert (card.slug, card.title, card.classes) == ("tsn_rgb-two-stream", "TSN, two streams", LABELS)
    assert [(s.name, s.frames) for s in card.streams] == [(StreamName.APPEARANCE, 1), (StreamName.MOTION, 5)]
    layers = {layer.name: layer for layer in card.layers}
    assert (layers["appearance.layer1.0"].stream, layers["motion.layer1.0"].stream) == ("appearance", "motion")
    assert layers["motion.conv1"].receptive_field == Extent(frames=5, height=7, width=7)
    assert layers[CLASS_LAYER].stream == "fusion"
    assert "averaged, 1 : 1.5. Appearance: MMAction2's TSN on one frame of 32 x 32 px" in card.summary
    assert "Motion: MMAction2's TSN on 5 flow fields" in card.summary
    assert "0 to 255 for -20 px to 20 px; mean 128, deviation 128." in card.summary
    assert [part.module for part in card.omitted] == [
        f"{name}.layer*.0.downsample" for name in ("appearance", "motion")
    ]


def test_scores_are_averaged_by_their_weights(network: Network) -> None:
    inputs = make_inputs(network.card, CLIP)
    assert inputs[StreamName.MOTION].shape == (1, 10, 32, 32)
    appearance = make(RGB)(rgb_pixels(inputs[StreamName.APPEARANCE])[:, None])
    motion = make(FLOW)(flow_pixels(inputs[StreamName.MOTION])[:, None])
    torch.testing.assert_close(network.logits(inputs), (appearance + 1.5 * motion) / 2.5, atol=1e-4, rtol=0)


@pytest.mark.parametrize(("layer", "stream"), [("motion.layer1.0", StreamName.MOTION), (CLASS_LAYER, None)])
def test_a_unit_and_a_class_are_visualized(network: Network, layer: str, stream: StreamName | None) -> None:
    (result,) = maximize_units(network, layer, [1], [Recipe(steps=8, jitter=0, bn_prior=0)])
    assert isinstance(result.outcome, Visualization), result.outcome
    assert result.outcome.measurements.objective > result.outcome.measurements.trace[0]
    assert set(result.outcome.stimulus) == ({stream} if stream else {StreamName.APPEARANCE, StreamName.MOTION})


def test_a_survey_and_an_explained_clip(network: Network, tmp_path: Path) -> None:
    size = clip_format(network.card).size
    assert min(size) >= 36
    samples = [Sample(f"clip {n}", LABELS[n], partial(rolled, 5 * n)) for n in range(2)]
    survey = SurveyRun(network, "two", samples, tmp_path, threads=1).run()
    assert not any(each.applies for each in survey.facts.omitted)
    inputs = make_inputs(network.card, CLIP)
    peak = network.activation("motion.layer2.0", inputs)[0].relu().amax((1, 2, 3))
    unit = int(peak.argmax())
    (evidence,) = (each for each in survey.units if (each.layer, each.unit) == ("motion.layer2.0", unit))
    assert {clip.clip: clip.activation for clip in evidence.top_clips}["clip 0"] == pytest.approx(
        float(peak[unit]), abs=1e-4
    )
    actual = explain(network, inputs)
    for layer in actual.predicted.layers:
        shares = sum(unit.share for unit in layer.units) + layer.others + layer.rest
        assert shares == pytest.approx(actual.predicted.logit, abs=1e-4)


def test_two_files_are_added_and_a_worker_builds_them_from_the_database(folder: Path, invoke: Invoke) -> None:
    files = (folder / "tsn_rgb.pth", "--motion", folder / "tsn_flow.pth")
    assert "Registered two: " in invoke("networks", "add", *files, "--slug", "two").output
    assert "weights and layers are as registered" in invoke("networks", "check", "two").output


def test_the_flow_network_alone(folder: Path) -> None:
    card, _ = read_network(family=str(folder / "tsn_flow.pth"))
    assert [(stream.name, stream.frames) for stream in card.streams] == [(StreamName.MOTION, 5)]
    assert {layer.stream for layer in card.layers} == {"motion"}


def test_networks_that_do_not_fit_each_other(folder: Path, tmp_path: Path) -> None:
    rgb, flow, other = folder / "tsn_rgb.pth", folder / "tsn_flow.pth", tmp_path / "other.pth"
    with pytest.raises(InvalidRequest, match=r"tsn_flow\.pth is a network of optical flow: give that of RGB first"):
        read_fused(source=flow, motion=flow)
    with pytest.raises(InvalidRequest, match=r"tsn_rgb\.pth is a network of appearance: --motion takes one of optical"):
        read_fused(source=rgb, motion=rgb)
    with pytest.raises(InvalidRequest, match="The weight of the motion stream is 0: give a number above 0"):
        read_fused(source=rgb, motion=flow, motion_weight=0)
    save(FLOW, other, cfg=FLOW.config.replace("crop_size=32", "crop_size=48"))
    with pytest.raises(InvalidRequest, match=r"takes 32 x 32 px and .* 48 x 48: both must see the same part"):
        read_fused(source=rgb, motion=other)
    save(FLOW, other, dataset_meta={"classes": ["hop", "run", "jump"]})
    with pytest.raises(
        InvalidRequest, match=r"Output 1 is 'skip' in the one network and 'run' in the other: .*--labels"
    ):
        read_fused(source=rgb, motion=other)
    labels = tmp_path / "labels.txt"
    labels.write_text("\n".join(LABELS))
    assert read_fused(source=rgb, motion=other, labels=labels)[0].classes == LABELS
    labels.write_text("hop\nskip\n")
    with pytest.raises(WeightsMismatch, match="of a network of 3 classes, but there are 2 labels"):
        read_fused(source=rgb, motion=flow, labels=labels)


def test_options_of_one_file_are_refused_for_two(folder: Path, invoke: Invoke) -> None:
    files = (folder / "tsn_rgb.pth", "--motion", folder / "tsn_flow.pth")
    result = invoke("networks", "add", *files, "--weights", folder / "tsn_rgb.pth", ok=False)
    assert "leave --weights and --checksum away" in result.output
