"""The two penalties and their gradients."""

import pytest
import torch

from worker.maximize.regularizers import bounded_energy, total_variation


def test_bounded_energy_sums_powers_of_local_norms() -> None:
    x = torch.zeros(2, 2, 1, 1, 2)
    x[0, :, 0, 0, 0] = torch.tensor([3.0, 4.0])  # norm 5
    x[0, :, 0, 0, 1] = torch.tensor([0.0, 2.0])  # norm 2
    x[1, 0, 0, 0, 0] = 1.0
    assert bounded_energy(x, 3)[0].tolist() == pytest.approx([125 + 8, 1])
    assert bounded_energy(x, 2)[0].tolist() == pytest.approx([25 + 4, 1])
    assert bounded_energy(x, 1)[0].tolist() == pytest.approx([5 + 2, 1], abs=1e-5)


def test_smoothness_weighs_space_by_kappa_and_time_by_chi() -> None:
    x = torch.tensor([[1.0, 2.0], [4.0, 8.0]]).repeat(2, 1, 1)  # (T, H, W), two equal frames
    x[1] += 10
    x = x[None, None]
    space = (1 + 16) * 2 + (9 + 36) * 2  # along a row, down a column, in both frames
    time = 4 * 100
    assert total_variation(x, 1, 0)[0].item() == space
    assert total_variation(x, 0, 1)[0].item() == time
    assert total_variation(x, 2, 0.5)[0].item() == 2 * space + 0.5 * time


@pytest.mark.parametrize("alpha", [1, 2, 3])
def test_the_gradient_is_finite_at_rest(alpha: float) -> None:
    x = torch.zeros(1, 3, 2, 4, 4)
    assert bounded_energy(x, alpha)[1].abs().max() == 0
    assert total_variation(x, 1, 1)[1].abs().max() == 0


@pytest.mark.parametrize("alpha", [1, 2, 3, 4.5])
def test_gradients_are_those_of_the_sums(alpha: float) -> None:
    x = torch.randn(2, 3, 3, 4, 5, dtype=torch.float64, requires_grad=True)
    value, gradient = bounded_energy(x, alpha)
    torch.testing.assert_close(gradient, torch.autograd.grad(value.sum(), x)[0])


@pytest.mark.parametrize(("kappa", "chi", "frames"), [(2, 0.5, 3), (0, 1, 3), (1, 8, 1), (1, 0, 3)])
def test_smoothness_pulls_by_its_gradient(kappa: float, chi: float, frames: int) -> None:
    x = torch.randn(2, 3, frames, 4, 5, dtype=torch.float64, requires_grad=True)
    value, gradient = total_variation(x, kappa, chi)
    torch.testing.assert_close(gradient, torch.autograd.grad(value.sum(), x)[0])
    assert total_variation(torch.ones(1, 3, frames, 4, 5), kappa, chi)[1].abs().max() == 0
