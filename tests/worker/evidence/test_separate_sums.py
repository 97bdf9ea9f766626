"""Units of a shortcut that is added in place are changed in copies behind it, as those of any other layer."""

from collections.abc import Mapping

import pytest
import torch
from torch import Tensor, nn

from app.contract.network import Extent, Stream, StreamName
from tests.worker.evidence.inputs import random_inputs
from tests.worker.evidence.traced_network import trace_network
from worker.evidence.class_attributions import attribute_clip
from worker.evidence.separate_sums import with_separate_sums
from worker.evidence.silencing import count_tails, silenced_logits
from worker.networks.network import Network

UNITS = 6


class Shortcut(nn.Module):
    """A residual block as torchvision writes it; `is_aliased` reads what was added by another name too."""

    def __init__(self, *, is_aliased: bool = False) -> None:
        super().__init__()
        self.is_aliased, self.passes = is_aliased, 0
        self.conv = nn.Conv2d(3, UNITS, 3, padding=1)
        self.shortcut = nn.Conv2d(3, UNITS, 1)
        self.head = nn.Linear(UNITS, 2)

    def forward(self, inputs: Mapping[StreamName, Tensor]) -> Tensor:
        self.passes += 1
        x = inputs[StreamName.APPEARANCE]
        out = other = self.conv(x)
        out += self.shortcut(x)
        logits: Tensor = self.head(torch.relu(other if self.is_aliased else out).mean((2, 3)))
        return logits


def make_network(*, is_aliased: bool = False) -> Network:
    torch.manual_seed(1)
    stream = Stream(name=StreamName.APPEARANCE, frames=1, height=8, width=8)
    return trace_network(Shortcut(is_aliased=is_aliased), [stream], Extent(frames=1, height=8, width=8))


@pytest.mark.parametrize(("is_aliased", "most"), [(False, 5), (True, 30)])
def test_a_unit_of_a_shortcut_has_the_effect_that_silencing_it_has(is_aliased: bool, most: int) -> None:
    network = make_network(is_aliased=is_aliased)
    inputs = random_inputs(network, clips=1)
    module = network.module
    assert isinstance(module, Shortcut)
    module.passes = 0
    _, effect, _ = attribute_clip(network, inputs, "shortcut", torch.arange(UNITS))
    assert module.passes <= most
    whole = network.logits(inputs)
    for unit in range(UNITS):
        with torch.no_grad():
            weight, bias = module.shortcut.weight[unit].clone(), module.shortcut.bias[unit].clone()  # type: ignore[index]
            module.shortcut.weight[unit], module.shortcut.bias[unit] = 0, 0  # type: ignore[index]
            without = network.logits(inputs)
            module.shortcut.weight[unit], module.shortcut.bias[unit] = weight, bias  # type: ignore[index]
        assert effect[unit].tolist() == pytest.approx((whole - without)[0].tolist(), abs=1e-5)


def test_units_of_a_shortcut_are_silenced_together() -> None:
    network = make_network()
    inputs = random_inputs(network, clips=1)
    assert count_tails(network, ["shortcut"])["shortcut"] < 0.5
    silenced = torch.eye(UNITS, dtype=torch.bool)
    means = torch.zeros(UNITS)
    each = silenced_logits(network, inputs, "shortcut", silenced, means)
    for unit in range(UNITS):
        alone = silenced_logits(make_network(is_aliased=True), inputs, "shortcut", silenced[unit][None], means)
        assert each[unit].flatten().tolist() == pytest.approx(alone.flatten().tolist(), abs=1e-5)


def test_a_module_that_needs_the_addition_in_place_is_told() -> None:
    network = make_network(is_aliased=True)
    with pytest.raises(RuntimeError, match="other logits"):
        with_separate_sums(network, random_inputs(network, clips=1), lambda: None)
