"""Which changes of a stimulus are cheap: the gradient is shaped by a symmetric positive definite operator P = S S^T.

P leaves the optimum where it is and changes only the path to it, so that a stiff temporal weight needs no small
steps, and colours and frequencies arise in the proportions of natural images. P is a product of

    colour  the covariance of the values in the stream's data (of natural colours where the network does not say) to
            the power 3/4 (all of it leaves little but grey); the identity for flow of which nothing is known
    time    (I + chi L_t)^-1 with the Laplacian L_t of the T frames
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

from app.contract.network import Stream
from app.contract.recipe import ResolvedRecipe
from worker.devices import send
from worker.maximize.canvas import Canvas

# Covariance of RGB values in [-1, 1] over eight real clips (sports, streets, rooms), scaled to trace 3
RGB_COVARIANCE = ((1.052, 0.968, 0.874), (0.968, 0.981, 0.913), (0.874, 0.913, 0.967))
COLOUR_POWER = 0.75


class Prior(Protocol):
    """S^T and S. Optimizers work in `coefficients`; a change of them is a change of the `stimulus`."""

    def coefficients(self, gradient: Tensor) -> Tensor:
        """S^T g of a gradient (B, D, T, H, W)."""
        ...

    def stimulus(self, coefficients: Tensor) -> Tensor:
        """S z, (B, D, T, H, W)."""
        ...

    def at(self, progress: float) -> None:
        """Sets the stage of the run, from 0 at the first step to 1 at the last."""
        ...


@cache
def cosines(count: int) -> Tensor:
    """Orthonormal cosine basis (count, count): row k has frequency k / (2 count) cycles a sample."""
    k, n = torch.arange(count, dtype=torch.float64)[:, None], torch.arange(count, dtype=torch.float64)
    basis: Tensor = torch.cos(pi * k * (n + 0.5) / count) * (2 / count) ** 0.5
    basis[0] /= 2**0.5
    return basis


@cache
def eigenvalues(count: int) -> Tensor:
    """Of the Neumann Laplacian on `count` samples, in the order of `cosines`."""
    return 2 - 2 * torch.cos(pi * torch.arange(count, dtype=torch.float64) / count)


def spectral(count: int, response: Tensor) -> Tensor:
    """The symmetric matrix (count, count) with that response at each cosine."""
    basis = cosines(count)
    matrix: Tensor = basis.T @ (response[:, None] * basis)
    return matrix


def half_colour(stream: Stream) -> Tensor:
    """Symmetric square root of the colour operator for the D values of a position."""
    if stream.depth == 2 and stream.covariance is None:
        return torch.eye(2, dtype=torch.float64)
    covariance = torch.tensor(stream.covariance or RGB_COVARIANCE, dtype=torch.float64)
    values, vectors = torch.linalg.eigh(covariance * (stream.depth / covariance.trace()))
    root: Tensor = vectors @ (values.pow(COLOUR_POWER / 2)[:, None] * vectors.T)
    return root


def half_time(frames: int, chi: float) -> Tensor:
    return spectral(frames, (1 + chi * eigenvalues(frames)).rsqrt())


def half_blur(count: int, sigma: float) -> Tensor:
    """Half of a Gaussian blur along `count` samples, at each cosine."""
    return (-(sigma**2) / 4 * eigenvalues(count)).exp()


def along(matrix: Tensor, x: Tensor, dim: int) -> Tensor:
    """The matrix applied along one dimension of x."""
    if x.shape[dim] == 1:  # all operators of a single sample are 1
        return x
    if dim == x.ndim - 1:
        return x @ matrix.T
    applied: Tensor = matrix @ x.flatten(dim + 1) if dim < x.ndim - 2 else matrix @ x
    return applied.view(x.shape)


class Pixel:
    """Changes are blurred in space; coefficients are pixels."""

    def __init__(self, canvas: Canvas, recipe: ResolvedRecipe, like: Tensor) -> None:
        _, frames, self.height, self.width = canvas.shape
        self.blur, self.blur_end = recipe.blur, recipe.blur_end
        self.like = like
        self.colour = half_colour(canvas.stream).to(like)
        self.time = half_time(frames, recipe.chi).to(like)
        self.at(0)

    def at(self, progress: float) -> None:
        sigma = self.blur + (self.blur_end - self.blur) * progress
        self.rows, self.columns = (
            send(spectral(count, half_blur(count, sigma)).to(self.like.dtype), self.like.device)
            for count in (self.height, self.width)
        )

    def coefficients(self, gradient: Tensor) -> Tensor:
        coloured = along(self.time, along(self.colour, gradient, 1), 2)
        return along(self.columns, along(self.rows, coloured, 3), 4)

    def stimulus(self, coefficients: Tensor) -> Tensor:
        return self.coefficients(coefficients)  # S is symmetric


class Fourier:
    """Changes have a 1/f spectrum in space; coefficients are amplitudes of cosines in decorrelated colour."""

    fall = 1.0  # of the amplitudes: 1 / f^fall

    def __init__(self, canvas: Canvas, recipe: ResolvedRecipe, like: Tensor) -> None:
        _, frames, height, width = canvas.shape
        self.colour = half_colour(canvas.stream).to(like)
        self.time = half_time(frames, recipe.chi).to(like)
        self.rows, self.columns = cosines(height).to(like), cosines(width).to(like)
        lowest = 1 / max(height, width)
        rows, columns = (torch.arange(count, device=like.device) / (2 * count) for count in (height, width))
        self.amplitude = torch.hypot(rows[:, None], columns).clamp_min(lowest) ** -self.fall

    def at(self, progress: float) -> None:
        """The same at every stage."""

    def coefficients(self, gradient: Tensor) -> Tensor:
        coloured = along(self.time, along(self.colour, gradient, 1), 2)
        return along(self.columns, along(self.rows, coloured, 3), 4) * self.amplitude

    def stimulus(self, coefficients: Tensor) -> Tensor:
        spread = along(self.columns.T, along(self.rows.T, coefficients * self.amplitude, 3), 4)
        return along(self.colour, along(self.time, spread, 2), 1)


class Pink(Fourier):
    """Between the two: large shapes are as cheap as small ones, octave by octave, and fine ones come last."""

    fall = 0.5
    softness = 0.5  # of the blur of `pixel`: the spectrum does the rest

    def __init__(self, canvas: Canvas, recipe: ResolvedRecipe, like: Tensor) -> None:
        super().__init__(canvas, recipe, like)
        self.blur, self.blur_end = recipe.blur * self.softness, recipe.blur_end * self.softness
        self.sharp = self.amplitude
        self.at(0)

    def at(self, progress: float) -> None:
        sigma = self.blur + (self.blur_end - self.blur) * progress
        rows, columns = (
            send(half_blur(count, sigma).to(self.sharp.dtype), self.sharp.device) for count in self.sharp.shape
        )
        self.amplitude = self.sharp * rows[:, None] * columns


PRIORS: Mapping[str, Callable[[Canvas, ResolvedRecipe, Tensor], Prior]] = {
    "pixel": Pixel,
    "pink": Pink,
    "fourier": Fourier,
}
