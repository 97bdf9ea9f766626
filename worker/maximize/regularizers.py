"""The two penalties of the objective, as the plain sums of the method; their weights are set in objectives.py.

Both take a stimulus (B, D, T, H, W) in standard units and return one value a unit, (B,), and its gradient. It is
written out: where a stimulus is small a step takes as long as it has operators, and autograd ran a quarter of them.
"""

from torch import Tensor


def bounded_energy(stimulus: Tensor, alpha: float) -> tuple[Tensor, Tensor]:
    """R_B = sum over positions (i, j, t) of (sum_d x(i, j, t, d)^2)^(alpha / 2), and alpha |x|^(alpha - 2) x."""
    squared_norm = stimulus.square().sum(1, keepdim=True).clamp_min_(1e-12)  # finite at zero for alpha < 2
    steepness = squared_norm.pow(alpha / 2 - 1)
    return (squared_norm * steepness).flatten(1).sum(1), stimulus * (alpha * steepness)


def smoothness(stimulus: Tensor, kappa: float, chi: float) -> tuple[Tensor, Tensor]:
    """R_TV = sum of kappa * ((dx/di)^2 + (dx/dj)^2) + chi * (dx/dt)^2, by forward differences, and twice the sum of
    Laplacians, 2 (kappa (L_i + L_j) + chi L_t) x.

    Differences across the border are zero (Neumann).
    """
    value, gradient = stimulus.new_zeros(len(stimulus)), stimulus.new_zeros(stimulus.shape)
    for dim, weight in ((-1, kappa), (-2, kappa), (-3, chi)):
        between = stimulus.shape[dim] - 1
        if not weight or not between:
            continue
        step = stimulus.diff(dim=dim)
        value.add_(step.square().flatten(1).sum(1), alpha=weight)
        gradient.narrow(dim, 1, between).add_(step, alpha=2 * weight)
        gradient.narrow(dim, 0, between).sub_(step, alpha=2 * weight)
    return value, gradient
