"""Video models of torchvision, from the file that its training script saves to everything that is shown of one."""

import re
import sys
from argparse import Namespace
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from app.contract.errors import ChecksumMismatch, InvalidRequest, WeightsMismatch, WeightsUnsafe
from app.contract.network import Extent, StreamName
from benchmarks.architectures.torchvision_video import LABELS, SMALL, make_model, save
from tests.worker.conftest import Invoke
from worker.evidence.explain import explain
from worker.networks.families.torchvision_video import (
    ARCHITECTURES,
    Architecture,
    configure,
    import_video_models,
    recognise,
)
from worker.networks.load import load_network, read_network
from worker.networks.network import Network
from worker.networks.preprocessing import clip_format, make_inputs
from worker.networks.registry import Family
from worker.networks.torchvision_operators import import_torchvision
from worker.networks.trace import trace
from worker.networks.weights import compute_checksum, parse_weights
from worker.survey.prefetch import Sample
from worker.survey.run import SurveyRun

CLIP = np.random.default_rng(5).integers(0, 255, (4, 36, 48, 3)).astype(np.uint8)


def rolled(by: int, count: int) -> np.ndarray[Any, Any]:
    return np.roll(CLIP, by, 1)


@pytest.fixture(scope="module", params=ARCHITECTURES, ids=lambda architecture: architecture.name)
def architecture(request: pytest.FixtureRequest) -> Architecture:
    return request.param  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def original(architecture: Architecture) -> nn.Module:
    """Build the library's own model, on shapes alone."""
    with torch.device("meta"):
        return getattr(import_video_models(), architecture.name)()  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def family(architecture: Architecture, original: nn.Module) -> Family:
    found = recognise(architecture, original.state_dict(), {})
    assert found is not None
    return configure(architecture, found.config)


def test_the_librarys_own_models_are_recognised_and_built_again(
    architecture: Architecture, original: nn.Module, family: Family
) -> None:
    others = [each for each in ARCHITECTURES if recognise(each, original.state_dict(), {}) is not None]
    assert [each.name for each in others] == [architecture.name]
    with torch.device("meta"):
        built = family.build(400)
    model = built.get_submodule("model") if hasattr(built, "model") else built
    shapes = {name: tensor.shape for name, tensor in original.state_dict().items()}
    assert {name: tensor.shape for name, tensor in model.state_dict().items()} == shapes
    parts = {name: repr(part) for name, part in original.named_modules() if not list(part.children())}
    own = {name: repr(model.get_submodule(name)) for name in parts}  # with kernels and strides, which no tensor tells
    assert {name: words for name, words in own.items() if "StochasticDepth" not in words and words != parts[name]} == {}
    for name, part in original.named_modules():
        if hasattr(part, "shift_size"):
            copy = model.get_submodule(name)
            assert (copy.shift_size, copy.window_size, copy.num_heads) == (
                part.shift_size,
                part.window_size,
                part.num_heads,
            )


def test_preprocessing_and_labels_are_those_of_the_released_weights(architecture: Architecture, family: Family) -> None:
    weights = import_torchvision().models.get_model_weights(architecture.name)
    for released in weights:
        preset = released.transforms()
        assert (architecture.mean, architecture.std) == (tuple(preset.mean), tuple(preset.std))
        assert architecture.clip[1:] == tuple(preset.crop_size)
        assert family.short_side == min(preset.resize_size)
        frames = re.search(r"clip_len=(\d+)", released.meta["_docs"])
        assert frames is not None
        assert family.streams[0].frames == int(frames[1])
        assert family.labels == tuple(released.meta["categories"])


def test_receptive_fields() -> None:
    expected = {
        "r2plus1d_18": {
            "stem.1": (1, 7, 7),
            "stem.4": (3, 7, 7),
            "layer1.0.conv1.0.1": (3, 11, 11),
            "layer1.0.conv1.1": (5, 11, 11),
            "layer2.0.downsample.1": (11, 23, 23),
            "layer2.0.conv1.1": (13, 27, 27),
        },
        "s3d": {
            "features.0.0.1": (1, 7, 7),
            "features.0.1.1": (7, 7, 7),
            "features.2.1": (7, 11, 11),
            "features.3.1.1": (11, 19, 19),
            "features.5.branch1.1.1.1": (15, 43, 43),
        },
        "mvit_v2_s": {"patch_embedding": (3, 7, 7)},
        "swin3d_t": {"patch_embedding": (2, 4, 4)},
    }
    for architecture in ARCHITECTURES:
        if architecture.name not in expected:
            continue
        with torch.device("meta"):
            found = recognise(architecture, getattr(import_video_models(), architecture.name)().state_dict(), {})
            assert found is not None
            family = configure(architecture, found.config)
            module = family.build(400).eval()
        layers, _ = trace(module, family.streams)
        fields = {layer.name: layer.receptive_field for layer in layers}
        for name, (frames, height, width) in expected[architecture.name].items():
            assert fields[name] == Extent(frames=frames, height=height, width=width), name


@pytest.fixture(scope="module")
def labels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("labels") / "labels.txt"
    path.write_text("\n".join(LABELS))
    return path


Open = Callable[[str], Network]


@pytest.fixture(scope="module")
def open_small(labels: Path, tmp_path_factory: pytest.TempPathFactory) -> Open:
    """Return a function that saves and opens a small model, once."""

    @cache
    def open_once(name: str) -> Network:
        path = save(name, tmp_path_factory.mktemp("saved") / "model_44.pth")
        return load_network(*read_network(family=str(path), labels=labels))

    return open_once


@pytest.mark.parametrize("name", ["R(2+1)D", "Video Swin"])
def test_a_survey_and_an_explained_clip(name: str, open_small: Open, tmp_path: Path) -> None:
    network = open_small(name)
    samples = [Sample(f"clip {n}", LABELS[n], partial(rolled, 5 * n)) for n in range(2)]
    layer = "layer1.0.conv1.1" if name == "R(2+1)D" else "blocks.1.mlp"
    survey = SurveyRun(network, "two", samples, tmp_path, probed_layers=[layer]).run()
    evidence = {(unit.layer, unit.unit): unit for unit in survey.units}
    inputs = make_inputs(network.card, CLIP[:, :, 6:42])
    peak = network.activation(layer, inputs)[0].amax((1, 2, 3))
    unit = int(peak.argmax())
    top = {clip.clip: clip.activation for clip in evidence[layer, unit].top_clips}
    assert top["clip 0"] == pytest.approx(float(peak[unit]), abs=1e-4)
    actual = explain(network, inputs)
    for each in actual.predicted.layers:
        shares = sum(unit.share for unit in each.units) + each.others + each.rest
        assert shares == pytest.approx(actual.predicted.logit, abs=1e-3)
    assert actual.predicted.layers[0].units[0].effect


def library_output(name: str, path: str, network: Network, clip: Tensor) -> Tensor:
    """Return what a module of the library's own model outputs."""
    model = make_model(name)
    outputs: list[Any] = []
    handle = model.get_submodule(path).register_forward_hook(lambda part, inputs, output: outputs.append(output))
    with torch.no_grad():
        model(network.module.get_submodule("model.standard_units")(clip))
    handle.remove()
    output: Tensor = outputs[0][0] if isinstance(outputs[0], tuple) else outputs[0]
    return output


def test_residual_streams_are_maps_of_the_clip(open_small: Open) -> None:
    clip = torch.rand(1, 3, *SMALL, generator=torch.Generator().manual_seed(2)) * 2 - 1
    inputs = {StreamName.CLIP: clip}
    network = open_small("MViTv2")
    expected = library_output("MViTv2", "blocks.1", network, clip)
    maps = expected[:, 1:].transpose(1, 2).reshape(1, 32, 2, 4, 4)
    torch.testing.assert_close(network.activation("blocks.1", inputs).detach(), maps)
    token = network.activation("blocks.1.class_token", inputs).detach()
    torch.testing.assert_close(token[..., 0, 0, 0], expected[:, 0])
    assert network.card.layer("blocks.3").map == Extent(frames=2, height=2, width=2), "pooled twice"
    assert [layer.name for layer in network.card.layers][1:6] == [
        *("blocks.0.heads", "blocks.0.attention", "blocks.0.mlp", "blocks.0", "blocks.0.class_token")
    ]
    added = library_output("MViTv2", "blocks.1.attn.project", network, clip)
    heads = network.activation("blocks.1.heads", inputs).detach().flatten(2).transpose(1, 2)
    torch.testing.assert_close(
        make_model("MViTv2").get_submodule("blocks.1.attn.project")(heads).detach(), added[:, 1:]
    )
    swin = open_small("Video Swin")
    expected = library_output("Video Swin", "features.0.1", swin, clip)
    torch.testing.assert_close(swin.activation("blocks.1", inputs).detach(), expected.permute(0, 4, 1, 2, 3))
    assert swin.card.layer("patch_merging.0").map == Extent(frames=2, height=4, width=4)
    for card in (network.card, swin.card):
        assert any("queries" in part.reason for part in card.omitted)
        assert [(s.name, s.frames, s.height, s.width) for s in card.streams] == [(StreamName.CLIP, *SMALL)]
        assert clip_format(card).size == (36, 36)


def test_a_file_is_added_by_its_architecture_and_a_worker_builds_it(
    labels: Path, tmp_path: Path, invoke: Invoke
) -> None:
    path = save("R(2+1)D", tmp_path / "model_44.pth")
    output = invoke("networks", "add", "r2plus1d_18", "--weights", path, "--labels", labels, "--slug", "tiny").output
    assert "Registered tiny: " in output
    assert "weights and layers are as registered" in invoke("networks", "check", "tiny").output


def test_weights_within_a_larger_module_and_the_hash_in_a_name(labels: Path, tmp_path: Path) -> None:
    state = {f"net.model.{name}": tensor for name, tensor in make_model("MViTv1").state_dict().items()}
    path = tmp_path / "lightning.ckpt"
    torch.save({"state_dict": state | {"loss.weight": torch.ones(3)}, "epoch": 3}, path)
    card, _ = read_network(family=str(path), labels=labels)
    assert (card.family, card.title, card.streams[0].frames) == ("mvit_v1_b", "MViTv1 with 4 blocks", 4)
    named = tmp_path / f"net-{compute_checksum(path.read_bytes())[:8]}.pth"
    named.write_bytes(path.read_bytes())
    if re.search("[a-f]", named.stem[-8:]):
        assert read_network(family=str(named), labels=labels)[0].checksum == card.checksum
    wrong = tmp_path / "r3d_18-b3b3357e.pth"
    wrong.write_bytes(path.read_bytes())
    with pytest.raises(ChecksumMismatch, match=r"By its name, the sha256 of .* begins with b3b3357e; it is"):
        read_network(family=str(wrong), labels=labels)
    dated = tmp_path / "mine-20240131.pth"
    dated.write_bytes(path.read_bytes())
    assert read_network(family="mvit_v1_b", weights=dated, labels=labels)[0].slug == "mine-20240131"


def test_what_is_wrong_is_told(labels: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    image = tmp_path / "resnet18.pth"
    torch.save(import_torchvision().models.resnet18().state_dict(), image)
    with pytest.raises(InvalidRequest, match="No family knows the tensors of"):
        read_network(family=str(image))
    with pytest.raises(InvalidRequest, match="No family knows the tensors of"):
        read_network(family="r3d_18", weights=image)
    path = save("MViTv2", tmp_path / "model.pth")
    with pytest.raises(InvalidRequest, match=r"does not say what its outputs mean: .* `--labels FILE`"):
        read_network(family=str(path))
    two = tmp_path / "two.txt"
    two.write_text("one\ntwo")
    with pytest.raises(WeightsMismatch, match="3 classes, but there are 2 labels"):
        read_network(family=str(path), labels=two)
    state = dict(make_model("MViTv2").state_dict())
    state["head.2.weight"] = state.pop("head.1.weight")
    torch.save(state, path)
    with pytest.raises(WeightsMismatch, match=r"missing: 1 \(.*head\.1\.weight.*unexpected: 1 \(.*head\.2\.weight"):
        read_network(family=str(path), labels=labels)
    torch.save({"model": make_model("R3D").state_dict(), "args": Namespace(clip_len=10**7)}, path)
    with pytest.raises(InvalidRequest, match="clips of 10000000 frames"):
        read_network(family=str(path), labels=labels)
    monkeypatch.setitem(sys.modules, "torchvision", None)
    save("MViTv1", path)
    with pytest.raises(InvalidRequest, match=r"install -e '\.\[hub\]'"):
        read_network(family=str(path), labels=labels)


def test_options_of_a_training_are_read_and_run_nothing(tmp_path: Path) -> None:
    content = {"model": {"a": torch.ones(2)}, "args": Namespace(clip_len=16, lr=0.1, names=["a"])}
    torch.save(content, tmp_path / "net.pth")
    assert parse_weights((tmp_path / "net.pth").read_bytes())["args"] == content["args"]
    torch.save(content | {"args": Namespace(path=tmp_path)}, tmp_path / "net.pth")
    with pytest.raises(WeightsUnsafe, match="pathlib"):
        parse_weights((tmp_path / "net.pth").read_bytes())
