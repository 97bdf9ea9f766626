"""The two penalties of J: the sums R_B and R_TV, and their weights.

Both sums take a stimulus (B, D, T, H, W) in standard units and return one value an item, (B,), and its gradient. The
gradient is written out: where a stimulus is small a step takes as long as it has operators, and autograd ran a quarter
of them.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from worker.maximize.canvas import Canvas, InputName, Stimulus


@dataclass(frozen=True)
class Penalty:
    """lambda_B R_B + lambda_TV R_TV, summed over inputs, with dimensionless weights.

        lambda_B  = energy     * M / (rho^2 N B^alpha)
        lambda_TV = smoothness * M / (rho^2 N B^2)

    with N the positions (i, j, t) of the input's stimulus, B its bound, and M the positions that the objective sums,
    so that one weight fits every layer and size. With the objective <a, e_c> / (rho^2 a_hat),

        rho^2 J / M = mean a / a_hat  -  energy * mean (|x| / B)^alpha  -  smoothness * mean tv / B^2
    """

    energy: float = 0.01
    alpha: float = 3.0  # exponent of R_B
    smoothness: float = 0.01
    kappa: float = 1.0  # weight of space in R_TV
    chi: float = 8.0  # weight of time in R_TV
    area: int = 1  # rho^2: the area that a unit sees

    @torch.no_grad()
    def __call__(
        self, stimulus: Stimulus, canvases: Mapping[InputName, Canvas], positions: float
    ) -> tuple[Tensor, dict[InputName, Tensor]]:
        """Return the penalties of stimuli, (B,), and the gradient of each. `positions` is M."""
        terms = {name: self._of_input(x, canvases[name], positions) for name, x in stimulus.items()}
        values, gradients = zip(*terms.values(), strict=True)
        return torch.stack(values).sum(0), dict(zip(terms, gradients, strict=True))

    def _of_input(self, x: Tensor, canvas: Canvas, positions: float) -> tuple[Tensor, Tensor]:
        weight = positions / (self.area * x[0, 0].numel())  # M / (rho^2 N)
        energy, energy_gradient = bounded_energy(x, self.alpha)
        variation, variation_gradient = total_variation(x, self.kappa, self.chi)
        lambda_b = weight * self.energy / canvas.bound**self.alpha
        lambda_tv = self._lambda_tv(x, canvas, positions)
        value: Tensor = lambda_b * energy + lambda_tv * variation
        return value, energy_gradient.mul_(lambda_b).add_(variation_gradient, alpha=lambda_tv)

    def time_curvature(
        self, stimulus: Stimulus, canvases: Mapping[InputName, Canvas], positions: float
    ) -> dict[InputName, float]:
        """Return h = 2 lambda_TV chi of each input, whose temporal term is h / 2 <x, L_t x>; none where chi is 0."""
        if not self.chi:
            return {}
        return {name: 2 * self._lambda_tv(x, canvases[name], positions) * self.chi for name, x in stimulus.items()}

    def _lambda_tv(self, x: Tensor, canvas: Canvas, positions: float) -> float:
        return positions * self.smoothness / (self.area * x[0, 0].numel() * canvas.bound**2)


def bounded_energy(stimulus: Tensor, alpha: float) -> tuple[Tensor, Tensor]:
    """Return R_B = sum over (i, j, t) of |x(i, j, t)|^alpha, with |x|^2 = sum_d x_d^2, and alpha |x|^(alpha - 2) x."""
    squared_norm = stimulus.square().sum(1, keepdim=True).clamp_min_(1e-12)  # finite at zero for alpha < 2
    steepness = squared_norm.pow(alpha / 2 - 1)
    return (squared_norm * steepness).flatten(1).sum(1), stimulus * (alpha * steepness)


def total_variation(stimulus: Tensor, kappa: float, chi: float) -> tuple[Tensor, Tensor]:
    """Return R_TV = sum of kappa ((dx/di)^2 + (dx/dj)^2) + chi (dx/dt)^2, and 2 (kappa (L_i + L_j) + chi L_t) x.

    Derivatives are forward differences, zero across the border (Neumann); L are the Laplacians.
    """
    value, gradient = stimulus.new_zeros(len(stimulus)), stimulus.new_zeros(stimulus.shape)
    for dim, weight in ((-1, kappa), (-2, kappa), (-3, chi)):
        pairs = stimulus.shape[dim] - 1
        if not weight or not pairs:
            continue
        difference = stimulus.diff(dim=dim)
        value.add_(difference.square().flatten(1).sum(1), alpha=weight)
        gradient.narrow(dim, 1, pairs).add_(difference, alpha=2 * weight)
        gradient.narrow(dim, 0, pairs).sub_(difference, alpha=2 * weight)
    return value, gradient
