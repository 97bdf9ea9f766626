"""Heads of attention as layers: where each architecture has them, in the order of its tokens."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from app.contract.network import CLASS_LAYER, Extent, StreamName
from benchmarks.architectures.video_transformers import open_original, pixel_values, save
from worker.evidence.output_hook import replace_output
from worker.networks.load import load_network, read_network
from worker.networks.network import Network
from worker.networks.tokens import FrameTokenTap, PositionTokenTap

CLIP = np.random.default_rng(5).integers(0, 255, (4, 32, 32, 3)).astype(np.uint8)
INPUTS = {StreamName.CLIP: (torch.from_numpy(CLIP).float() / 127.5 - 1).permute(3, 0, 1, 2)[None]}


def tokens(x: Tensor) -> Tensor:
    return x.view(1, 2, 4, 4, 24).permute(0, 4, 1, 2, 3)


def tokens_after_class(x: Tensor) -> Tensor:
    return tokens(x[:, 1:])


def of_frames(x: Tensor) -> Tensor:
    return x[:, 1:].view(1, 4, 4, 4, 24).permute(0, 4, 1, 2, 3)


def of_positions(x: Tensor) -> Tensor:
    return x.reshape(1, 4, 4, 4, 24).permute(0, 4, 3, 1, 2)


# the layer, the module in the library's block, and how what it takes or gives becomes a map
Where = tuple[str, str, Callable[[Tensor], Tensor]]
HEADS: dict[str, list[Where]] = {
    "videomae": [("heads", "videomae.encoder.layer.1.attention.output", tokens)],
    "vivit": [("heads", "vivit.layers.1.attention.o_proj", tokens_after_class)],
    "vjepa2": [("heads", "vjepa2.encoder.layer.1.attention.proj", tokens)],
    "timesformer": [
        ("heads", "timesformer.encoder.layer.1.attention.output", of_frames),
        ("temporal_heads", "timesformer.encoder.layer.1.temporal_attention.output", of_positions),
    ],
}
OUTPUTS: dict[str, list[Where]] = {
    "timesformer": [
        ("attention", "timesformer.encoder.layer.1.attention.output", of_frames),
        ("temporal_attention", "timesformer.encoder.layer.1.temporal_dense", of_positions),
    ]
}


@pytest.fixture(scope="module", params=sorted(HEADS))
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def folder(kind: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save(kind, tmp_path_factory.mktemp(kind) / "net")


@pytest.fixture(scope="module")
def network(folder: Path) -> Network:
    return load_network(*read_network(family=str(folder)))


def test_heads_are_those_of_the_library(kind: str, folder: Path, network: Network) -> None:
    model, found = open_original(kind, folder), dict[str, Tensor]()

    def keep(name: str, to_map: Callable[[Tensor], Tensor]) -> Any:
        def hook(part: object, inputs: tuple[Tensor, ...], output: Tensor) -> None:
            found[name] = to_map(inputs[0] if name.endswith("heads") else output)

        return hook

    for name, path, to_map in HEADS[kind] + OUTPUTS.get(kind, []):
        model.get_submodule(path).register_forward_hook(keep(name, to_map))
    with torch.no_grad():
        model(**pixel_values(kind, torch.from_numpy(CLIP)))
    for name, maps in found.items():
        layer = network.card.layer(f"blocks.1.{name}")
        assert layer.units == 24, "two heads of 12: unit 12 is the first of the second"
        assert layer.map == Extent(frames=maps.shape[2], height=4, width=4)
        assert network.card.sees_everything(layer)
        assert maps.std() > 1e-4
        actual = network.activation(layer.name, INPUTS).detach()
        torch.testing.assert_close(actual, maps, atol=1e-5, rtol=1e-4)


def test_what_is_left_out_has_a_shape(kind: str, network: Network) -> None:
    shapes = {part.module: part.shape for part in network.card.omitted}
    attention = {
        "videomae": ("videomae.encoder.layer.*.attention.attention", (2, 32, 24)),
        "timesformer": ("timesformer.encoder.layer.*.attention.attention, temporal_attention.attention", (8, 17, 24)),
        "vivit": ("vivit.layers.*.attention.q_proj, k_proj, v_proj", (2, 33, 24)),
        "vjepa2": ("vjepa2.encoder.layer.*.attention.query, key, value", (2, 32, 24)),
    }
    name, shape = attention[kind]
    assert shapes[name] == shape


def test_a_head_that_is_silenced_adds_nothing(kind: str, network: Network) -> None:
    """Without all its heads, attention gives the bias of its projection alone."""
    path = network.points["blocks.1.heads"].path
    with torch.no_grad(), replace_output(network.module, path, lambda maps: maps * 0):
        attention = network.activation("blocks.1.attention", INPUTS)
    assert attention.std((2, 3, 4)).max() < 1e-6


def test_a_card_that_was_made_before_heads_were_layers_loads(folder: Path) -> None:
    card, data = read_network(family=str(folder))
    layers = tuple(layer for layer in card.layers if "heads" not in layer.name and "temporal" not in layer.name)
    older = load_network(card.model_copy(update={"layers": layers}), data)
    assert list(older.points) == [layer.name for layer in layers]
    assert older.points["blocks.1"] == load_network(card, data).points["blocks.1"]


def test_a_timesformer_whose_attention_is_not_divided(tmp_path: Path) -> None:
    folder = save("timesformer", tmp_path / "net", attention_type="joint_space_time")
    network = load_network(*read_network(family=str(folder)))
    names = [layer.name for layer in network.card.layers if layer.name.startswith("blocks.1")]
    assert names == [f"blocks.1{part}" for part in (".heads", ".attention", ".mlp", "", ".class_token")]
    assert network.card.layer("blocks.1.heads").map == Extent(frames=4, height=4, width=4)
    assert network.card.layers[-1].name == CLASS_LAYER
    with torch.no_grad():
        expected = open_original("timesformer", folder)(**pixel_values("timesformer", torch.from_numpy(CLIP))).logits
    torch.testing.assert_close(network.logits(INPUTS), expected, atol=1e-4, rtol=0)


@pytest.mark.parametrize(
    ("tap", "shape"),
    [(FrameTokenTap((2, 3, 4), class_tokens=1), (4, 13, 5)), (PositionTokenTap((2, 3, 4)), (24, 2, 5))],
)
def test_a_tap_passes_tokens_on(tap: FrameTokenTap | PositionTokenTap, shape: tuple[int, ...]) -> None:
    x = torch.rand(shape)
    torch.testing.assert_close(tap(x), x)
    tap.tap.register_forward_hook(lambda part, inputs, maps: maps + 1)
    changed = tap(x) - x
    apart = 1 if isinstance(tap, FrameTokenTap) else 0
    torch.testing.assert_close(changed[:, apart:], torch.ones(shape)[:, apart:])
    assert not changed[:, :apart].any()
