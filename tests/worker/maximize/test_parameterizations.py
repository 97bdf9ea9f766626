"""Parameterizations: symmetric positive definite operators."""

import pytest
import torch

from app.contract.recipe import Speed
from worker.maximize.canvas import Canvas
from worker.maximize.parameterizations import (
    PARAMETERIZATIONS,
    Parameterization,
    cosines,
    eigenvalues,
    spectral_matrix,
)

LIKE = torch.empty(0, dtype=torch.float64)


def make(
    name: str, depth: int = 3, *, chi: float = 8, blur: float = 1.5, blur_end: float = 1.5
) -> tuple[Parameterization, tuple[int, ...]]:
    canvas = Canvas(depth=depth, frames=4, height=5, width=6)
    return PARAMETERIZATIONS[name](canvas, LIKE, chi=chi, blur=blur, blur_end=blur_end), (1, *canvas.shape)


def test_cosines_diagonalise_the_neumann_laplacian() -> None:
    difference = torch.eye(7, dtype=torch.float64).diff(dim=0)
    laplacian = difference.T @ difference
    torch.testing.assert_close(cosines(7) @ laplacian @ cosines(7).T, torch.diag(eigenvalues(7)))
    torch.testing.assert_close(spectral_matrix(7, torch.ones(7)), torch.eye(7, dtype=torch.float64))


@pytest.mark.parametrize("name", PARAMETERIZATIONS)
@pytest.mark.parametrize("depth", [3, 2])
def test_a_parameterization_is_symmetric_and_positive(name: str, depth: int) -> None:
    operator, shape = make(name, depth)
    count = torch.Size(shape).numel()
    basis = torch.eye(count, dtype=torch.float64).view(count, *shape[1:])
    matrix = operator.stimulus(operator.coefficients(basis)).flatten(1)
    torch.testing.assert_close(matrix, matrix.T)
    assert torch.linalg.eigvalsh(matrix).min() > 0


@pytest.mark.parametrize("name", PARAMETERIZATIONS)
def test_the_halves_are_each_others_adjoint(name: str) -> None:
    operator, shape = make(name)
    x, z = torch.randn(2, *shape, dtype=torch.float64)
    torch.testing.assert_close((operator.coefficients(x) * z).sum(), (x * operator.stimulus(z)).sum())


def test_slow_speeds_allow_little_change_in_time() -> None:
    flicker = torch.tensor([1.0, -1, 1, -1], dtype=torch.float64).view(1, 1, 4, 1, 1).expand(1, 3, 4, 5, 6)
    left = []
    for speed in (Speed.FREE, Speed.FAST, Speed.MEDIUM, Speed.SLOW):
        operator, _ = make("pixel", chi=speed.chi)
        left.append(operator.stimulus(operator.coefficients(flicker)).diff(dim=2).abs().mean().item())
    assert left == sorted(left, reverse=True)
    assert left[3] < left[0] / 50


def test_the_blur_falls_over_the_run() -> None:
    operator, shape = make("pixel", blur=2, blur_end=0.5)
    dot = torch.zeros(shape, dtype=torch.float64)
    dot[..., 2, 3] = 1
    heights = []
    for progress in (0.0, 0.5, 1.0):
        operator.set_progress(progress)
        heights.append(operator.stimulus(operator.coefficients(dot))[..., 2, 3].sum().item())
    assert heights == sorted(heights)
