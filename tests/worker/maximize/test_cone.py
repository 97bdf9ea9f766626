"""What the cone gives is what the full frame gives: for every layer of every family."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from app.contract.errors import InvalidRecipe, MixedDevices
from app.contract.network import NetworkCard, StreamName
from app.contract.recipe import Recipe
from tests.worker.conftest import WITHOUT_CONFIG
from worker.graph.windows import Window
from worker.maximize.cone import Cone, common_windows
from worker.maximize.from_recipe import Visualization, make_canvases, make_model, maximize_units
from worker.networks.families.two_stream import two_stream
from worker.networks.network import Network
from worker.networks.registry import Family
from worker.networks.trace import trace

LARGE = 64**2 * 20  # positions of an input beyond which a smaller one must do
Build = Callable[..., Network]


def narrow_vgg(classes: int) -> nn.Module:
    """Build the convolutions of VGG-16 an eighth as wide: all that a cone can differ in."""
    return two_stream(
        classes,
        size=224,
        flows=10,
        widths=(8, 16, 32, 64, 64),
        first_kernel=3,
        first_stride=1,
        fusion=64,
        fc=(16, 16),
        rgb_mean=(123.68 / 127.5 - 1, 116.779 / 127.5 - 1, 103.939 / 127.5 - 1),
        rgb_scale=127.5,
        flow_scale=127.5,
    )


NARROW: dict[str, Callable[[int], nn.Module]] = {"vgg16_two_stream": narrow_vgg}


def network(family: Family) -> Network:
    torch.manual_seed(0)
    module = NARROW.get(family.name, family.build)(len(family.labels)).eval().requires_grad_(False)
    for part in module.modules():
        if isinstance(part, nn.Conv2d | nn.Conv3d | nn.Linear):
            nn.init.kaiming_normal_(part.weight)
        if isinstance(part, nn.BatchNorm2d | nn.BatchNorm3d):
            assert part.running_mean is not None
            assert part.running_var is not None
            part.running_mean.uniform_(-0.2, 0.2)
            part.running_var.uniform_(0.5, 2)
            part.weight.uniform_(0.5, 2)
            part.bias.uniform_(-0.2, 0.2)
    layers, points = trace(module, family.streams)
    card = NetworkCard(
        slug="x",
        title="x",
        family=family.name,
        checksum="0" * 64,
        streams=family.streams,
        layers=layers,
        classes=family.labels,
        parameters=0,
        stimulus=family.stimulus,
    )
    return Network(card, module, points)


def gradients(net: Network, layer: str, asked: Recipe) -> tuple[Cone, Tensor, Tensor]:
    """Return the gradients of a random direction of the central units by the full frame and by its cone, end to end."""
    recipe = asked.resolved(net.card)
    cone, _ = make_model(net, layer, recipe)
    assert isinstance(cone, Cone), layer
    windows = {name: window(cone, name) for name in cone.canvases}
    generator = torch.Generator().manual_seed(1)
    frame = {
        name: torch.randn(1, c.depth, c.frames, c.height, c.width, generator=generator) * c.bound / 2
        for name, c in make_canvases(net.card, recipe).items()
    }
    parts = {name: cut(frame[name], at).detach().requires_grad_() for name, at in windows.items()}
    for x in frame.values():
        x.requires_grad_()
    inputs = {name: c.layout(frame[name]) for name, c in make_canvases(net.card, recipe).items()}
    whole = net.activation(layer, inputs)
    t, h, w = (side // 2 for side in whole.shape[2:])
    direction = torch.randn(whole.shape[1], generator=generator)
    full = torch.autograd.grad((whole[0, :, t, h, w] * direction).sum(), list(frame.values()), allow_unused=True)
    part = torch.autograd.grad(
        (cone.activations(parts, reduced=True)[layer][0, :, 0, 0, 0] * direction).sum(), list(parts.values())
    )
    placed = []
    for name, x in frame.items():
        zeros = torch.zeros_like(x)
        if name in windows:
            cut(zeros, windows[name]).copy_(part[list(parts).index(name)])
        placed.append(zeros.flatten())
    known = [torch.zeros_like(x) if g is None else g for g, x in zip(full, frame.values(), strict=True)]
    return cone, torch.cat([g.flatten() for g in known]), torch.cat(placed)


def window(cone: Cone, name: StreamName) -> Window:
    return cone.float32.input_windows[name]


def cut(x: Tensor, at: Window) -> Tensor:
    index: Any = (..., *(slice(start, stop) for start, stop in at))
    return x[index]


@pytest.mark.parametrize("family", WITHOUT_CONFIG, ids=lambda family: family.name)
def test_gradients_of_the_cone_are_those_of_the_full_frame(family: Family) -> None:
    net = network(family)
    stream = family.streams[-1]
    is_large = stream.frames * stream.height * stream.width > LARGE
    frames = min(stream.frames, 16) if stream.name is StreamName.CLIP else None
    size = 32 if stream.frames > 16 and frames is None else 48 if frames else 64
    recipe = Recipe(objective="center", **({"size": size, "frames": frames} if is_large else {}))
    cropped = 0
    own = {s.name: (s.frames, s.height, s.width) for s in family.streams}
    for layer in net.card.layers:
        try:
            cone, full, part = gradients(net, layer.name, recipe)
        except InvalidRecipe:  # fully connected layers at a size that is not their own
            assert is_large
            continue
        assert F.cosine_similarity(full.double(), part.double(), dim=0) > 0.9999, layer.name
        torch.testing.assert_close(part.norm(), full.norm(), rtol=1e-3, atol=0)
        cropped += any((c.frames, c.height, c.width) != own[name] for name, c in cone.canvases.items())
    assert cropped > 2


class Odd(nn.Module):
    """Every operator that has a rule, padding of every kind, and a window that the border cuts on one side."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv3d(3, 4, (3, 5, 3), (1, 2, 1), padding=(1, 2, 1), bias=False)
        self.norm = nn.BatchNorm3d(4)
        self.wide = nn.Conv3d(4, 4, 3, padding="same", dilation=(1, 2, 1), groups=2)
        self.late = nn.BatchNorm3d(8)
        self.conv1 = nn.Conv3d(8, 6, 3, padding=1)

    def forward(self, inputs: Mapping[StreamName, Tensor]) -> Tensor:
        x = F.leaky_relu_(self.norm(self.first(inputs[StreamName.CLIP])), 0.2)
        x = F.max_pool3d(F.pad(x, (0, 1, 1, 0)), (1, 3, 3), (1, 2, 2), padding=(0, 1, 1), ceil_mode=True)
        x = torch.cat([self.wide(x).sigmoid(), torch.tanh(x)], 1)
        x = F.avg_pool3d(self.late(x), (1, 2, 2), 1, padding=(0, 1, 1))
        a, b = torch.split(x[:, :, ::2], 4, 1)
        x = torch.cat([a * 2 + b.mean((2, 3, 4), keepdim=True), b], 1)[:, :, 1:]
        x = F.adaptive_avg_pool3d(x, (x.shape[2], x.shape[3], x.shape[4]))
        logits: Tensor = self.conv1(x).mean((2, 3, 4))
        return logits


class Local(Odd):
    """The same without the mean over everything."""

    def forward(self, inputs: Mapping[StreamName, Tensor]) -> Tensor:
        x = torch.relu(self.norm(self.first(inputs[StreamName.CLIP])))
        x = F.max_pool3d(F.pad(x, (0, 1, 1, 0)), (1, 3, 3), (1, 2, 2), padding=(0, 1, 1), ceil_mode=True)
        x = torch.cat([self.wide(x).sigmoid(), torch.tanh(x)], 1)
        x = F.avg_pool3d(self.late(x), (1, 2, 2), 1, padding=(0, 1, 1))
        a, b = torch.split(x[:, :, ::2], 4, 1)
        logits: Tensor = self.conv1(torch.cat([a * 2 + b, b], 1)).mean((2, 3, 4))
        return logits


@pytest.mark.parametrize(("module", "is_cropped"), [(Odd, False), (Local, True)])
def test_a_network_of_every_operator(network_of: Build, module: type[nn.Module], is_cropped: bool) -> None:
    torch.manual_seed(3)
    net = network_of(module(), size=48)
    cone, full, part = gradients(net, "conv1", Recipe(objective="center"))
    assert F.cosine_similarity(full.double(), part.double(), dim=0) > 0.9999
    assert (cone.canvases[StreamName.CLIP].height != 48) is is_cropped


class LooksAtValues(Local):
    def forward(self, inputs: Mapping[StreamName, Tensor]) -> Tensor:
        return super().forward({name: x if bool(x.max() < 9) else x / 2 for name, x in inputs.items()})


class FramesInTheBatch(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 6, 3, padding=1)

    def forward(self, inputs: Mapping[StreamName, Tensor]) -> Tensor:
        x = inputs[StreamName.CLIP].transpose(1, 2).flatten(0, 1)
        logits: Tensor = self.conv1(x).mean((2, 3)).view(-1, 8, 6).mean(1)
        return logits


class OwnGradient(torch.autograd.Function):
    @staticmethod
    def forward(ctx: object, x: Tensor) -> Tensor:
        return x.sign()

    @staticmethod
    def backward(ctx: object, gradient: Tensor) -> Tensor:
        return gradient


class StraightThrough(Local):
    def forward(self, inputs: Mapping[StreamName, Tensor]) -> Tensor:
        # torch's `apply` has no types
        return super().forward({name: OwnGradient.apply(x) for name, x in inputs.items()})  # type: ignore[no-untyped-call]


class WritesIntoParts(Local):
    def forward(self, inputs: Mapping[StreamName, Tensor]) -> Tensor:
        mixed = torch.zeros_like(inputs[StreamName.CLIP])
        mixed[:, :, 1:] = inputs[StreamName.CLIP][:, :, :-1]
        return super().forward({StreamName.CLIP: mixed})


@pytest.mark.parametrize(
    ("module", "reason"),
    [
        (LooksAtValues, "looks at values"),
        (StraightThrough, "without gradients"),
        (WritesIntoParts, "memory that other tensors share"),
    ],
)
def test_where_no_cone_can_be_had_the_whole_frame_is_computed(
    network_of: Build, module: type[nn.Module], reason: str
) -> None:
    net = network_of(module())
    recipe = Recipe(objective="center", steps=2).resolved(net.card)
    assert reason in make_model(net, "conv1", recipe)[1]
    (actual,) = maximize_units(net, "conv1", [1], [recipe])
    assert isinstance(actual.outcome, Visualization)
    assert actual.outcome.stimulus[StreamName.CLIP].shape == (3, 8, 24, 24)
    assert actual.outcome.measurements.seen is None
    assert reason in actual.outcome.measurements.notes[0]


def test_a_recording_that_holds_for_one_batch_size_alone_is_not_used(network_of: Build) -> None:
    net = network_of(FramesInTheBatch())
    assert "run again" in make_model(net, "conv1", Recipe().resolved(net.card))[1]


def test_single_stream_layers_run_nothing_of_the_other_stream(tiny_two_stream: Network) -> None:
    cone, _ = make_model(tiny_two_stream, "motion.conv3_1", Recipe().resolved(tiny_two_stream.card))
    assert cone.canvases.keys() == {StreamName.MOTION}
    actual, _ = make_model(tiny_two_stream, "motion.conv3_1", Recipe(objective="center").resolved(tiny_two_stream.card))
    assert actual.canvases[StreamName.MOTION].shape == (2, 3, 18 + 16, 18 + 16)  # margin for the jitter


def test_streams_that_are_seen_together_have_one_window() -> None:
    windows = {StreamName.APPEARANCE: ((2, 9), (3, 8)), StreamName.MOTION: ((1, 7), (3, 9))}
    assert common_windows(windows) == dict.fromkeys(windows, ((1, 9), (3, 9)))


def test_weights_that_change_are_noticed(clip_network: Network) -> None:
    recipe, seen = Recipe().resolved(clip_network.card), {StreamName.CLIP: torch.ones(1, 3, 8, 24, 24)}
    with torch.no_grad():
        before = make_model(clip_network, "conv2", recipe)[0].activations(seen, reduced=False)["conv2"]
        conv1 = clip_network.module.get_submodule("conv1")
        assert isinstance(conv1, nn.Conv3d)
        conv1.weight.mul_(2)
        after = make_model(clip_network, "conv2", recipe)[0].activations(seen, reduced=False)["conv2"]
    assert not torch.allclose(before, after)


def test_weights_in_two_places_are_refused(clip_network: Network) -> None:
    clip_network.module.get_submodule("scores").to("meta")
    with pytest.raises(MixedDevices, match="cpu and meta"):
        maximize_units(clip_network, "conv1", [0], [Recipe(steps=1)])


class Strayed(Local):
    def __init__(self) -> None:
        super().__init__()
        self.shift = [torch.zeros(1, device="meta")]  # not a buffer: it stays where it was made

    def forward(self, inputs: Mapping[StreamName, Tensor]) -> Tensor:
        return super().forward({StreamName.CLIP: torch.add(inputs[StreamName.CLIP], self.shift[0].view(1, 1, 1, 1, 1))})


def test_a_tensor_that_was_left_behind_is_named(network_of: Build) -> None:
    with pytest.raises(MixedDevices, match="parameters and buffers"):
        maximize_units(network_of(Strayed()), "conv1", [0], [Recipe(steps=1)])
