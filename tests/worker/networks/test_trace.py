from collections.abc import Sequence

import pytest
import torch
from torch import nn

from app.contract.errors import InvalidRequest
from app.contract.network import Extent, Layer, Stream, StreamName
from tests.worker.conftest import WITHOUT_CONFIG
from worker.graph.forward_hook import forward_to
from worker.graph.inputs import Inputs, as_map
from worker.networks.network import Network
from worker.networks.registry import Family, find_family
from worker.networks.trace import trace, zero_inputs

CLIP = Stream(name=StreamName.CLIP, frames=24, height=48, width=48)


def by_name(layers: tuple[Layer, ...]) -> dict[str, Layer]:
    return {layer.name: layer for layer in layers}


@pytest.mark.parametrize("family", WITHOUT_CONFIG, ids=lambda family: family.name)
def test_every_family_builds_and_traces(family: Family) -> None:
    with torch.device("meta"):
        module = family.build(len(family.labels)).eval()
    layers, points = trace(module, family.streams)
    assert [layer.index for layer in layers] == list(range(len(layers)))
    assert set(points) == {layer.name for layer in layers}
    assert layers[-1].name == "class"
    assert layers[-1].units == len(family.labels)
    assert len({layer.name for layer in layers}) == len(layers) > 2


def test_vgg16_receptive_fields_are_those_of_the_book() -> None:
    family = find_family("vgg16_two_stream")
    with torch.device("meta"):
        layers = by_name(trace(family.build(101).eval(), family.streams)[0])
    for stream, frames in (("appearance", 1), ("motion", 10)):
        for layer, size in {"conv1_1": 3, "conv2_2": 14, "conv3_3": 40, "conv4_3": 92, "conv5_3": 196}.items():
            actual = layers[f"{stream}.{layer}"]
            assert actual.receptive_field == Extent(frames=frames, height=size, width=size)
            assert actual.stream == stream
    fused = layers["fusion.conv5"]
    assert fused.stream == "fusion"
    assert fused.receptive_field == Extent(frames=10, height=224, width=224)  # 228, but for the input's size
    assert (fused.units, fused.map) == (512, Extent(frames=1, height=14, width=14))
    assert list(layers)[-4:] == ["fusion.conv5", "fc6", "fc7", "class"]
    assert layers["fc6"].map == Extent(frames=1, height=1, width=1)


class Positive(nn.Module):
    """Every kind of operator that has a rule, in space and time, with nothing that could cancel."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv3d(3, 4, (5, 3, 3), (1, 2, 2), padding=(2, 1, 1))
        self.narrow = nn.Conv3d(4, 4, 1)
        self.wide = nn.Conv3d(4, 4, (3, 3, 5), padding=(2, 2, 2), dilation=(2, 2, 1))
        self.norm = nn.BatchNorm3d(8)
        self.last = nn.Conv3d(8, 4, 3, padding=1)
        self.late = nn.Conv3d(4, 2, (1, 2, 2))
        self.scores = nn.Linear(2, 3)
        for parameter in self.parameters():
            nn.init.constant_(parameter, 1 / parameter[0].numel())

    def forward(self, inputs: Inputs) -> torch.Tensor:
        x = nn.functional.relu(self.first(inputs[StreamName.CLIP]))
        x = nn.functional.avg_pool3d(nn.functional.pad(x, (2, 0, 1, 1, 1, 0)), (2, 3, 3), (2, 1, 1))
        x = self.last(nn.functional.relu(self.norm(torch.cat([self.narrow(x) * 2, self.wide(x)], 1))))
        x = nn.functional.adaptive_avg_pool3d(x[:, :4] + 1, (6, 12, 12))
        result: torch.Tensor = self.scores(torch.sigmoid(self.late(x)).mean((2, 3, 4)))
        return result


def extent(sides: Sequence[int]) -> Extent:
    frames, height, width = sides
    return Extent(frames=frames, height=height, width=width)


def seen_by_gradient(module: nn.Module, path: str) -> tuple[Extent, Extent]:
    """Return the size of the map, and of the part of the clip that the central position depends on."""
    clip = torch.full((1, 3, 24, 48, 48), 0.1, requires_grad=True)
    with forward_to(module, path) as run:
        activation = as_map(run({StreamName.CLIP: clip}))
    size = activation.shape[2:]
    t, h, w = (side // 2 for side in size)
    (gradient,) = torch.autograd.grad(activation[0, 0, t, h, w], clip)
    seen = (gradient[0, 0] != 0).nonzero()
    span = seen.amax(0) - seen.amin(0) + 1
    return extent(size), extent(span.tolist())


def test_receptive_fields_agree_with_gradients() -> None:
    module = Positive().eval()
    layers, points = trace(module, [CLIP])
    assert [layer.name for layer in layers] == ["first", "narrow", "wide", "last", "late", "class"]
    for layer in layers:
        assert (layer.map, layer.receptive_field) == seen_by_gradient(module, points[layer.name].path), layer.name
    assert layers[3].receptive_field.frames < 24  # the comparison is of more than whole inputs
    assert layers[3].receptive_field.height < 48


def test_receptive_fields_of_two_streams_agree_with_gradients(tiny_two_stream: Network) -> None:
    inputs = {
        name: tensor.normal_(generator=torch.Generator().manual_seed(1)).requires_grad_()
        for name, tensor in zero_inputs(tiny_two_stream.card.streams, 1, torch.device("cpu")).items()
    }
    for layer in tiny_two_stream.card.layers:
        activation = tiny_two_stream.activation(layer.name, inputs)
        assert tuple(activation.shape[1:]) == (layer.units, *layer.map.model_dump().values())
        gradients = torch.autograd.grad(activation.sum(), list(inputs.values()), allow_unused=True)
        reached = [name.value for name, gradient in zip(inputs, gradients, strict=True) if gradient is not None]
        assert layer.stream == ("fusion" if len(reached) == 2 else reached[0])
        assert layer.receptive_field.frames == (1 if layer.stream == "appearance" else 3)


def test_layers_of_a_module_without_taps(tiny_clip: Network) -> None:
    assert {name: (point.path, point.rectified) for name, point in tiny_clip.points.items()} == {
        "stem.1": ("stem.1", True),  # the batch normalisation behind stem.0, before its ReLU in place
        "conv2": ("conv2", True),
        "conv3": ("conv3", False),  # goes into a sum first
        "shortcut": ("shortcut", False),
        "class": ("", False),  # the head
    }
    assert [layer.name for layer in tiny_clip.card.layers] == ["stem.1", "conv2", "conv3", "shortcut", "class"]
    conv2 = tiny_clip.card.layer("conv2")
    assert conv2.map == Extent(frames=4, height=8, width=8)
    assert conv2.receptive_field == Extent(frames=5, height=7, width=7)


def test_activations_are_those_before_the_relu(tiny_clip: Network) -> None:
    inputs = {StreamName.CLIP: torch.randn(1, 3, 8, 32, 32, generator=torch.Generator().manual_seed(0))}
    for layer in ("stem.1", "conv2"):
        assert tiny_clip.activation(layer, inputs).min() < 0
    assert torch.equal(tiny_clip.activation("class", inputs)[..., 0, 0, 0], tiny_clip.logits(inputs))


class LooksAtValues(nn.Module):
    """Cannot run on shapes alone."""

    def __init__(self, out: int = 3) -> None:
        super().__init__()
        self.conv = nn.Conv3d(3, 4, 3)
        self.scores = nn.Linear(4, out)

    def forward(self, inputs: Inputs) -> torch.Tensor:
        x = self.conv(inputs[StreamName.CLIP])
        if bool((x > 1e9).any()):
            raise OverflowError
        result: torch.Tensor = self.scores(x.mean((2, 3, 4)))
        return result


class WritesIntoMemory(LooksAtValues):
    """A tensor that is filled part by part sees what was written into it."""

    def forward(self, inputs: Inputs) -> torch.Tensor:
        clip = inputs[StreamName.CLIP]
        mixed = torch.zeros_like(clip)
        mixed[:, :, 1:] = clip[:, :, :-1]
        result: torch.Tensor = self.scores(self.conv(mixed).mean((2, 3, 4)))
        return result


SMALL = Stream(name=StreamName.CLIP, frames=8, height=12, width=12)


def test_a_module_that_looks_at_values() -> None:
    layers = by_name(trace(LooksAtValues(), [SMALL])[0])
    assert list(layers) == ["conv", "class"]
    assert layers["conv"].receptive_field == Extent(frames=3, height=3, width=3)


def test_a_tensor_that_is_filled_part_by_part() -> None:
    layers = by_name(trace(WritesIntoMemory(), [SMALL])[0])
    assert layers["conv"].receptive_field == Extent(frames=3, height=3, width=3)


def test_tracing_returns_its_hooks(tiny_two_stream: Network, tiny_clip: Network) -> None:
    for module in (tiny_two_stream.module, tiny_clip.module):
        assert all(not part._forward_hooks and not part._forward_pre_hooks for part in module.modules())


class GivesMaps(LooksAtValues):
    def forward(self, inputs: Inputs) -> torch.Tensor:
        result: torch.Tensor = self.conv(inputs[StreamName.CLIP])
        return result


def test_modules_that_are_no_network() -> None:
    with pytest.raises(InvalidRequest, match="logits of shape"):
        trace(GivesMaps(), [SMALL])
    flow = Stream(name=StreamName.MOTION, frames=3, height=8, width=8)
    with pytest.raises(InvalidRequest, match="cannot run on inputs of the sizes that its family states: KeyError"):
        trace(LooksAtValues(), [flow])
