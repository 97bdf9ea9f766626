"""The implicit step of the temporal penalty, which is quadratic and may be as stiff as a person likes.

An explicit step of length c along the gradient of -h / 2 <x, L_t x> is stable only for small c h. The implicit step

    x -> x + (I + c h P L_t)^-1 c P (g - h L_t x)        with P the operator that shapes gradients, L_t the Laplacian
                                                         over frames, g the gradient of the other terms of J

is stable for every c h. It is the proximal step of the penalty in the metric of P (Parikh and Boyd, "Proximal
Algorithms", 2014, section 4.2), and rests exactly where g = h L_t x: it changes the path to the optimum of J, not the
optimum. Where the penalty is weak it does nothing to time.
"""

import torch
from torch import Tensor

from worker.maximize.canvas import Canvas
from worker.maximize.parameterizations import SpectralParameterization, apply_along, cosines, eigenvalues

MAX_STIFFNESS = 1e6  # c h beyond which a step is as implicit as single precision can tell


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

    def __call__(self, x: Tensor, length: Tensor, stiffness: Tensor) -> Tensor:
        """Return (I + c h P L_t)^-1 x of x (B, D, T, H, W), with c = `length` and h = `stiffness` of each item (B,)."""
        spectrum = x
        for basis, dim in self.bases:
            spectrum = apply_along(basis, spectrum, dim)
        response = self.colour * self.time * self.parameterization.response
        limited = (length * stiffness).clamp_max(MAX_STIFFNESS).view(-1, 1, 1, 1, 1)
        spectrum = spectrum / (1 + limited * response)
        for basis, dim in self.bases:
            spectrum = apply_along(basis.T, spectrum, dim)
        return spectrum
