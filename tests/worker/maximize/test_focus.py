"""Focus: steps gather where the gradient is strong."""

import pytest
import torch
from torch import Tensor

from worker.maximize.canvas import Canvas
from worker.maximize.focus import Focus
from worker.maximize.parameterizations import PARAMETERIZATIONS, Parameterization, Pixel

SIDE = 24
CANVAS = Canvas(depth=3, frames=2, height=SIDE, width=SIDE)
LIKE = torch.empty(0)


def focused(
    gradient: Tensor, share: float, parameterization: str = "pixel", center_bias: float = 0
) -> Parameterization:
    inner = PARAMETERIZATIONS[parameterization](CANVAS, LIKE, chi=8, blur=1, blur_end=1)
    return Focus(CANVAS, LIKE, share=share, center_bias=center_bias).update(inner, gradient) if share else inner


def spotted() -> Tensor:
    """Return noise that is ten times as strong in one corner."""
    gradient = torch.randn(1, *CANVAS.shape, generator=torch.Generator().manual_seed(0))
    gradient[..., :8, :8] *= 10
    return gradient


def share_in_the_corner(gradient: Tensor, parameterization: Parameterization) -> float:
    energy = parameterization.stimulus(parameterization.coefficients(gradient)).square()
    return (energy[..., :8, :8].sum() / energy.sum()).item()


def test_steps_gather_where_the_gradient_is_strong() -> None:
    flat = torch.ones_like(spotted())
    none, half, whole = (share_in_the_corner(flat, focused(spotted(), share)) for share in (0.0, 0.5, 1.0))
    assert 0.1 < none < 0.12  # its share of the area
    assert none < half < whole
    assert whole > 0.4


def test_a_corner_counts_less_than_the_middle() -> None:
    flat = torch.ones_like(spotted())
    shares = [share_in_the_corner(flat, focused(spotted(), 1.0, center_bias=bias)) for bias in (0, 0.5, 1, 2)]
    assert shares == sorted(shares, reverse=True)
    assert shares[-1] < shares[0] / 2
    even = focused(flat, 1.0, center_bias=1)
    weights = even.stimulus(even.coefficients(flat))[0, 0, 0]
    torch.testing.assert_close(weights, weights.flip(0))
    torch.testing.assert_close(weights, weights.mT)
    assert {int(at) for at in divmod(int(weights.argmax()), SIDE)} <= {SIDE // 2 - 1, SIDE // 2}  # four are the middle


@pytest.mark.parametrize("center_bias", [0, 1])
def test_what_is_stationary_stays_so(center_bias: float) -> None:
    for name in PARAMETERIZATIONS:
        operator = focused(spotted(), 1.0, name, center_bias)
        x, y = torch.randn(2, 1, *CANVAS.shape, generator=torch.Generator().manual_seed(1))
        shaped = operator.stimulus(operator.coefficients(x))
        assert (shaped * x).sum() > 0
        torch.testing.assert_close((shaped * y).sum(), (x * operator.stimulus(operator.coefficients(y))).sum())


def test_frames_keep_their_shares() -> None:
    gradient = spotted()
    gradient[:, :, 1] *= 100
    steps = focused(gradient, 1.0)
    flat = steps.stimulus(steps.coefficients(torch.ones_like(gradient)))
    first, second = flat.square().mean((0, 1, 3, 4))
    assert 0.5 < first / second < 2


def test_it_remembers_and_forgets_units_one_by_one() -> None:
    pixel, focus = Pixel(CANVAS, LIKE), Focus(CANVAS, LIKE, share=1.0)
    there, nowhere = spotted(), torch.randn(1, *CANVAS.shape, generator=torch.Generator().manual_seed(2))
    focus.update(pixel, torch.cat([nowhere, there]))
    focus.keep(torch.tensor([1]))
    even = torch.ones_like(there)
    assert share_in_the_corner(even, focus.update(pixel, nowhere)) > 0.3


def test_a_silent_gradient_moves_nothing_and_breaks_nothing() -> None:
    silent = torch.zeros_like(spotted())
    steps = focused(silent, 1.0)
    assert (steps.stimulus(steps.coefficients(silent)) == 0).all()
