"""The implicit step of the temporal penalty, which is quadratic and may be as stiff as a person likes.

An explicit step of length c along the gradient of -h / 2 <x, L_t x> is stable only for small c h. The implicit step

    x -> x + (I + c h P L_t)^-1 c P (g - h L_t x)        with P the operator that shapes gradients, L_t the Laplacian
                                                         over frames, g the gradient of the other terms of J

is stable for every c h. It is the proximal step of the penalty in the metric of P (Parikh and Boyd, "Proximal
Algorithms", 2014, section 4.2), and rests exactly where g = h L_t x: it changes the path to the optimum of J, not the
optimum. Where the penalty is weak it does nothing to time.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from worker.maximize.canvas import Canvas
from worker.maximize.parameterizations import SpectralParameterization, apply_along, cosines, eigenvalues

MAX_STIFFNESS = 1e6  # c h beyond which a step is as implicit as single precision can tell
LENGTH_ITERATIONS = 6  # towards a step's length; the next step goes on where they end


def time_laplacian(x: Tensor) -> Tensor:
    """Return L_t x of x (B, D, T, H, W), with Neumann borders."""
    difference, result = x.diff(dim=2), torch.zeros_like(x)
    result[:, :, 1:] += difference
    result[:, :, :-1] -= difference
    return result


class TemporalStep:
    """The implicit step of one input. All operators commute, so cosines and eigenvectors diagonalise it."""

    def __init__(self, canvas: Canvas, parameterization: SpectralParameterization, like: Tensor) -> None:
        _, frames, height, width = canvas.shape
        self.parameterization = parameterization
        values, vectors = torch.linalg.eigh(parameterization.colour.double())
        self.colour = values.square().to(like).view(-1, 1, 1, 1)  # of P: the square of that of S
        self.time = eigenvalues(frames).to(like).view(-1, 1, 1)
        bases = ((1, vectors.T), (2, cosines(frames)), (3, cosines(height)), (4, cosines(width)))
        self.bases = [(basis.to(like), dim) for dim, basis in bases]

    def __call__(self, x: Tensor, length: Tensor, stiffness: Tensor) -> tuple[Tensor, Tensor]:
        """Return c (I + c h P L_t)^-1 x of x (B, D, T, H, W) with root mean square 1, and its c.

        All others are (B,): h is `stiffness`, and c is sought from `length` on. As more of x is damped the longer the
        step is, c comes up to its value from below.
        """
        largest = x.flatten(1).abs().amax(1).clamp_min(1e-30)  # squares of small gradients would underflow
        spectrum = x / largest.view(-1, 1, 1, 1, 1)
        for basis, dim in self.bases:
            spectrum = apply_along(basis, spectrum, dim)
        response = self.colour * self.time * self.parameterization.response

        def damped() -> Tensor:
            limited = (length * stiffness).clamp_max(MAX_STIFFNESS).view(-1, 1, 1, 1, 1)
            result: Tensor = spectrum / (1 + limited * response)
            return result

        for _ in range(LENGTH_ITERATIONS):
            length = 1 / (largest * damped().square().flatten(1).mean(1).sqrt()).clamp_min(1e-30)
        spectrum = damped()
        for basis, dim in self.bases:
            spectrum = apply_along(basis.T, spectrum, dim)
        return spectrum * (length * largest).view(-1, 1, 1, 1, 1), length


@dataclass(frozen=True)
class StiffTerm:
    """The term -h / 2 <x, L_t x> of J where the stimulus stands, for one step."""

    implicit_step: TemporalStep
    pull: Tensor  # h L_t x (B, D, T, H, W)
    stiffness: Tensor  # (B,): h, times the step size, times what P is larger by than that of `implicit_step` at most

    def solve(self, x: Tensor, length: Tensor, gain: Tensor) -> tuple[Tensor, Tensor]:
        """Return the implicit step of x (B, D, T, H, W) and its c, as TemporalStep does; `gain` (B,) enlarges P."""
        return self.implicit_step(x, length, self.stiffness * gain)
