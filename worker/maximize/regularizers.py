"""The two penalties of the objective, as the plain sums of the method; their weights are set in objectives.py.

Both take a stimulus (B, D, T, H, W) in standard units and return one value a unit, (B,).
"""

from torch import Tensor


def bounded_energy(stimulus: Tensor, alpha: float) -> Tensor:
    """R_B = sum over positions (i, j, t) of (sum_d x(i, j, t, d)^2)^(alpha / 2)."""
    squared_norm = stimulus.square().sum(1)
    if alpha != 2:  # the clamp keeps the gradient finite at zero for alpha < 2
        squared_norm = squared_norm.clamp_min(1e-12).pow(alpha / 2)
    return squared_norm.flatten(1).sum(1)


def smoothness(stimulus: Tensor, kappa: float, chi: float) -> Tensor:
    """R_TV = sum of kappa * ((dx/di)^2 + (dx/dj)^2) + chi * (dx/dt)^2, by forward differences.

    Differences across the border are zero (Neumann).
    """

    def squared(dim: int) -> Tensor:
        return stimulus.diff(dim=dim).square().flatten(1).sum(1)

    return kappa * (squared(-2) + squared(-1)) + chi * squared(-3)
