"""The two penalties of the objective, as the plain sums of the method; their weights are set in objectives.py.

Both take a stimulus (B, D, T, H, W) in standard units and return one value a unit, (B,). Their gradients are written
out: where a stimulus is small, a step is as long as it has operators, and these were most of those that autograd ran.
"""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable


class _BoundedEnergy(torch.autograd.Function):
    """d R_B / dx = alpha (sum_d x_d^2)^(alpha/2 - 1) x."""

    @staticmethod
    def forward(ctx: Any, stimulus: Tensor, alpha: float) -> Tensor:
        # the clamp keeps the gradient finite at zero for alpha < 2
        squared_norm = stimulus.square().sum(1, keepdim=True).clamp_min_(1e-12 if alpha != 2 else 0)
        steepness = squared_norm.pow(alpha / 2 - 1)
        ctx.save_for_backward(stimulus, steepness)
        ctx.alpha = alpha
        return squared_norm.mul_(steepness).flatten(1).sum(1)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        stimulus, steepness = ctx.saved_tensors
        return stimulus * (steepness * (ctx.alpha * grad).view(-1, 1, 1, 1, 1)), None


class _Smoothness(torch.autograd.Function):
    """d R_TV / dx = 2 (kappa (L_i + L_j) + chi L_t) x, with L the Neumann Laplacian of a dimension."""

    @staticmethod
    def forward(ctx: Any, stimulus: Tensor, kappa: float, chi: float) -> Tensor:
        laplacian = torch.zeros_like(stimulus)
        value = stimulus.new_zeros(len(stimulus))
        for dim, weight in ((-1, kappa), (-2, kappa), (-3, chi)):
            between = stimulus.shape[dim] - 1
            if not weight or not between:
                continue
            step = stimulus.diff(dim=dim)
            value.add_(step.square().flatten(1).sum(1), alpha=weight)
            laplacian.narrow(dim, 1, between).add_(step, alpha=weight)
            laplacian.narrow(dim, 0, between).sub_(step, alpha=weight)
        ctx.save_for_backward(laplacian)
        return value

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        (laplacian,) = ctx.saved_tensors
        return laplacian * (2 * grad).view(-1, 1, 1, 1, 1), None, None


def bounded_energy(stimulus: Tensor, alpha: float) -> Tensor:
    """R_B = sum over positions (i, j, t) of (sum_d x(i, j, t, d)^2)^(alpha / 2)."""
    value: Tensor = _BoundedEnergy.apply(stimulus, alpha)  # type: ignore[no-untyped-call]
    return value


def smoothness(stimulus: Tensor, kappa: float, chi: float) -> Tensor:
    """R_TV = sum of kappa * ((dx/di)^2 + (dx/dj)^2) + chi * (dx/dt)^2, by forward differences.

    Differences across the border are zero (Neumann).
    """
    value: Tensor = _Smoothness.apply(stimulus, kappa, chi)  # type: ignore[no-untyped-call]
    return value
