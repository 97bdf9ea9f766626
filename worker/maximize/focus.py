"""Where steps are large: near what the gradient already asks for, so that one thing is drawn and not its texture all
over. P becomes D P D with D diagonal and positive, so what is stationary stays so.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from app.contract.recipe import REFERENCE_HEIGHT
from worker.maximize.canvas import Canvas
from worker.maximize.optimizers import normalised
from worker.maximize.priors import Prior, along, half_blur, spectral

NEAR = 11.0  # standard deviation of a neighbourhood, in pixels of a picture 224 high
WHILE = 2.0  # the same in frames
MEMORY = 0.9  # of the energy so far, at each step
FADING = 0.15  # share that a place out of focus forgets at the first step; falls with the step size
FAINT = 0.1  # share of the frame's root mean square that every place has beyond its own


@dataclass(frozen=True)
class Focused:
    """A prior between two diagonal weights (B, 1, T, H, W)."""

    prior: Prior
    weight: Tensor

    def coefficients(self, gradient: Tensor) -> Tensor:
        return self.prior.coefficients(gradient * self.weight)

    def stimulus(self, coefficients: Tensor) -> Tensor:
        return self.prior.stimulus(coefficients) * self.weight

    def at(self, progress: float) -> None:
        self.prior.at(progress)

    def fading(self, share: float) -> Tensor:
        """How much of a place is forgotten at a step (B, 1, T, H, W): that share where it is out of focus."""
        return (1 - self.weight.square()).clamp_min(0) * share


class Focus:
    """Remembers for one stream of a batch where the shaped gradient was strong.

    The weight of a place is ((r_p + r / 10) / r)^(share / 2), r_p the root mean square of P g near it over the steps
    so far, times exp(-2 middle d^2) at d half sides from the middle of the frame, and r that of its frame: with share
    1 and both weights a step is in proportion to r_p + r / 10.
    """

    def __init__(self, canvas: Canvas, share: float, middle: float, like: Tensor) -> None:
        self.share = share
        _, frames, height, width = canvas.shape
        rows, columns = (torch.linspace(-1, 1, side).to(like) for side in (height, width))
        self.nearness = (-4 * middle * (rows[:, None].square() + columns.square())).exp()  # of energy, a square
        near = NEAR * canvas.height / REFERENCE_HEIGHT
        spreads = ((2, frames, WHILE), (3, height, near), (4, width, near))
        self.blurs = [(spectral(n, half_blur(n, sigma).square()).to(like), dim) for dim, n, sigma in spreads]
        self.energy: Tensor | None = None

    def on(self, prior: Prior, gradient: Tensor) -> Focused:
        """The prior, narrowed by this gradient (B, D, T, H, W) and those before it."""
        energy = normalised(prior.stimulus(prior.coefficients(gradient))).square().mean(1, keepdim=True)
        for blur, dim in self.blurs:
            energy = along(blur, energy, dim)
        self.energy = energy if self.energy is None else self.energy.lerp(energy, 1 - MEMORY)
        counted = self.energy.clamp_min(0) * self.nearness
        strength, whole = counted.sqrt(), counted.mean((3, 4), keepdim=True).clamp_min(1e-30).sqrt()
        return Focused(prior, (strength / whole + FAINT).pow(self.share / 2))

    def keep(self, kept: Tensor) -> None:
        """Forgets all units but those at these batch indices."""
        self.energy = None if self.energy is None else self.energy[kept]
