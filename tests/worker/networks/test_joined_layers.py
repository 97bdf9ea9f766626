"""Layers of networks without taps that join maps: sums of residual blocks, concatenations, gates."""

from collections.abc import Mapping
from copy import deepcopy

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from app.contract.network import CLASS_LAYER, Extent, Layer, Stream, StreamName
from app.contract.recipe import Recipe
from tests.worker.evidence.inputs import random_inputs
from worker.evidence.activation_reader import read_activations
from worker.evidence.explain import explain
from worker.evidence.output_hook import replace_output
from worker.maximize.from_recipe import Visualization, maximize_units
from worker.networks.network import Network
from worker.networks.trace import trace, trace_network

CLIP = Stream(name=StreamName.CLIP, frames=8, height=16, width=16)


class Residual(nn.Module):
    """A block of two convolutions, as video ResNets have it; the subclasses say how the sum is written."""

    def __init__(self, width: int = 4) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv3d(width, width, (3, 1, 1), padding=(1, 0, 0), bias=False), nn.BatchNorm3d(width)
        self.conv2 = nn.Sequential(nn.Conv3d(width, width, (1, 3, 3), padding=(0, 1, 1)), nn.BatchNorm3d(width))
        self.relu = nn.ReLU()

    def inner(self, x: Tensor) -> Tensor:
        return self.conv2(self.relu(self.bn1(self.conv1(x))))  # type: ignore[no-any-return]

    def forward(self, x: Tensor) -> Tensor:
        return self.relu(self.inner(x) + x)  # type: ignore[no-any-return]


class InPlace(Residual):
    def __init__(self, width: int = 4) -> None:
        super().__init__(width)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        out = self.inner(x)
        out += x
        return self.relu(out)  # type: ignore[no-any-return]


class Functional(Residual):
    def forward(self, x: Tensor) -> Tensor:
        return F.relu(x + F.dropout(self.inner(x), training=self.training))


class Linear(Residual):
    """Its ReLU comes in the network that holds it."""

    def forward(self, x: Tensor) -> Tensor:
        return self.inner(x) + x


class Swish(Residual):
    def forward(self, x: Tensor) -> Tensor:
        y = self.inner(x) + x
        return y * torch.sigmoid(y)


class Dense(Residual):
    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([x, self.inner(x)], 1)[:, ::2]


class Branches(nn.ModuleDict):
    """Branches side by side, as an Inception block has them."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([branch(x) for branch in self.values()], 1)


class Net(nn.Module):
    def __init__(self, block: type[nn.Module], classes: int = 3) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv3d(3, 4, (1, 3, 3), stride=(1, 2, 2), padding=(0, 1, 1)), nn.ReLU())
        self.layer1 = nn.Sequential(block(), block())
        self.head = nn.Linear(4, classes)

    def forward(self, inputs: Mapping[StreamName, Tensor]) -> Tensor:
        x = F.relu(self.layer1(self.stem(inputs[StreamName.CLIP])))
        return self.head(x.mean((2, 3, 4)))  # type: ignore[no-any-return]


def as_network(module: nn.Module, network: Network) -> Network:
    layers, points = trace(module.eval(), [CLIP])
    card = network.card.model_copy(update={"layers": layers, "streams": (CLIP,), "stimulus": layers[0].map})
    return Network(card, module, points)


@pytest.mark.parametrize("block", [Residual, InPlace, Functional, Linear, Swish])
def test_the_sum_of_a_residual_block_is_a_layer(block: type[Residual], tiny_clip: Network) -> None:
    torch.manual_seed(0)
    network = as_network(Net(block), tiny_clip)
    assert [layer.name for layer in network.card.layers] == [
        "stem.0",
        "layer1.0.bn1",
        "layer1.0.conv2.1",
        "layer1.0",
        "layer1.1.bn1",
        "layer1.1.conv2.1",
        "layer1.1",
        CLASS_LAYER,
    ]
    first, second = network.card.layer("layer1.0"), network.card.layer("layer1.1")
    assert first.map == second.map == Extent(frames=8, height=8, width=8)
    assert first.receptive_field == Extent(frames=3, height=7, width=7)
    assert second.receptive_field == Extent(frames=5, height=11, width=11)
    # a ReLU within a block is a module in some; one follows the last block of all
    has_relu = block in (Residual, InPlace)
    assert network.points["layer1.0"].rectified == has_relu
    assert network.points["layer1.1"].rectified
    inputs = {StreamName.CLIP: torch.randn(2, 3, 8, 16, 16)}
    logits = network.logits(inputs)
    first_block: Residual = network.module.get_submodule("layer1.0")  # type: ignore[assignment]
    stem = network.module.get_submodule("stem")(inputs[StreamName.CLIP])
    returned, total = first_block(stem.clone()), first_block.inner(stem) + stem
    torch.testing.assert_close(network.activation("layer1.0", inputs), total if has_relu else returned)
    with read_activations(network) as read:
        torch.testing.assert_close(read(inputs)["layer1.0"].peak, returned.amax((2, 3, 4)))
    assert (returned.min() >= 0) == (block in (Residual, InPlace, Functional)), "what is reported"
    torch.testing.assert_close(network.logits(inputs), logits)
    torch.testing.assert_close(deepcopy(network.module)(inputs), logits)
    assert trace(network.module, [CLIP]) == (network.card.layers, network.points)
    path = network.points["layer1.1"].path
    with torch.no_grad(), replace_output(network.module, path, lambda total: total * 0 - 1):
        silent = network.module(inputs)
    torch.testing.assert_close(silent, network.module.get_submodule("head").bias.expand(2, -1))  # type: ignore[operator]


def test_a_unit_of_a_block_is_visualized_and_explained(tiny_clip: Network) -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = as_network(Net(InPlace, 4).requires_grad_(False), tiny_clip)
    for layer in ("layer1.0", "layer1.1"):
        (result,) = maximize_units(network, layer, [1], [Recipe(steps=6, jitter=0, objective="center")])
        assert isinstance(result.outcome, Visualization), result.outcome
        assert result.outcome.measurements.seen is not None, "it is computed on what it sees alone"
        assert result.outcome.measurements.objective > result.outcome.measurements.trace[0]
    actual = explain(network, random_inputs(network, clips=1))
    for shares in actual.predicted.layers:
        total = sum(unit.share for unit in shares.units) + shares.others + shares.rest
        assert total == pytest.approx(actual.predicted.logit, abs=1e-4)


def test_a_network_that_is_made_of_a_module_of_tensors(tiny_clip: Network) -> None:
    """A hook of its own gives it the clip alone."""

    class OfTensors(Net):
        def forward(self, inputs: Tensor) -> Tensor:  # type: ignore[override]
            return super().forward({StreamName.CLIP: inputs})

    module = OfTensors(Residual)
    module.register_forward_pre_hook(lambda part, arguments: (arguments[0][StreamName.CLIP],))
    network = as_network(module, tiny_clip)
    inputs = random_inputs(network, clips=3)
    with read_activations(network) as read:
        assert read(inputs)["layer1.0"].peak.shape == (3, 4)


def test_branches_that_are_concatenated_are_a_layer() -> None:
    def block() -> nn.Module:
        return Branches({"left": nn.Conv3d(4, 1, 1), "right": nn.Conv3d(4, 3, (3, 1, 1), padding=(1, 0, 0))})

    layers, _ = trace(Net(block), [CLIP])  # type: ignore[arg-type]
    names = [layer.name for layer in layers]
    assert names[1:4] == ["layer1.0.left", "layer1.0.right", "layer1.0"]
    assert (layers[3].units, layers[3].receptive_field) == (4, Extent(frames=3, height=3, width=3))


def test_a_module_that_passes_a_layer_on_is_no_layer() -> None:
    class Wrapped(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.block, self.pool = Residual(), nn.MaxPool3d(3, 1, 1)

        def forward(self, x: Tensor) -> Tensor:
            return self.pool(F.relu(self.block(x)))  # type: ignore[no-any-return]

    layers, _ = trace(Net(Wrapped), [CLIP])
    assert [layer.name for layer in layers if "conv" not in layer.name and "bn" not in layer.name] == [
        "stem.0",
        "layer1.0.block",
        "layer1.1.block",
        CLASS_LAYER,
    ]


class SlowFast(nn.Module):
    """The pathways of SlowFast: few frames for many channels, many frames for few, and what the fast one adds."""

    def __init__(self) -> None:
        super().__init__()
        self.slow = nn.Conv3d(3, 8, (1, 7, 7), (1, 2, 2), (0, 3, 3))
        self.fast = nn.Conv3d(3, 2, (5, 7, 7), (1, 2, 2), (2, 3, 3))
        self.lateral = nn.Conv3d(2, 4, (5, 1, 1), (4, 1, 1), (2, 0, 0))
        self.slow2 = nn.Conv3d(12, 4, 1)
        self.head = nn.Linear(6, 3)

    def pack(self, clip: Tensor) -> Tensor:
        return torch.index_select(clip, 2, torch.linspace(0, clip.shape[2] - 1, clip.shape[2] // 4).long())

    def forward(self, inputs: Mapping[StreamName, Tensor]) -> Tensor:
        clip = inputs[StreamName.CLIP]
        slow, fast = self.slow(self.pack(clip)), self.fast(clip)
        slow = self.slow2(torch.cat([slow, self.lateral(fast)], 1))
        return self.head(torch.cat([slow.mean((2, 3, 4)), fast.mean((2, 3, 4))], 1))  # type: ignore[no-any-return]


class SlowFastSlice(SlowFast):
    def pack(self, clip: Tensor) -> Tensor:
        return clip[:, :, ::4]


@pytest.mark.parametrize("module", [SlowFast(), SlowFastSlice()])
def test_the_slow_pathway_sees_one_frame(module: nn.Module) -> None:
    stream = Stream(name=StreamName.CLIP, frames=32, height=24, width=24)
    layers: dict[str, Layer] = {layer.name: layer for layer in trace(module, [stream])[0]}
    fields = {name: layer.receptive_field for name, layer in layers.items()}
    assert fields["slow"] == Extent(frames=1, height=7, width=7)
    assert fields["fast"] == Extent(frames=5, height=7, width=7)
    assert fields["lateral"] == Extent(frames=9, height=7, width=7)
    assert fields["slow2"].frames == 9
    assert layers["slow2"].map.frames == 8


class LinearHead(nn.Module):
    """Classifies with a linear layer on maps whose channels come last, as X3D and SlowFast do."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.head = nn.Conv3d(3, 5, 1), nn.Linear(5, 3)

    def forward(self, inputs: Mapping[StreamName, Tensor]) -> Tensor:
        x = self.conv(inputs[StreamName.CLIP]).mean((2, 3, 4), keepdim=True)
        return self.head(x.permute(0, 2, 3, 4, 1)).mean((1, 2, 3))  # type: ignore[no-any-return]


def test_a_linear_layer_that_gives_the_classes_is_no_layer_of_its_own() -> None:
    traced = trace_network(LinearHead(), [CLIP])
    assert [layer.name for layer in traced.layers] == ["conv", CLASS_LAYER]
    assert not traced.omitted
    older = trace_network(LinearHead(), [CLIP], known={"conv", "head", CLASS_LAYER})
    assert [layer.name for layer in older.layers] == ["conv", "head", CLASS_LAYER], "as cards had it before"
