import pytest
import torch
from torch import Tensor

from app.contract.network import Stream, StreamName
from tests.support import resolved
from worker.maximize.canvas import Canvas
from worker.maximize.focus import Focus
from worker.maximize.priors import PRIORS, Prior

SIDE = 24
CANVAS = Canvas(Stream(name=StreamName.CLIP, frames=2, height=SIDE, width=SIDE), 2, SIDE, SIDE, 0, 1)
LIKE = torch.empty(0)


def narrowed(gradient: Tensor, share: float, prior: str = "pixel", middle: float = 0) -> Prior:
    own = PRIORS[prior](CANVAS, resolved(blur=1, blur_end=1), LIKE)
    return Focus(CANVAS, share, middle, LIKE).on(own, gradient) if share else own


def spotted() -> Tensor:
    """Noise, ten times as strong in one corner."""
    gradient = torch.randn(1, *CANVAS.shape, generator=torch.Generator().manual_seed(0))
    gradient[..., :8, :8] *= 10
    return gradient


def share_in_the_corner(gradient: Tensor, prior: Prior) -> float:
    energy = prior.stimulus(prior.coefficients(gradient)).square()
    return (energy[..., :8, :8].sum() / energy.sum()).item()


def test_steps_gather_where_the_gradient_is_strong() -> None:
    flat = torch.ones_like(spotted())
    none, half, whole = (share_in_the_corner(flat, narrowed(spotted(), share)) for share in (0.0, 0.5, 1.0))
    assert 0.1 < none < 0.12  # its share of the area
    assert none < half < whole
    assert whole > 0.4


def test_a_corner_counts_less_than_the_middle() -> None:
    flat = torch.ones_like(spotted())
    shares = [share_in_the_corner(flat, narrowed(spotted(), 1.0, middle=middle)) for middle in (0, 0.5, 1, 2)]
    assert shares == sorted(shares, reverse=True)
    assert shares[-1] < shares[0] / 2
    even = narrowed(flat, 1.0, middle=1)
    weights = even.stimulus(even.coefficients(flat))[0, 0, 0]
    torch.testing.assert_close(weights, weights.flip(0))
    torch.testing.assert_close(weights, weights.mT)
    assert weights.argmax() in (SIDE // 2 * (SIDE + 1), (SIDE // 2 - 1) * (SIDE + 1))


@pytest.mark.parametrize("middle", [0, 1])
def test_what_is_stationary_stays_so(middle: float) -> None:
    for prior in PRIORS:
        operator = narrowed(spotted(), 1.0, prior, middle)
        x, y = torch.randn(2, 1, *CANVAS.shape, generator=torch.Generator().manual_seed(1))
        shaped = operator.stimulus(operator.coefficients(x))
        assert (shaped * x).sum() > 0
        torch.testing.assert_close((shaped * y).sum(), (x * operator.stimulus(operator.coefficients(y))).sum())


def test_frames_keep_their_shares() -> None:
    gradient = spotted()
    gradient[:, :, 1] *= 100
    steps = narrowed(gradient, 1.0)
    flat = steps.stimulus(steps.coefficients(torch.ones_like(gradient)))
    first, second = flat.square().mean((0, 1, 3, 4))
    assert 0.5 < first / second < 2


def test_it_remembers_and_forgets_units_one_by_one() -> None:
    prior, focus = PRIORS["pixel"](CANVAS, resolved(), LIKE), Focus(CANVAS, 1.0, 0.0, LIKE)
    there, nowhere = spotted(), torch.randn(1, *CANVAS.shape, generator=torch.Generator().manual_seed(2))
    focus.on(prior, torch.cat([nowhere, there]))
    focus.keep(torch.tensor([1]))
    even = torch.ones_like(there)
    assert share_in_the_corner(even, focus.on(prior, nowhere)) > 0.3


def test_a_silent_gradient_moves_nothing_and_breaks_nothing() -> None:
    silent = torch.zeros_like(spotted())
    steps = narrowed(silent, 1.0)
    assert (steps.stimulus(steps.coefficients(silent)) == 0).all()
