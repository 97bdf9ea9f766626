"""Forward passes as far as a submodule, and hooks that are always removed."""

from collections.abc import Iterator

import pytest
import torch
from torch import nn

from app.contract.errors import UnknownLayer, WorkError
from app.contract.network import StreamName
from worker.graph.forward_hook import forward_to
from worker.networks.network import Network


def hooks(module: nn.Module) -> int:
    kinds = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
    return sum(len(getattr(part, kind)) for part in module.modules() for kind in kinds)


class Fragile(nn.Module):
    """Fails on negative inputs, swallows errors of its first half, and never runs `spare`."""

    def __init__(self) -> None:
        super().__init__()
        self.early, self.late, self.spare = nn.Linear(4, 4), nn.Linear(4, 2), nn.Linear(4, 4)
        self.ran_to_the_end = False

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        try:
            x = self.early(x)
        except Exception:
            x = torch.zeros_like(x)
        if bool((x < -100).any()):
            raise ValueError("below -100")
        x = self.late(x)
        self.ran_to_the_end = True
        return x


@pytest.fixture
def module() -> Iterator[Fragile]:
    module = Fragile()
    yield module
    assert hooks(module) == 0


def test_stops_at_the_submodule(module: Fragile) -> None:
    x = torch.randn(3, 4)
    with forward_to(module, "early") as activation:
        assert hooks(module) == 1
        assert torch.equal(activation(x), module.early.forward(x))
    assert not module.ran_to_the_end


def test_the_empty_path_is_the_module(module: Fragile) -> None:
    x = torch.randn(3, 4)
    expected = module(x)
    with forward_to(module, "") as activation:
        assert torch.equal(activation(x), expected)


def test_gradients_reach_the_inputs(module: Fragile) -> None:
    x = torch.randn(3, 4, requires_grad=True)
    with forward_to(module, "early") as activation:
        (gradient,) = torch.autograd.grad(activation(x).sum(), x)
    torch.testing.assert_close(gradient, module.early.weight.sum(0).expand(3, 4))


def test_unknown_path(module: Fragile) -> None:
    with pytest.raises(UnknownLayer, match="early"), forward_to(module, "earl"):
        raise AssertionError
    assert hooks(module) == 0


def run(module: nn.Module, path: str, x: torch.Tensor) -> torch.Tensor:
    with forward_to(module, path) as activation:
        return activation(x)


@pytest.mark.parametrize("sign", [-1.0, 1.0])
def test_a_failure_inside_the_forward_pass(sign: float, module: Fragile) -> None:
    nn.init.constant_(module.early.weight, sign)
    with pytest.raises(ValueError, match="below -100"):
        run(module, "late", torch.full((1, 4), -1e6 * sign))


def test_inputs_of_a_wrong_shape(module: Fragile) -> None:
    with pytest.raises(RuntimeError, match="shapes"):
        run(module, "late", torch.zeros(1, 5, 7))


def test_a_failure_of_the_caller(module: Fragile) -> None:
    with pytest.raises(ZeroDivisionError), forward_to(module, "late"):
        1 / 0  # noqa: B018


def test_not_a_number_passes_through(module: Fragile) -> None:
    with forward_to(module, "late") as activation:
        assert activation(torch.full((1, 4), torch.nan)).isnan().all()


def test_a_submodule_that_never_runs(module: Fragile) -> None:
    with pytest.raises(WorkError, match="never runs its submodule 'spare'"), forward_to(module, "spare") as activation:
        activation(torch.zeros(1, 4))


def test_networks_keep_no_hooks(tiny_two_stream: Network) -> None:
    inputs = {StreamName.APPEARANCE: torch.zeros(2, 3, 32, 32), StreamName.MOTION: torch.zeros(2, 6, 32, 32)}
    for layer in tiny_two_stream.card.layers:
        assert tiny_two_stream.activation(layer.name, inputs).shape[:2] == (2, layer.units)
        assert hooks(tiny_two_stream.module) == 0
    with pytest.raises(UnknownLayer, match=r"fusion\.conv5"):
        tiny_two_stream.activation("fusion.conv6", inputs)
    with pytest.raises(KeyError):
        tiny_two_stream.activation("fusion.conv5", {StreamName.APPEARANCE: torch.zeros(2, 3, 32, 32)})
    assert hooks(tiny_two_stream.module) == 0
