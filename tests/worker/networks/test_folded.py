"""Networks that compute frames one by one, folded into the batch: their layers are maps of the clip."""

from collections.abc import Mapping
from copy import deepcopy

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from app.contract.network import Extent, Layer, Stream, StreamName
from app.contract.recipe import Recipe
from tests.worker.evidence.inputs import random_inputs
from worker.evidence.activation_reader import read_activations
from worker.evidence.class_attributions import attribute_clip
from worker.evidence.explain import explain
from worker.evidence.output_hook import replace_output
from worker.graph.inputs import Inputs
from worker.maximize.from_recipe import Visualization, maximize_units
from worker.networks.network import Network
from worker.networks.stimulus_limits import with_limits
from worker.networks.tokens import ChannelsLastTap
from worker.networks.trace import trace, trace_network

CLIP = Stream(name=StreamName.CLIP, frames=4, height=16, width=12)


class Frames(nn.Module):
    """A small network of frames, as TSN is: convolutions of each frame, scores of each frame, their mean."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 4, 3, padding=1, stride=2)
        self.second, self.norm = nn.Conv2d(4, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4)
        self.hidden, self.scores = nn.Linear(4, 6), nn.Linear(6, 3)

    def fold(self, clip: Tensor) -> Tensor:
        return clip.transpose(1, 2).reshape(-1, 3, *clip.shape[3:])

    def unfold(self, frames: Tensor, clips: int) -> Tensor:
        """Return (B, T, ...) of folded frames."""
        return frames.view(clips, -1, *frames.shape[1:])

    def mix(self, x: Tensor, clips: int) -> Tensor:
        return x

    def forward(self, inputs: Inputs) -> Tensor:
        clip = inputs[StreamName.CLIP]
        x = F.relu_(self.first(self.fold(clip)))
        x = F.relu(self.norm(self.second(self.mix(x, len(clip)))))
        x = self.scores(F.relu(self.hidden(x.mean((2, 3)))))
        return self.unfold(x, len(clip)).mean(1)


class FramesFirst(Frames):
    """Folds (T B, C, H, W)."""

    def fold(self, clip: Tensor) -> Tensor:
        return clip.permute(2, 0, 1, 3, 4).flatten(0, 1)

    def unfold(self, frames: Tensor, clips: int) -> Tensor:
        return frames.view(-1, clips, *frames.shape[1:]).transpose(0, 1)


class Shifted(Frames):
    """Moves a quarter of the channels to the next frame and one to the frame before, as TSM does."""

    def mix(self, x: Tensor, clips: int) -> Tensor:
        apart = self.unfold(x, clips)
        out = torch.zeros_like(apart)
        out[:, :-1, :1] = apart[:, 1:, :1]
        out[:, 1:, 1:2] = apart[:, :-1, 1:2]
        out[:, :, 2:] = apart[:, :, 2:]
        return out.flatten(0, 1)


class Unfolded(nn.Module):
    """The same network of clips, (B, C, T, H, W), with the weights of another."""

    def __init__(self, frames: Frames) -> None:
        super().__init__()
        self.frames = frames

    def forward(self, inputs: Inputs) -> Mapping[str, Tensor]:
        maps: dict[str, list[Tensor]] = {}
        net, clip = self.frames, inputs[StreamName.CLIP]
        first = torch.stack([net.first(frame) for frame in clip.unbind(2)], 1)
        maps["first"] = [first.transpose(1, 2)]
        x = F.relu(first).flatten(0, 1)
        x = x if type(net) is not Shifted else net.mix(x, len(clip))
        x = net.norm(net.second(x))
        maps["norm"] = [x.unflatten(0, (len(clip), -1)).transpose(1, 2)]
        hidden = net.hidden(F.relu(x).mean((2, 3))).unflatten(0, (len(clip), -1)).transpose(1, 2)
        maps["hidden"] = [hidden[..., None, None]]
        return {name: values[0] for name, values in maps.items()}


def build(kind: type[Frames], network: Network) -> Network:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        module = kind().eval().requires_grad_(False)
    layers, points = trace(module, [CLIP])
    extent = Extent(frames=4, height=16, width=12)
    update = {"layers": layers, "streams": (CLIP,), "stimulus": extent, "classes": ("a", "b", "c")}
    return Network(network.card.model_copy(update=update), module, points)


@pytest.fixture(params=[Frames, FramesFirst, Shifted])
def network(request: pytest.FixtureRequest, tiny_clip: Network) -> Network:
    return build(request.param, tiny_clip)


def test_frames_are_an_axis_of_the_map(network: Network) -> None:
    seen = 3 if isinstance(network.module, Shifted) else 1
    layers: dict[str, Layer] = {layer.name: layer for layer in network.card.layers}
    assert list(layers) == ["first", "norm", "hidden", "class"]
    assert (layers["first"].units, layers["first"].map) == (4, Extent(frames=4, height=8, width=6))
    assert layers["first"].receptive_field == Extent(frames=1, height=3, width=3)
    assert layers["norm"].receptive_field == Extent(frames=seen, height=7, width=7)
    assert (layers["hidden"].units, layers["hidden"].map) == (6, Extent(frames=4, height=1, width=1))
    assert layers["hidden"].receptive_field.frames == seen
    assert [network.points[name].rectified for name in layers] == [True, True, True, False]


def test_every_reader_finds_the_maps(network: Network) -> None:
    inputs = random_inputs(network, clips=3)
    before = network.logits(inputs)
    expected = Unfolded(network.module)(inputs)  # type: ignore[arg-type]
    with read_activations(network) as read:
        readings = read(inputs)
    for name, maps in expected.items():
        torch.testing.assert_close(network.activation(name, inputs), maps)
        torch.testing.assert_close(readings[name].trace, maps.amax((3, 4)).relu())
    torch.testing.assert_close(network.logits(inputs), before)
    torch.testing.assert_close(deepcopy(network.module)(inputs), before)


def test_what_is_written_into_a_map_goes_on(network: Network) -> None:
    inputs, module = random_inputs(network, clips=2), network.module
    hidden = Unfolded(module)(inputs)["hidden"] * torch.tensor([0, 1, 1, 1, 1, 1]).view(1, 6, 1, 1, 1)  # type: ignore[arg-type]

    def silence(maps: Tensor) -> Tensor:
        assert maps.shape == hidden.shape
        return torch.cat([maps[:, :1] * 0, maps[:, 1:]], 1)

    with replace_output(module, network.points["hidden"].path, silence):
        logits = module(inputs)
    expected = module.get_submodule("scores")(F.relu(hidden)[..., 0, 0].transpose(1, 2)).mean(1)
    torch.testing.assert_close(logits, expected)


def test_a_unit_is_visualized_explained_and_silenced(network: Network) -> None:
    for layer, objective in (("norm", "center"), ("hidden", "channel")):
        (result,) = maximize_units(network, layer, [1], [Recipe(steps=3, jitter=0, objective=objective)])
        assert isinstance(result.outcome, Visualization), result.outcome
    inputs = random_inputs(network, clips=1)
    assert attribute_clip(network, inputs, "norm", torch.arange(4)).abs().sum() > 0
    assert explain(network, inputs).predicted


def test_tracing_twice_finds_the_same(network: Network) -> None:
    layers, points = trace(network.module, [CLIP])
    assert (layers, points) == (network.card.layers, network.points)


def test_lengths_and_sizes_are_measured(tiny_clip: Network) -> None:
    network = build(Frames, tiny_clip)
    layers = with_limits(network.module, network.card.layers, network.points, [CLIP], network.card.stimulus)
    assert layers[0].lengths is not None
    assert layers[0].lengths[0][0] == 1


class ManyCrops(nn.Module):
    """Folds two crops of each clip into the batch, which is more than frames."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.last, self.scores = nn.Conv3d(3, 4, 1), nn.Linear(4, 5), nn.Linear(5, 3)

    def forward(self, inputs: Inputs) -> Tensor:
        clip = inputs[StreamName.CLIP]
        crops = torch.stack([clip[..., :8], clip[..., 4:]], 1).flatten(0, 1)
        x = self.last(self.conv(crops).movedim(1, -1))
        return self.scores(x.mean((1, 2, 3)).view(len(clip), 2, 5).mean(1))  # type: ignore[no-any-return]


def test_what_cannot_be_unfolded_is_said() -> None:
    traced = trace_network(ManyCrops(), [CLIP])
    assert [layer.name for layer in traced.layers] == ["class"]
    assert {part.module: part.shape for part in traced.omitted} == {"conv": (4, 4, 4, 16, 8), "last": (4, 4, 16, 8, 5)}
    assert {part.reason for part in traced.omitted} == {"its output has more than frames folded into the batch of 2"}


class ChannelsLast(nn.Module):
    """Moves the channels to the end, as Swin does; `with_tap` marks the layer."""

    def __init__(self, with_tap: bool) -> None:
        super().__init__()
        self.conv, self.mix, self.scores = nn.Conv3d(3, 4, 1), nn.Linear(4, 5), nn.Linear(5, 3)
        if with_tap:
            self.mixed = ChannelsLastTap()
            self.mixed.attach(self.mix)

    def forward(self, inputs: Inputs) -> Tensor:
        x = self.mix(self.conv(inputs[StreamName.CLIP]).movedim(1, -1))
        return self.scores(x.mean((1, 2, 3)))  # type: ignore[no-any-return]


def test_channels_that_come_last() -> None:
    traced = trace_network(ChannelsLast(with_tap=False), [CLIP])
    assert [layer.name for layer in traced.layers] == ["conv", "class"]
    (mix,) = traced.omitted
    assert (mix.module, mix.shape) == ("mix", (2, 4, 16, 12, 5))
    assert "ChannelsLastTap" in mix.reason
    (tapped, _), _ = trace(ChannelsLast(with_tap=True), [CLIP])
    assert (tapped.name, tapped.units, tapped.map) == ("mixed", 5, Extent(frames=4, height=16, width=12))
    assert tapped.receptive_field == Extent(frames=1, height=1, width=1)


def test_a_card_made_when_channels_counted_as_frames_still_loads() -> None:
    traced = trace_network(ChannelsLast(with_tap=False), [CLIP], known={"conv", "mix", "class"})
    assert [(layer.name, layer.units) for layer in traced.layers] == [("conv", 4), ("mix", 4), ("class", 3)]
