"""What is maximized: the activation of one unit, and the weights of the penalties against it.

    J(x) = 1 / (rho^2 a_hat) <a_l(x), e_c>  -  sum over streams of  lambda_B R_B(x) + lambda_TV R_TV(x)

The recipe's weights `energy` and `smoothness` are dimensionless, so that one default fits every layer:

    lambda_B  = energy     * M / (rho^2 N B^alpha)
    lambda_TV = smoothness * M / (rho^2 N B^2)

with N the positions (i, j, t) of the stream's stimulus, B its hard bound and M the positions of the activation
map that the objective sums (1 for `center` and for fully connected layers). Hence

    rho^2 J / M = mean a / a_hat  -  energy * mean (|x| / B)^alpha  -  smoothness * mean tv / B^2

rho^2 is the area of the receptive field, no larger than the stimulus. For networks with batch normalisation, J also has

    -  nature |<a_l(x), e_c>| / (rho^2 a_hat) R_N(x)

with R_N the mean divergence of the features on the way from their statistics over the training data
(worker.graph.bn_statistics), and its weight |<a, e_c>| held fixed for the gradient: where x is at rest, so is
log <a, e_c> - nature R_N, whatever the scale of the unit.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol

import torch
from torch import Tensor

from app.contract.network import Layer, StreamName
from app.contract.recipe import ResolvedRecipe
from worker.maximize.canvas import Canvas
from worker.maximize.regularizers import bounded_energy, smoothness


class Pick(Protocol):
    """Chooses the positions of the activation map that an objective sums."""

    def __call__(self, activation: Tensor) -> Tensor: ...


def channel(activation: Tensor) -> Tensor:
    """Every position: (B, ..., T, H, W) to (B, ..., T H W)."""
    return activation.flatten(-3)


def center(activation: Tensor) -> Tensor:
    """The central position: (B, ..., T, H, W) to (B, ..., 1)."""
    frames, height, width = activation.shape[-3:]
    return activation[..., frames // 2, height // 2, width // 2].unsqueeze(-1)


OBJECTIVES: Mapping[str, Pick] = {"channel": channel, "center": center}


def unit_activation(activation: Tensor, units: Tensor) -> Tensor:
    """(B, C, ...) to (B, ...): item b's own unit."""
    return activation[torch.arange(len(units), device=activation.device), units]


def contrasted(activation: Tensor, units: Tensor, contrast: float) -> Tensor:
    """a_c - contrast * log sum over j != c of exp a_j, at each position: (B, C, ...) to (B, ...)."""
    own = unit_activation(activation, units)
    if not contrast or activation.shape[1] == 1:
        return own
    index = units.view(-1, *[1] * (activation.ndim - 1)).expand(-1, 1, *activation.shape[2:])
    return own - contrast * activation.scatter(1, index, -torch.inf).logsumexp(1)


class Objective:
    """J for the units of one layer under one recipe."""

    def __init__(self, layer: Layer, recipe: ResolvedRecipe, canvases: Mapping[StreamName, Canvas]) -> None:
        self.recipe = recipe
        self.canvases = canvases
        self.contrast = recipe.contrast if layer.is_class else 0.0
        self.nature = recipe.bn_prior if recipe.objective == "channel" else 0.0  # a cone shows no scene to be natural
        self.pick = OBJECTIVES[recipe.objective]
        field, seen = layer.receptive_field, list(canvases.values())
        self.area = min(field.height, max(canvas.height for canvas in seen)) * min(
            field.width, max(canvas.width for canvas in seen)
        )

    def picked(self, activation: Tensor) -> int:
        """M for an activation (B, C, T, H, W)."""
        return self.pick(activation[0, 0]).numel()

    def gain(self, activation: Tensor, units: Tensor, a_hat: Tensor) -> Tensor:
        """<a_l(x), e_c> / (rho^2 a_hat) of an activation (B, C, T, H, W): (B,)."""
        own = self.pick(contrasted(activation, units, self.contrast))
        return own.sum(-1) / (self.area * a_hat)

    def natural(self, gain: Tensor, divergence: Tensor | None) -> Tensor:
        """Gain - nature |gain| R_N, with the weight |gain| as it is now: no gradient flows through it."""
        return gain if divergence is None else gain - self.nature * gain.detach().abs() * divergence

    @torch.no_grad()
    def penalty(self, stimulus: Mapping[StreamName, Tensor], picked: int) -> tuple[Tensor, dict[StreamName, Tensor]]:
        """lambda_B R_B + lambda_TV R_TV of stimuli (B, D, T, H, W), over all streams (B,), and its gradient. `picked`
        is M.
        """
        found = {name: self._penalty(x, self.canvases[name], picked) for name, x in stimulus.items()}
        values, gradients = zip(*found.values(), strict=True)
        return torch.stack(values).sum(0), dict(zip(found, gradients, strict=True))

    def _penalty(self, x: Tensor, canvas: Canvas, picked: int) -> tuple[Tensor, Tensor]:
        recipe = self.recipe
        weight = picked / (self.area * x[0, 0].numel())  # M / (rho^2 N)
        energy, outwards = bounded_energy(x, recipe.alpha)
        change, apart = smoothness(x, recipe.kappa, recipe.chi)
        lambda_b = weight * recipe.energy / canvas.bound**recipe.alpha
        lambda_tv = weight * recipe.smoothness / canvas.bound**2
        value: Tensor = lambda_b * energy + lambda_tv * change
        return value, outwards.mul_(lambda_b).add_(apart, alpha=lambda_tv)


def data_maxima(values: Sequence[float] | None, count: int) -> list[float]:
    """a_hat of each unit: 1 where no survey has measured it, or where the unit never was positive."""
    return [value if value > 0 else 1.0 for value in values] if values is not None else [1.0] * count
