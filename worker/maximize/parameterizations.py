"""How a stimulus is parameterized, x = S z, and so which changes of it are cheap (a recipe's `prior`).

The gradient is shaped by the symmetric positive definite operator P = S S^T. P leaves the optimum where it is and
changes only the path to it, so that colours and frequencies arise in the proportions of natural images. P is a product
of

    colour  the covariance of the values in the network's data (of natural colours where it is not known) to the power
            3/4 (all of it leaves little but grey); the identity for flow whose covariance is not known
    time    (I + chi L_t)^-1 with the Laplacian L_t of the T frames; the identity for chi = 0, as recipes have it since
            the temporal term of J has implicit steps of its own (temporal_step)
    space   `pixel`: exp(-sigma^2 L / 2), a Gaussian blur, sigma falling from blur to blur_end over the run
            `fourier`: the 1 / f^2 power spectrum of natural images
            `pink`: a 1 / f power spectrum, blurred half as wide as pixels are

All Laplacians have Neumann borders (nothing wraps around), so cosines diagonalise them.
"""

from collections.abc import Callable, Mapping
from functools import cache
from math import pi
from typing import Protocol

import torch
from torch import Tensor

from worker.devices import copy_to_device
from worker.maximize.canvas import Canvas

# Covariance of RGB values in [-1, 1] over eight real clips (sports, streets, rooms), scaled to trace 3
RGB_COVARIANCE = ((1.052, 0.968, 0.874), (0.968, 0.981, 0.913), (0.874, 0.913, 0.967))
COLOUR_POWER = 0.75  # of the covariance; the power 1 leaves little but grey


class Parameterization(Protocol):
    """The operators S^T and S. Optimizers change `coefficients` z; the stimulus is x = S z."""

    def coefficients(self, gradient: Tensor) -> Tensor:
        """Return S^T g of a gradient (B, D, T, H, W)."""

    def stimulus(self, coefficients: Tensor) -> Tensor:
        """Return S z, (B, D, T, H, W)."""

    def set_progress(self, progress: float) -> None:
        """Set the stage of the run, from 0 at the first step to 1 at the last."""


class SpectralParameterization(Parameterization, Protocol):
    """One whose P = S S^T is diagonal in colours and cosines.

    `colour` (D, D) is S for the values of a position; `response` (H, W) is that of P at each pair of cosines.
    """

    colour: Tensor
    response: Tensor


# from a canvas and a tensor of the wanted precision and device
ParameterizationFactory = Callable[[Canvas, Tensor], SpectralParameterization]


@cache
def cosines(count: int) -> Tensor:
    """Return the orthonormal cosine basis (count, count): row k has frequency k / (2 count) cycles a sample."""
    k, n = torch.arange(count, dtype=torch.float64)[:, None], torch.arange(count, dtype=torch.float64)
    basis: Tensor = torch.cos(pi * k * (n + 0.5) / count) * (2 / count) ** 0.5
    basis[0] /= 2**0.5
    return basis


@cache
def eigenvalues(count: int) -> Tensor:
    """Return the eigenvalues (count,) of the Neumann Laplacian on `count` samples, in the order of `cosines`."""
    return 2 - 2 * torch.cos(pi * torch.arange(count, dtype=torch.float64) / count)


def spectral_matrix(count: int, response: Tensor) -> Tensor:
    """Return the symmetric matrix (count, count) with that response (count,) at each cosine."""
    basis = cosines(count)
    matrix: Tensor = basis.T @ (response[:, None] * basis)
    return matrix


def sqrt_colour(canvas: Canvas) -> Tensor:
    """Return the symmetric square root (D, D) of the colour operator for the D values of a position."""
    if canvas.is_flow and canvas.covariance is None:
        return torch.eye(2, dtype=torch.float64)
    covariance = torch.tensor(canvas.covariance or RGB_COVARIANCE, dtype=torch.float64)
    values, vectors = torch.linalg.eigh(covariance * (canvas.depth / covariance.trace()))
    root: Tensor = vectors @ (values.pow(COLOUR_POWER / 2)[:, None] * vectors.T)
    return root


def sqrt_time(frames: int, chi: float) -> Tensor:
    """Return the square root (T, T) of the temporal operator (I + chi L_t)^-1."""
    return spectral_matrix(frames, (1 + chi * eigenvalues(frames)).rsqrt())


def sqrt_blur(count: int, sigma: float) -> Tensor:
    """Return the square root of a Gaussian blur along `count` samples, its response (count,) at each cosine."""
    return (-(sigma**2) / 4 * eigenvalues(count)).exp()


def apply_along(matrix: Tensor, x: Tensor, dim: int) -> Tensor:
    """Return the matrix applied along one dimension of x."""
    if x.shape[dim] == 1:  # all operators of a single sample are 1
        return x
    if dim == x.ndim - 1:
        return x @ matrix.T
    applied: Tensor = matrix @ x.flatten(dim + 1) if dim < x.ndim - 2 else matrix @ x
    return applied.view(x.shape)


class Pixel:
    """Coefficients are pixels; changes are blurred in space by `blur` pixels at first and `blur_end` at last."""

    def __init__(
        self, canvas: Canvas, like: Tensor, *, chi: float = 8.0, blur: float = 8.0, blur_end: float = 1.5
    ) -> None:
        _, frames, self.height, self.width = canvas.shape
        self.blur, self.blur_end = blur, blur_end
        self.like = like
        self.colour = sqrt_colour(canvas).to(like)
        self.time = sqrt_time(frames, chi).to(like)
        self.set_progress(0)

    def set_progress(self, progress: float) -> None:
        """Set the width of the blur."""
        sigma = self.blur + (self.blur_end - self.blur) * progress
        sides = (self.height, self.width)
        self.rows, self.columns = (
            copy_to_device(spectral_matrix(count, sqrt_blur(count, sigma)).to(self.like.dtype), self.like.device)
            for count in sides
        )
        rows, columns = (sqrt_blur(count, sigma).square().to(self.like.dtype) for count in sides)
        self.response = copy_to_device(rows[:, None] * columns, self.like.device)

    def coefficients(self, gradient: Tensor) -> Tensor:
        coloured = apply_along(self.time, apply_along(self.colour, gradient, 1), 2)
        return apply_along(self.columns, apply_along(self.rows, coloured, 3), 4)

    def stimulus(self, coefficients: Tensor) -> Tensor:
        return self.coefficients(coefficients)  # S is symmetric


class Fourier:
    """Coefficients are amplitudes of cosines in decorrelated colour; changes have a 1/f spectrum of amplitudes."""

    exponent = 1.0  # amplitudes fall as 1 / f^exponent

    def __init__(
        self, canvas: Canvas, like: Tensor, *, chi: float = 8.0, blur: float = 8.0, blur_end: float = 1.5
    ) -> None:
        """`blur` and `blur_end` are those of Pink: a Fourier spectrum is not blurred."""
        _, frames, height, width = canvas.shape
        self.colour = sqrt_colour(canvas).to(like)
        self.time = sqrt_time(frames, chi).to(like)
        self.rows, self.columns = cosines(height).to(like), cosines(width).to(like)
        lowest = 1 / max(height, width)
        rows, columns = (torch.arange(count, device=like.device) / (2 * count) for count in (height, width))
        self.amplitude = torch.hypot(rows[:, None], columns).clamp_min(lowest) ** -self.exponent
        self.response = self.amplitude.square()

    def set_progress(self, progress: float) -> None:
        """Change nothing: the spectrum is the same at every stage."""

    def coefficients(self, gradient: Tensor) -> Tensor:
        coloured = apply_along(self.time, apply_along(self.colour, gradient, 1), 2)
        return apply_along(self.columns, apply_along(self.rows, coloured, 3), 4) * self.amplitude

    def stimulus(self, coefficients: Tensor) -> Tensor:
        waves = apply_along(self.columns.T, apply_along(self.rows.T, coefficients * self.amplitude, 3), 4)
        return apply_along(self.colour, apply_along(self.time, waves, 2), 1)


class Pink(Fourier):
    """Between the two: large shapes are as cheap as small ones, octave by octave, and fine ones come last."""

    exponent = 0.5
    blur_share = 0.5  # of the blur of Pixel: the spectrum does the rest

    def __init__(
        self, canvas: Canvas, like: Tensor, *, chi: float = 8.0, blur: float = 8.0, blur_end: float = 1.5
    ) -> None:
        super().__init__(canvas, like, chi=chi)
        self.blur, self.blur_end = blur * self.blur_share, blur_end * self.blur_share
        self.unblurred = self.amplitude
        self.set_progress(0)

    def set_progress(self, progress: float) -> None:
        """Set the width of the blur."""
        sigma = self.blur + (self.blur_end - self.blur) * progress
        rows, columns = (
            copy_to_device(sqrt_blur(count, sigma).to(self.unblurred.dtype), self.unblurred.device)
            for count in self.unblurred.shape
        )
        self.amplitude = self.unblurred * rows[:, None] * columns
        self.response = self.amplitude.square()


PARAMETERIZATIONS: Mapping[str, type[Pixel] | type[Fourier]] = {"pixel": Pixel, "pink": Pink, "fourier": Fourier}
