"""Networks of PyTorchVideo and of the SlowFast repository, from a checkpoint to everything that is shown of them."""

import sys
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from app.contract.errors import InvalidRequest, WeightsMismatch
from app.contract.network import StreamName
from app.contract.recipe import Recipe
from benchmarks.architectures import pytorchvideo_hub as hub
from tests.worker.conftest import Invoke
from worker.evidence.explain import explain
from worker.maximize.from_recipe import Visualization, maximize_units
from worker.networks.load import configured, load_network, read_network
from worker.networks.network import Network
from worker.networks.preprocessing import clip_format, make_inputs
from worker.networks.pytorchvideo.layers import slow_frames
from worker.networks.pytorchvideo.slowfast_names import convert
from worker.networks.pytorchvideo.training_config import TrainingConfig, apply_config, read_config
from worker.networks.recognise import recognise
from worker.networks.registry import find_family
from worker.survey.prefetch import Sample
from worker.survey.run import SurveyRun

SMALL = partial(hub.slowfast, 8, 1)  # for clips of 8 frames of 32 pixels
CONFIG = hub.config_text("slowfast", 8, 32)
CLIP = np.random.default_rng(5).integers(0, 255, (8, 32, 32, 3)).astype(np.uint8)


@pytest.fixture(scope="module")
def labels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("labels") / "labels.txt"
    path.write_text("\n".join(hub.LABELS))
    return path


@pytest.fixture(scope="module")
def slowfast() -> Any:
    return hub.seeded(SMALL, (8, 32, 32))


@pytest.fixture(scope="module")
def checkpoint(slowfast: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint as a training of the SlowFast repository leaves it."""
    path = tmp_path_factory.mktemp("checkpoint") / "SLOWFAST_tiny.pyth"
    torch.save({"epoch": 3, "model_state": hub.slowfast_names(slowfast), "optimizer_state": {}, "cfg": CONFIG}, path)
    return path


@pytest.fixture(scope="module")
def network(checkpoint: Path, labels: Path) -> Network:
    return load_network(*read_network(family=str(checkpoint), labels=labels))


def standard(clip: np.ndarray[Any, Any]) -> dict[StreamName, Tensor]:
    values = torch.from_numpy(clip).float() / 127.5 - 1
    return {StreamName.CLIP: values.permute(3, 0, 1, 2)[None]}


def rolled(by: int, count: int) -> np.ndarray[Any, Any]:
    return np.roll(CLIP, by, 1)


def changed(path: Path, to: Path, **changes: Any) -> Path:
    """Save a checkpoint again with another content."""
    torch.save(torch.load(path, weights_only=True) | changes, to)
    return to


def test_the_card_of_slowfast(network: Network) -> None:
    card = network.card
    assert (card.family, card.slug, card.title) == ("pytorchvideo_slowfast", "slowfast_tiny", "SlowFast R18")
    assert "2 of them in the slow pathway (alpha 4)" in card.summary
    assert [(s.name, s.frames, s.height, s.width) for s in card.streams] == [(StreamName.CLIP, 8, 32, 32)]
    assert clip_format(card).size == (32, 32)
    names = [layer.name for layer in card.layers]
    for name in ("stem", "res2.0.conv_a", "res2.0.conv_b", "res2.0", "res5.0"):
        assert {f"slow.{name}", f"fast.{name}"} < set(names)
    assert {f"{kind}.{name}" for kind in ("lateral", "fused") for name in ("stem", "res2", "res3", "res4")} < set(names)
    assert card.layer("slow.res3.0").map.frames == 2
    assert card.layer("fast.res3.0").map.frames == 8
    widths = [card.layer(name).units for name in ("slow.res3.0", "lateral.res3", "fused.res3")]
    assert widths[2] == widths[0] + widths[1] == 80
    seen = {name: card.layer(name).receptive_field for name in ("slow.stem", "fast.stem", "lateral.stem")}
    assert {name: (field.frames, field.height, field.width) for name, field in seen.items()} == {
        "slow.stem": (1, 7, 7),
        "fast.stem": (5, 7, 7),
        "lateral.stem": (8, 11, 11),
    }
    assert any("conv_c" in part.module for part in card.omitted)


def test_layers_are_what_the_library_computes(network: Network, slowfast: Any) -> None:
    outputs: dict[str, Tensor] = {}
    blocks = slowfast.blocks[2].multipathway_blocks[0].res_blocks[0]
    hooks = [
        blocks.register_forward_hook(lambda _, inputs, output: outputs.update(block=output.detach().clone())),
        slowfast.blocks[2].multipathway_fusion.register_forward_hook(
            lambda _, inputs, output: outputs.update(fused=output[0].detach().clone())
        ),
    ]
    expected = hub.library_logits(slowfast, standard(CLIP))
    for hook in hooks:
        hook.remove()
    torch.testing.assert_close(network.logits(standard(CLIP)), expected, atol=1e-4, rtol=0)
    block, fused = (network.activation(name, standard(CLIP)).detach() for name in ("slow.res3.0", "fused.res3"))
    torch.testing.assert_close(block.relu(), outputs["block"], atol=1e-4, rtol=1e-4)
    assert (block < 0).any(), "read before the ReLU"
    torch.testing.assert_close(fused, outputs["fused"], atol=1e-4, rtol=1e-4)


def test_the_slow_pathway_takes_frames_evenly_from_the_first_to_the_last() -> None:
    clip = torch.arange(32.0).view(1, 1, 32, 1, 1)
    assert slow_frames(clip, 4).flatten().tolist() == [0, 4, 8, 13, 17, 22, 26, 31]
    assert slow_frames(clip, 8).flatten().tolist() == [0, 10, 20, 31]


@pytest.mark.parametrize("objective", ["channel", "center"])
def test_a_unit_of_the_slow_pathway_is_visualized(network: Network, objective: str) -> None:
    recipe = Recipe(steps=8, jitter=0, objective=objective, bn_prior=0)
    (result,) = maximize_units(network, "slow.res3.0", [3], [recipe])
    assert isinstance(result.outcome, Visualization), result.outcome
    assert result.outcome.measurements.objective > result.outcome.measurements.trace[0]
    stimulus = torch.from_numpy(result.outcome.stimulus[StreamName.CLIP])[None]
    values = network.activation("slow.res3.0", {StreamName.CLIP: stimulus})[0, 3].detach()
    shown = values.amax() if objective == "channel" else values[tuple(size // 2 for size in values.shape)]
    assert result.outcome.measurements.activation == pytest.approx(float(shown), rel=1e-3)


def check_survey_and_explanation(network: Network, layer: str, clips: list[Any], folder: Path) -> None:
    samples = [
        Sample(f"clip {n}", hub.LABELS[n], lambda count, clip=clip: clip)  # type: ignore[misc]
        for n, clip in enumerate(clips)
    ]
    survey = SurveyRun(network, "two", samples, folder, probed_layers=()).run()
    evidence = {(unit.layer, unit.unit): unit for unit in survey.units}
    peak = network.activation(layer, make_inputs(network.card, clips[0]))[0].amax((1, 2, 3))
    unit = int(peak.argmax())
    top = {clip.clip: clip.activation for clip in evidence[layer, unit].top_clips}
    assert top["clip 0"] == pytest.approx(float(peak[unit]), abs=1e-4)
    actual = explain(network, make_inputs(network.card, clips[0]))
    for each in actual.predicted.layers:
        shares = sum(unit.share for unit in each.units) + each.others + each.rest
        assert shares == pytest.approx(actual.predicted.logit, abs=1e-3)


def test_a_survey_and_an_explained_clip_of_slowfast(network: Network, tmp_path: Path) -> None:
    check_survey_and_explanation(network, "slow.res4.0", [rolled(0, 8), rolled(9, 8)], tmp_path)


def test_x3d_from_file_to_an_explained_clip(tmp_path: Path, labels: Path) -> None:
    model = hub.seeded(hub.x3d, (4, 160, 160))
    family, path = "pytorchvideo_x3d_xs", hub.save(model, tmp_path / "X3D_XS.pyth")
    network = load_network(*read_network(family=family, weights=path, labels=labels))
    assert (network.card.streams[0].height, network.card.stimulus.height) == (182, 160)
    clips = [np.random.default_rng(n).integers(0, 255, (4, 182, 182, 3)).astype(np.uint8) for n in range(2)]
    expected = hub.library_logits(model, make_inputs(network.card, clips[0]))
    torch.testing.assert_close(network.logits(make_inputs(network.card, clips[0])), expected, atol=1e-4, rtol=0)
    seen = network.card.layer("res2.0.conv_a").receptive_field
    assert (seen.frames, seen.height, seen.width) == (4, 3, 3)
    assert network.card.sees_everything(network.card.layer("res2.0")), "squeeze and excitation sees everything"
    small = hub.save(model, tmp_path / "X3D_tiny.pyth", hub.config_text("x3d", 4, 64))
    network = load_network(*read_network(family=str(small), labels=labels))
    assert (network.card.family, network.card.streams[0].height) == (family, 64), "as its config says"
    check_survey_and_explanation(network, "res4.1", [clip[:, :64, :64] for clip in clips], tmp_path / "survey")


def test_what_three_sizes_of_x3d_have_in_common_must_be_named(tmp_path: Path, labels: Path) -> None:
    path = hub.save(hub.x3d(), tmp_path / "X3D_S.pyth")
    with pytest.raises(InvalidRequest, match=r"x3d_m, pytorchvideo_x3d_s, pytorchvideo_x3d_xs\. Say which"):
        read_network(family=str(path), labels=labels)


def test_the_names_of_the_slowfast_repository_are_those_of_the_library(slowfast: Any) -> None:
    converted = convert(hub.slowfast_names(slowfast), "slowfast")
    own = slowfast.state_dict()
    assert converted.keys() == own.keys()
    assert all(torch.equal(converted[name], own[name]) for name in own)


def test_an_x3d_of_the_slowfast_repository_keeps_the_normalisation_of_its_shortcuts(
    tmp_path: Path, labels: Path
) -> None:
    model = hub.seeded(lambda: hub.normalise_shortcuts(hub.x3d(64)), (4, 64, 64))
    path = tmp_path / "x3d_xs.pyth"
    config = hub.config_text("x3d", 4, 64, RESNET={"TRANS_FUNC": "x3d_transform", "DEPTH": 50})
    torch.save({"model_state": hub.slowfast_names(model), "cfg": config}, path)
    network = load_network(*read_network(family=str(path), labels=labels))
    clip = {StreamName.CLIP: torch.rand(1, 3, 4, 64, 64) * 2 - 1}
    torch.testing.assert_close(network.logits(clip), hub.library_logits(model, clip), atol=1e-4, rtol=0)


def test_400_classes_are_those_of_kinetics(tmp_path: Path) -> None:
    model = hub.mvit()
    model.head.proj = nn.Linear(64, 400)
    card = read_network(family=str(hub.save(model, tmp_path / "MVIT.pyth")))[0]
    assert (card.classes[5], card.classes[290], card.title) == ("archery", "sharpening knives", "MViT, Kinetics-400")


def test_a_checkpoint_is_added_and_a_worker_builds_it_from_the_database(
    checkpoint: Path, labels: Path, invoke: Invoke
) -> None:
    output = invoke("networks", "add", checkpoint, "--labels", labels).output
    assert "Registered slowfast_tiny: " in output
    assert "Not shown: " in output
    assert "weights and layers are as registered" in invoke("networks", "check", "slowfast_tiny").output


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"cfg": hub.config_text("slow", 8, 32)}, "MODEL.ARCH slow, but slowfast by the tensors"),
        ({"cfg": hub.config_text("slowfast", 8, 32, RESNET={"DEPTH": 50})}, "RESNET.DEPTH 50, but 18 by the tensors"),
        ({"cfg": hub.config_text("slowfast", 8, 32, MODEL={"NUM_CLASSES": 7})}, "MODEL.NUM_CLASSES 7, but 3"),
        ({"cfg": hub.config_text("slowfast", 8, 32, DETECTION={"ENABLE": True})}, "a detector"),
        ({"cfg": hub.config_text("slowfast", 8, 32, DATA={"NUM_FRAMES": 10**6})}, "a number up to 512"),
        ({"cfg": hub.config_text("slowfast", 8, 32, DATA={"STD": [0.1, 0.2]})}, "three numbers"),
        ({"cfg": hub.config_text("slowfast", 8, 32, RESNET={"SPATIAL_STRIDES": [[1, 1]] * 4})}, "SPATIAL_STRIDES"),
        ({"cfg": "a: [b"}, "no YAML"),
        ({"cfg": "a" * 2_000_000}, "no config of a network"),
    ],
)
def test_a_config_that_disagrees_or_is_none_is_refused(
    checkpoint: Path, labels: Path, tmp_path: Path, changes: dict[str, Any], words: str
) -> None:
    with pytest.raises(InvalidRequest, match=words):
        read_network(family=str(changed(checkpoint, tmp_path / "net.pyth", **changes)), labels=labels)


def test_labels_are_asked_for_and_counted(checkpoint: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match="--labels FILE"):
        read_network(family=str(checkpoint))
    two = tmp_path / "two.txt"
    two.write_text("one\ntwo")
    with pytest.raises(WeightsMismatch, match="a network of 3 classes, but there are 2 labels"):
        read_network(family=str(checkpoint), labels=two)


def test_what_the_library_does_not_build_is_refused(slowfast: Any, labels: Path, tmp_path: Path) -> None:
    own, names = dict(slowfast.state_dict()), hub.slowfast_names(slowfast)
    head = {"detection_head.proj.weight": own["blocks.6.proj.weight"]}
    cases: list[tuple[dict[str, Tensor], str]] = [
        ({**own, **head}, "a detector"),
        ({name: t for name, t in own.items() if "proj" not in name}, "without classes"),
        ({name: t for name, t in names.items() if "head" not in name}, "no classes"),
        ({**names, "s3.pathway0_nonlocal1.conv_out.weight": torch.ones(1)}, "non-local"),
        ({name: t for name, t in names.items() if "branch2.c" not in name}, "two convolutions"),
        ({"patch_embed.proj.weight": torch.ones(1), "head.projection.weight": torch.ones(1)}, "PyTorchVideo"),
        ({name: t for name, t in own.items() if "res_blocks.0.branch2.conv_b" not in name}, "lacks the tensor"),
    ]
    for state, words in cases:
        torch.save({"model_state": state}, tmp_path / "net.pyth")
        with pytest.raises(InvalidRequest, match=words):
            read_network(family=str(tmp_path / "net.pyth"), labels=labels)


def test_tensors_that_differ_are_named_and_claims_of_memory_refused(
    slowfast: Any, labels: Path, tmp_path: Path
) -> None:
    own = dict(slowfast.state_dict())
    name = "blocks.3.multipathway_blocks.0.res_blocks.0.branch2.conv_c.weight"
    for tensor, words in (
        (torch.ones(7, *own[name].shape[1:]), rf"1 differ .*{name} is 7x32x1x1x1, not 128x32x1x1x1"),
        (torch.ones(1, 1, 1, 1, 1).expand(10**6, 10**6, 1, 1, 1), "The tensors of the checkpoint claim"),
    ):
        torch.save({"model_state": {**own, name: tensor}, "cfg": CONFIG}, tmp_path / "net.pyth")
        with pytest.raises(WeightsMismatch, match=words):
            read_network(family=str(tmp_path / "net.pyth"), labels=labels)


def test_a_config_whose_values_repeat_each_other_is_not_written_out() -> None:
    lines = ["a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 30)]  # 9^30 numbers
    config = read_config({"cfg": "\n".join([*lines, "DATA: {NUM_FRAMES: *a29}"])})
    assert config is not None
    with pytest.raises(InvalidRequest, match=r"NUM_FRAMES \[\[.*where a number up to 512 belongs") as caught:
        apply_config(TrainingConfig(8, 8, 224, 256, 256), config)
    assert len(caught.value.detail) < 500_000


def test_without_yaml_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "yaml", None)
    with pytest.raises(InvalidRequest, match=r"PyYAML.*install -e '\.\[hub\]'"):
        read_config({"cfg": "DATA: {NUM_FRAMES: 9}"})


def test_without_the_library_the_error_says_what_to_install(
    checkpoint: Path, labels: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pytorchvideo.models.slowfast", None)
    with pytest.raises(InvalidRequest, match=r"install -e '\.\[hub\]'"):
        read_network(family=str(checkpoint), labels=labels)


def test_a_family_without_a_checkpoint_says_what_to_give() -> None:
    with pytest.raises(InvalidRequest, match="networks add pytorchvideo_c2d --weights FILE"):
        find_family("pytorchvideo_c2d").build(400)


def test_a_released_slowfast_is_told_by_its_lateral_kernels(tmp_path: Path) -> None:
    path = hub.save(hub.slowfast(), tmp_path / "net.pyth")
    name, data = recognise(path.read_bytes(), path)
    family = configured(find_family(name), data)
    assert (family.streams[0].frames, family.streams[0].height, family.short_side) == (32, 256, 256)
    assert family.stimulus.height == 224, "as in training"
    assert "8 of them in the slow pathway (alpha 4)" in family.summary
