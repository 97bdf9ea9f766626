"""Networks that write in place give the numbers of the same networks that do not."""

from collections.abc import Mapping
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from safetensors.torch import save_file
from torch import Tensor, nn

from app.contract.network import Extent, Stream, StreamName
from app.contract.recipe import Recipe
from tests.worker.evidence.inputs import random_inputs
from worker.evidence.activation_reader import read_activations
from worker.evidence.class_attributions import attribute_clip
from worker.evidence.explain import explain
from worker.graph.forward_hook import forward_to_all
from worker.graph.inputs import Inputs
from worker.maximize.from_recipe import Visualization, maximize_units
from worker.networks.load import describe_network, load_network
from worker.networks.network import Network
from worker.networks.registry import register, unregister


class Block(nn.Module):
    """A residual block between two convolutions; the subclasses say how it is written."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.first, self.second = nn.Conv3d(3, 6, 3, padding=1), nn.Conv3d(6, 6, 3, padding=1)
        self.shortcut, self.norm, self.last = nn.Conv3d(6, 6, 1), nn.BatchNorm3d(6), nn.Linear(6, classes)

    def forward(self, inputs: Mapping[StreamName, Tensor]) -> Tensor:
        return self.last(self.block(inputs[StreamName.CLIP]).mean((2, 3, 4)))  # type: ignore[no-any-return]

    def block(self, x: Tensor) -> Tensor:
        raise NotImplementedError


class Sum(Block):
    def block(self, x: Tensor) -> Tensor:
        y = self.first(x)
        return F.relu(self.second(y) + y)


class SumInPlace(Block):
    def block(self, x: Tensor) -> Tensor:
        y = self.first(x)
        z: Tensor = self.second(y)
        z += y
        return F.relu(z, inplace=True)


class ShortcutLast(Block):
    def block(self, x: Tensor) -> Tensor:
        y = F.relu(self.first(x))
        return F.relu(self.norm(self.second(y) + self.shortcut(y)))


class ShortcutLastInPlace(Block):
    def block(self, x: Tensor) -> Tensor:
        y = torch.relu_(self.first(x))
        z: Tensor = self.second(y)
        z += self.shortcut(y)
        normalised: Tensor = self.norm(z)
        return normalised.relu_()


class Assigned(Block):
    def block(self, x: Tensor) -> Tensor:
        y = self.first(x - 0.1)
        return F.dropout(F.relu(self.second(y) * 0.5 + F.relu(y)), training=self.training)


class AssignedInPlace(Block):
    """Writes through views, and into its own input."""

    def block(self, x: Tensor) -> Tensor:
        y = self.first(x.sub_(0.1))
        z: Tensor = self.second(y)
        z.view(-1).mul_(0.5)
        z[:] = z + F.relu(y)
        z.relu_()
        return F.dropout(z, training=self.training, inplace=True)


class BothWays(Block):
    """A layer goes into a ReLU, and past it: its units do not count as rectified."""

    def block(self, x: Tensor) -> Tensor:
        y: Tensor = self.second(self.first(x))
        return torch.relu(y) + 0.3 * y


PAIRS = [(Sum, SumInPlace), (ShortcutLast, ShortcutLastInPlace), (Assigned, AssignedInPlace)]


def build(kind: type[Block], folder: Path) -> Network:
    stream = Stream(name=StreamName.CLIP, frames=4, height=16, width=20)
    register(
        name=kind.__name__.lower(),
        title=kind.__name__,
        streams=[stream],
        stimulus=Extent(frames=4, height=16, width=20),
        classes=("a", "b", "c"),
    )(kind)
    weights = folder / f"{kind.__name__}.safetensors"
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        save_file(kind(3).state_dict(), weights)
    try:
        return load_network(describe_network(family=kind.__name__.lower(), weights=weights), weights.read_bytes())
    finally:
        unregister(kind.__name__.lower())


@pytest.mark.parametrize(("plain_kind", "in_place_kind"), PAIRS)
def test_both_forms_give_the_same_numbers(plain_kind: type[Block], in_place_kind: type[Block], tmp_path: Path) -> None:
    plain, in_place = build(plain_kind, tmp_path), build(in_place_kind, tmp_path)
    assert in_place.points == plain.points
    for ours, theirs in zip(in_place.card.layers, plain.card.layers, strict=True):
        assert ours == theirs
    inputs = random_inputs(plain, clips=1)
    before = inputs[StreamName.CLIP].clone()
    names = [layer.name for layer in plain.card.layers]
    with read_activations(plain) as read_plain, read_activations(in_place) as read_in_place:
        readings = read_plain(inputs), read_in_place(inputs)
    for name in names:
        torch.testing.assert_close(readings[1][name].peak, readings[0][name].peak)
        torch.testing.assert_close(in_place.activation(name, inputs), plain.activation(name, inputs))
        if name != "class":
            units = torch.arange(6)
            expected = attribute_clip(plain, inputs, name, units)
            torch.testing.assert_close(attribute_clip(in_place, inputs, name, units), expected, rtol=1e-4, atol=1e-6)
    assert explain(in_place, inputs).predicted.model_dump() == approximately(
        explain(plain, inputs).predicted.model_dump()
    )
    assert torch.equal(inputs[StreamName.CLIP], before), "inputs are as they were"
    for paths in (["first", "second"], ["second", ""]):
        plain_outputs, in_place_outputs = read_all(plain, paths, inputs), read_all(in_place, paths, inputs)
        for path in paths:
            torch.testing.assert_close(in_place_outputs[path], plain_outputs[path])


@pytest.mark.parametrize(("plain_kind", "in_place_kind"), PAIRS)
def test_both_forms_are_maximized_alike(plain_kind: type[Block], in_place_kind: type[Block], tmp_path: Path) -> None:
    for layer, recipe in (
        ("second", Recipe(steps=2, jitter=0, objective="center")),
        ("class", Recipe(steps=2, jitter=0)),
    ):
        stimuli = []
        for kind in (plain_kind, in_place_kind):
            (result,) = maximize_units(build(kind, tmp_path), layer, [2], [recipe])
            assert isinstance(result.outcome, Visualization)
            stimuli.append(torch.from_numpy(result.outcome.stimulus[StreamName.CLIP]))
        torch.testing.assert_close(stimuli[1], stimuli[0], rtol=1e-3, atol=1e-3)


def read_all(network: Network, paths: list[str], inputs: Inputs) -> Mapping[str, Tensor]:
    with torch.no_grad(), forward_to_all(network.module, paths) as outputs:
        return outputs(inputs)


def approximately(value: object) -> object:
    if isinstance(value, float):
        return pytest.approx(value, rel=1e-3, abs=1e-5)
    if isinstance(value, dict):
        return {name: approximately(part) for name, part in value.items()}
    return type(value)(map(approximately, value)) if isinstance(value, tuple | list) else value


def test_shares_are_those_that_a_finite_difference_gives(tmp_path: Path) -> None:
    """The share of a unit is the derivative of the logit along its own activation, which can be measured."""
    for kind in (Sum, SumInPlace, BothWays):
        network = build(kind, tmp_path)
        assert not network.points["second"].rectified
        inputs = random_inputs(network, clips=1)
        share = attribute_clip(network, inputs, "second", torch.arange(6))[0]
        for unit in range(6):
            scaled = []
            for factor in (0.999, 1.001):

                def scale(
                    part: nn.Module, given: object, output: Tensor, factor: float = factor, u: int = unit
                ) -> Tensor:
                    output = output.double().clone()
                    output[:, u] *= factor
                    return output

                module = network.module.double()
                handle = module.get_submodule("second").register_forward_hook(scale)
                scaled.append(module({name: x.double() for name, x in inputs.items()})[0].detach())
                handle.remove()
                network.module.float()
            torch.testing.assert_close(share[unit].double(), (scaled[1] - scaled[0]) / 0.002, rtol=1e-2, atol=1e-4)
