"""Checkpoints of MMAction2: what is recognised and what assumed, and a TSM from its file to an explained clip."""

import re
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from app.contract.errors import InvalidRequest, WeightsMismatch
from app.contract.network import CLASS_LAYER, Extent, StreamName
from app.contract.recipe import Recipe
from benchmarks.architectures.mmaction import LABELS, NETWORKS, make, save
from benchmarks.architectures.mmaction_networks import Kind, Recognizer, conv2d
from tests.worker.conftest import Invoke
from worker.evidence.explain import explain
from worker.maximize.from_recipe import Visualization, maximize_units
from worker.networks.families.mmaction import configure, recognise
from worker.networks.families.residual import ResidualNetwork
from worker.networks.labels import KINETICS_400, read_labels
from worker.networks.load import load_network, read_network
from worker.networks.network import Network
from worker.networks.preprocessing import clip_format, make_inputs
from worker.networks.recognise import recognise as recognise_file
from worker.networks.registry import Family
from worker.networks.state_fit import load_state
from worker.networks.stored_config import read_stored_config
from worker.survey.prefetch import Sample
from worker.survey.run import SurveyRun

# one of four stages takes three times as long
TINY = replace(NETWORKS["TSM"], build=partial(Recognizer, Kind(conv2d, width=16, segments=4)))
CLIP = np.random.default_rng(5).integers(0, 255, (4, 36, 36, 3)).astype(np.uint8)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tsm") / "Tiny TSM.pth"
    save(TINY, path)
    return path


@pytest.fixture(scope="module")
def network(path: Path) -> Network:
    return load_network(*read_network(family=str(path)))


def rolled(by: int, count: int) -> np.ndarray[Any, Any]:
    return np.roll(CLIP, by, 1)


def test_the_card_of_a_tsm(network: Network) -> None:
    card = network.card
    assert (card.slug, card.family, card.title, card.classes) == ("tiny-tsm", "mmaction", "TSM", LABELS)
    assert [(s.name, s.frames, s.height, s.width) for s in card.streams] == [(StreamName.CLIP, 4, 32, 32)]
    assert clip_format(card).size == (36, 36)
    assert "4 segments of one frame" in card.summary
    assert "assumed" not in card.summary
    assert [part.module for part in card.omitted] == ["layer*.0.downsample"]
    seen = {layer.name: layer.receptive_field for layer in card.layers}
    assert seen["conv1"] == Extent(frames=1, height=7, width=7)
    assert seen["layer1.0.conv1"] == Extent(frames=3, height=19, width=19), "a frame before and a frame after"
    assert seen["layer2.0"].frames == 4
    assert {layer.map.frames for layer in card.layers if layer.name != CLASS_LAYER} == {4}


def test_residual_sums_are_layers(network: Network, path: Path) -> None:
    model, inputs = make(TINY), make_inputs(network.card, CLIP)
    pixels = (inputs[StreamName.CLIP] + 1) * 127.5
    mean, deviation = ((123.675, 116.28, 103.53), (58.395, 57.12, 57.375))
    scaled = (pixels - torch.tensor(mean).view(3, 1, 1, 1)) / torch.tensor(deviation).view(3, 1, 1, 1)
    backbone = model.get_submodule("backbone")
    frames = backbone.stem(scaled[0].transpose(0, 1))  # type: ignore[operator]
    expected = backbone.layer1(frames).transpose(0, 1)  # type: ignore[operator]
    actual = network.activation("layer1.0", inputs)[0].detach()
    torch.testing.assert_close(actual.relu(), expected, atol=1e-4, rtol=1e-4)
    assert (actual < 0).any(), "it is read before the ReLU"


@pytest.mark.parametrize(("layer", "unit"), [("layer2.0", 3), (CLASS_LAYER, 2)])
def test_a_unit_and_a_class_are_visualized(network: Network, layer: str, unit: int) -> None:
    (result,) = maximize_units(network, layer, [unit], [Recipe(steps=8, jitter=0, bn_prior=0)])
    assert isinstance(result.outcome, Visualization), result.outcome
    assert result.outcome.measurements.objective > result.outcome.measurements.trace[0]
    assert result.outcome.stimulus[StreamName.CLIP].shape[0] == 3


def test_a_survey_and_an_explained_clip(network: Network, tmp_path: Path) -> None:
    samples = [Sample(f"clip {n}", LABELS[n], partial(rolled, 5 * n)) for n in range(2)]
    survey = SurveyRun(network, "two", samples, tmp_path, threads=1).run()
    assert not any(each.applies for each in survey.facts.omitted)
    evidence = {(unit.layer, unit.unit): unit for unit in survey.units}
    peak = network.activation("layer2.0", make_inputs(network.card, CLIP))[0].relu().amax((1, 2, 3))
    unit = int(peak.argmax())
    top = {clip.clip: clip.activation for clip in evidence["layer2.0", unit].top_clips}
    assert top["clip 0"] == pytest.approx(float(peak[unit]), abs=1e-4)
    actual = explain(network, make_inputs(network.card, CLIP))
    for layer in actual.predicted.layers:
        shares = sum(unit.share for unit in layer.units) + layer.others + layer.rest
        assert shares == pytest.approx(actual.predicted.logit, abs=1e-4)


def test_a_checkpoint_is_added_and_a_worker_builds_it_from_the_database(path: Path, invoke: Invoke) -> None:
    output = invoke("networks", "add", path).output
    assert "Registered tiny-tsm: " in output
    assert "Not shown: layer*.0.downsample (2 x 32 x 4 x 4 x 4): " in output
    assert "weights and layers are as registered" in invoke("networks", "check", "tiny-tsm").output


def state_of(name: str) -> dict[str, Tensor]:
    return make(NETWORKS[name]).state_dict()


def family_of(state: Mapping[str, Tensor], meta: Mapping[str, object] | None = None) -> Family:
    found = recognise(state, {} if meta is None else {"meta": meta, "state_dict": state})
    assert found is not None
    return configure(found.config)


@pytest.mark.parametrize(
    ("name", "stream", "assumed"),
    [
        ("TSN", (StreamName.CLIP, 8), "224 px"),
        ("TSM", (StreamName.CLIP, 8), "a shift of one in 8 channels each way"),
        ("TSN flow", (StreamName.MOTION, 5), "flow less 128, over 128"),
        ("I3D", (StreamName.CLIP, 32), "the strides in time of the released networks"),
        ("SlowOnly", (StreamName.CLIP, 8), "8 frames"),
        ("SlowFast", (StreamName.CLIP, 32), "a slow pathway of every 8th frame and a fast one of all"),
        ("R(2+1)D", (StreamName.CLIP, 8), "the strides in time of the released networks"),
    ],
)
def test_without_a_config_the_card_says_what_is_assumed(
    name: str, stream: tuple[StreamName, int], assumed: str
) -> None:
    family = family_of(state_of(name))
    assert [(each.name, each.frames, each.height) for each in family.streams] == [(*stream, 224)]
    assert "The file has no config; assumed: " in family.summary
    assert assumed in family.summary


def test_a_config_of_the_first_releases_and_one_of_today() -> None:
    old = """
img_norm_cfg = dict(mean=[104, 117, 128], std=[1, 1, 1], to_bgr=True)
model = dict(backbone=dict(type='ResNet', depth=50), cls_head=dict(type='TSNHead'))
val_pipeline = [dict(type='SampleFrames', clip_len=1, num_clips=5), dict(type='Resize', scale=(340, 256)),
                dict(type='CenterCrop', crop_size=64), dict(type='Normalize', **img_norm_cfg)]
"""
    state = state_of("TSN")
    found = recognise(state, {"meta": {"config": old, "CLASSES": ("a", "b", "c")}})
    assert found is not None
    assert torch.equal(found.state["conv1.conv.weight"], state["backbone.conv1.conv.weight"].flip(1)), "it takes BGR"
    family = configure(found.config)
    assert (family.streams[0].frames, family.streams[0].height, family.short_side) == (5, 64, 256)
    assert family.labels == ("a", "b", "c")
    new = NETWORKS["TSN"].config.replace("'ResNet'", "'mmaction.models.backbones.resnet.ResNet'")
    assert family_of(state, {"cfg": new}).streams[0].frames == 3


def build(family: Family, state: Mapping[str, Tensor]) -> torch.nn.Module:
    module = family.build(3).eval()
    load_state(module, dict(state), family.rename)
    return module


def test_a_shift_before_blocks_shifts_their_shortcuts_too() -> None:
    plain = make(NETWORKS["TSN"])
    names = {name: re.sub(r"(layer\d\.\d)\.", r"\1.net.", name) for name in plain.state_dict()}
    state = {names[name]: tensor for name, tensor in plain.state_dict().items()}
    found = recognise(state, {"meta": {"cfg": NETWORKS["TSM"].config}})
    assert found is not None
    module = build(configure(found.config), found.state)
    assert isinstance(module, ResidualNetwork)
    x = torch.rand(1, 64, 4, 8, 8)
    shifted = torch.zeros_like(x)
    shifted[:, :8, :-1], shifted[:, 8:16, 1:], shifted[:, 16:] = x[:, :8, 1:], x[:, 8:16, :-1], x[:, 16:]
    block = plain.get_submodule("backbone.layer1.0")
    expected = block(shifted[0].transpose(0, 1)).transpose(0, 1)
    torch.testing.assert_close(module.get_submodule("layer1.0")(x)[0].detach(), expected, atol=1e-5, rtol=1e-5)


def test_a_c2d_is_told_by_its_config_alone() -> None:
    config = NETWORKS["TSN"].config.replace("'ResNet'", "'C2D'").replace("clip_len=1", "clip_len=8")
    config = config.replace("num_clips=3", "num_clips=1")
    family = family_of(state_of("TSN"), {"cfg": config})
    assert (family.title, family.streams[0].frames) == ("C2D", 8)
    assert "8 frames of 32 x 32 px" in family.summary
    module = family.build(3)
    assert isinstance(module, ResidualNetwork)
    assert module.pathway.halves_frames
    assert module.stem(torch.rand(1, 3, 8, 32, 32)).shape == (1, 64, 8, 7, 7), "its pool pads nothing"


def test_the_title_has_the_depth() -> None:
    assert family_of(state_of("TSM")).title == "TSM (ResNet-18)"


def test_classes_that_the_checkpoint_does_not_name() -> None:
    state = state_of("TSN")
    assert family_of(state, {"dataset_meta": {"classes": ["one"]}}).labels == (), "of another number"
    state["cls_head.fc_cls.weight"], state["cls_head.fc_cls.bias"] = torch.zeros(400, 128), torch.zeros(400)
    assert family_of(state).labels == read_labels(KINETICS_400)


def test_a_wrong_number_of_labels(path: Path, tmp_path: Path) -> None:
    labels = tmp_path / "labels.txt"
    labels.write_text("one\ntwo\n")
    with pytest.raises(WeightsMismatch, match="a network of 3 classes, but there are 2 labels"):
        read_network(family=str(path), labels=labels)


def test_code_in_a_config_is_not_run(tmp_path: Path) -> None:
    trace = tmp_path / "run"
    call = f"__import__('pathlib').Path({str(trace)!r}).touch()"
    text = f"{call}\nmodel = dict(backbone=dict(type='ResNet', depth={call}), head={call})\n"
    assert "8 segments" in family_of(state_of("TSN"), {"cfg": text}).summary
    assert not trace.exists()


def renamed(name: str, old: str, new: str) -> dict[str, Tensor]:
    return {each.replace(old, new): tensor for each, tensor in state_of(name).items()}


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        ({"backbone.gcn.0.gcn.A": torch.ones(3, 5, 5), "cls_head.fc.weight": torch.ones(2, 4)}, "takes skeletons"),
        (renamed("SlowOnly", "cls_head.", "roi_head.bbox_head."), "detects people"),
        (renamed("I3D", "layer1.0.conv3", "layer1.0.non_local_block.g"), "non-local blocks"),
        (renamed("I3D", "conv2.conv", "conv2.0.conv"), r"separated by channels \(CSN\)"),
        (renamed("TSN", "backbone.", "backbone.features."), r"no kind that is built here \(found: backbone.features"),
        ({**state_of("TSN"), "neck.a.weight": torch.ones(2)}, r"a neck .*\(found: neck.a.weight \(2,\)"),
    ],
)
def test_other_networks_of_the_library_are_refused_with_what_was_found(state: dict[str, Tensor], reason: str) -> None:
    with pytest.raises(InvalidRequest, match=f"not opened: .*{reason}.*Opened are TSN, TSM, "):
        recognise(state, {"state_dict": state})


@pytest.mark.parametrize(
    ("name", "old", "new", "message"),
    [
        ("TSN", "type='ResNet'", "type='TANet'", "names the backbone TANet. Opened are ResNet, "),
        ("TSN", "type='ResNet'", "type='ResNet3d'", "but the tensors are of TSN"),
        ("TSN", "num_clips=3", "num_clips=9000", "says 9,000 segments; 1 to 256 are taken"),
        ("TSN", "crop_size=32", "crop_size=0", "says 0 pixels a side"),
        ("TSN", "std=[58.395, 57.12, 57.375]", "std=[58.395, 57.12]", "one positive number for each channel"),
        ("TSN", "strides=(1, 2)", "strides=(1, 2, 2)", r"strides=\[1, 2, 2\], where 2 numbers from 1 to 64"),
        ("SlowFast", "speed_ratio=4", "speed_ratio=3", "its speed_ratio of 3 does not divide"),
    ],
)
def test_configs_that_cannot_be_right(name: str, old: str, new: str, message: str) -> None:
    text = NETWORKS[name].config
    assert old in text
    with pytest.raises(InvalidRequest, match=message):
        recognise(state_of(name), {"meta": {"cfg": text.replace(old, new)}})


def with_channels(channels: int) -> dict[str, Tensor]:
    return {**state_of("TSN"), "backbone.conv1.conv.weight": torch.ones(64, channels, 7, 7)}


def test_differences_of_frames_are_refused() -> None:
    with pytest.raises(InvalidRequest, match="takes 15 channels, which is neither RGB nor flow"):
        recognise(with_channels(15), {})


@pytest.mark.parametrize(
    ("state", "meta"),
    [
        (with_channels(20), {}),
        (state_of("TSN flow"), {"cfg": NETWORKS["TSN flow"].config.replace("mean=", "middle=")}),
    ],
)
def test_flow_of_unknown_scale_is_asked_for(state: dict[str, Tensor], meta: dict[str, str], tmp_path: Path) -> None:
    path = tmp_path / "flow.pth"
    torch.save({"meta": meta, "state_dict": state}, path)
    with pytest.raises(InvalidRequest, match=r"flow, and its file does not say in which units\. `--flow-scale` is"):
        recognise_file(path.read_bytes(), path)
    _, data = recognise_file(path.read_bytes(), path, flow_scale=12.75)
    family = configure(read_stored_config(data) or "")
    assert "Flow as bytes, 0 to 255 for -10 px to 10 px; mean 128, deviation 128." in family.summary
    pixels = family.build(3).get_submodule("pixels")
    flow = torch.full((1, 2 * family.streams[0].frames, 4, 4), 0.5)  # 10 px
    assert pixels({StreamName.MOTION: flow}).unique().tolist() == pytest.approx([(255 - 128) / 128])
