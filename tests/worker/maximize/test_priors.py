import pytest
import torch

from app.contract.network import Stream, StreamName
from tests.support import resolved
from worker.maximize.canvas import Canvas
from worker.maximize.priors import PRIORS, Prior, cosines, eigenvalues, spectral

LIKE = torch.empty(0, dtype=torch.float64)


def prior(name: str, stream: StreamName = StreamName.CLIP, **recipe: object) -> tuple[Prior, tuple[int, ...]]:
    canvas = Canvas(Stream(name=stream, frames=4, height=5, width=6), 4, 5, 6, 0, 1)
    return PRIORS[name](canvas, resolved(**{"blur": 1.5, **recipe}), LIKE), (1, *canvas.shape)


def test_cosines_diagonalise_the_neumann_laplacian() -> None:
    difference = torch.eye(7, dtype=torch.float64).diff(dim=0)
    laplacian = difference.T @ difference
    torch.testing.assert_close(cosines(7) @ laplacian @ cosines(7).T, torch.diag(eigenvalues(7)))
    torch.testing.assert_close(spectral(7, torch.ones(7)), torch.eye(7, dtype=torch.float64))


@pytest.mark.parametrize("name", PRIORS)
@pytest.mark.parametrize("stream", [StreamName.CLIP, StreamName.MOTION])
def test_a_prior_is_symmetric_and_positive(name: str, stream: StreamName) -> None:
    operator, shape = prior(name, stream)
    count = torch.Size(shape).numel()
    basis = torch.eye(count, dtype=torch.float64).view(count, *shape[1:])
    matrix = operator.stimulus(operator.coefficients(basis)).flatten(1)
    torch.testing.assert_close(matrix, matrix.T)
    assert torch.linalg.eigvalsh(matrix).min() > 0


@pytest.mark.parametrize("name", PRIORS)
def test_the_halves_are_each_others_adjoint(name: str) -> None:
    operator, shape = prior(name)
    x, z = torch.randn(2, *shape, dtype=torch.float64)
    torch.testing.assert_close((operator.coefficients(x) * z).sum(), (x * operator.stimulus(z)).sum())


def test_slow_speeds_allow_little_change_in_time() -> None:
    flicker = torch.tensor([1.0, -1, 1, -1], dtype=torch.float64).view(1, 1, 4, 1, 1).expand(1, 3, 4, 5, 6)
    left = []
    for speed in ("free", "fast", "medium", "slow"):
        operator, _ = prior("pixel", speed=speed)
        left.append(operator.stimulus(operator.coefficients(flicker)).diff(dim=2).abs().mean().item())
    assert left == sorted(left, reverse=True)
    assert left[3] < left[0] / 50


def test_the_blur_falls_over_the_run() -> None:
    operator, shape = prior("pixel", blur=2, blur_end=0.5)
    dot = torch.zeros(shape, dtype=torch.float64)
    dot[..., 2, 3] = 1
    heights = []
    for progress in (0.0, 0.5, 1.0):
        operator.at(progress)
        heights.append(operator.stimulus(operator.coefficients(dot))[..., 2, 3].sum().item())
    assert heights == sorted(heights)
