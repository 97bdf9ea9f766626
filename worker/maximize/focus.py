"""Larger steps where the gradient is strong, so that one thing is drawn and not its texture all over.

The operator P becomes D P D with D diagonal and positive, so what is stationary stays so.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from worker.maximize.canvas import Canvas, InputName
from worker.maximize.optimizers import normalize
from worker.maximize.parameterizations import Parameterization, apply_along, spectral_matrix, sqrt_blur

REFERENCE_HEIGHT = 224  # pixels: BLUR_PIXELS holds for a picture of this height
BLUR_PIXELS = 11.0  # standard deviation of the neighbourhood over which energy is averaged
BLUR_FRAMES = 2.0  # the same in time
ENERGY_DECAY = 0.9  # share of the average energy so far that each step keeps
MIN_WEIGHT = 0.1  # share of the frame's root mean square that every position has beyond its own


@dataclass(frozen=True)
class FocusedParameterization:
    """A parameterization between two diagonal weights (B, 1, T, H, W): S becomes D S."""

    inner: Parameterization
    weight: Tensor

    def coefficients(self, gradient: Tensor) -> Tensor:
        return self.inner.coefficients(gradient * self.weight)

    def stimulus(self, coefficients: Tensor) -> Tensor:
        return self.inner.stimulus(coefficients) * self.weight

    def set_progress(self, progress: float) -> None:
        """Set the stage of the run for the inner parameterization."""
        self.inner.set_progress(progress)

    def decay(self, share: float) -> Tensor:
        """Return the share of each position (B, 1, T, H, W) that decays at a step: `share` where out of focus."""
        return (1 - self.weight.square()).clamp_min(0) * share


class Focus:
    """The average energy of the shaped gradient P g at each position of one input, over the steps so far.

    The weight of a position is ((r_p + r / 10) / r)^(share / 2). r_p is the root mean square of P g in the
    neighbourhood of p over the steps so far, times exp(-2 center_bias d^2) at d half sides from the middle of the
    frame; r is that of its whole frame. With share 1, both weights together make a step proportional to r_p + r / 10.
    """

    def __init__(self, canvas: Canvas, like: Tensor, *, share: float = 1.0, center_bias: float = 0.0) -> None:
        self.share = share
        _, frames, height, width = canvas.shape
        rows, columns = (torch.linspace(-1, 1, side).to(like) for side in (height, width))
        self.center_weight = (-4 * center_bias * (rows[:, None].square() + columns.square())).exp()  # of r_p^2
        sigma = BLUR_PIXELS * canvas.height / REFERENCE_HEIGHT
        axes = ((2, frames, BLUR_FRAMES), (3, height, sigma), (4, width, sigma))
        self.blurs = [(spectral_matrix(n, sqrt_blur(n, width).square()).to(like), dim) for dim, n, width in axes]
        self.energy: Tensor | None = None

    def weigh(self, parameterization: Parameterization, focus_map: Tensor) -> FocusedParameterization:
        """Return the parameterization weighted by a map, which has one frame or as many as the canvas."""
        return FocusedParameterization(parameterization, focus_map.pow(self.share / 2))

    def map(self, parameterization: Parameterization, gradient: Tensor) -> Tensor:
        """Add this gradient (B, D, T, H, W) to the average and return (r_p + r / 10) / r, (B, 1, T, H, W)."""
        shaped = normalize(parameterization.stimulus(parameterization.coefficients(gradient)))
        energy = shaped.square().mean(1, keepdim=True)
        for blur, dim in self.blurs:
            energy = apply_along(blur, energy, dim)
        self.energy = energy if self.energy is None else self.energy.lerp(energy, 1 - ENERGY_DECAY)
        weighted = self.energy.clamp_min(0) * self.center_weight
        local_rms, frame_rms = weighted.sqrt(), weighted.mean((3, 4), keepdim=True).clamp_min(1e-30).sqrt()
        return local_rms / frame_rms + MIN_WEIGHT

    def keep(self, rows: Tensor) -> None:
        """Forget all items but those at these batch indices."""
        self.energy = None if self.energy is None else self.energy[rows]


def share_map(maps: Mapping[InputName, Tensor]) -> Tensor:
    """Return one map (B, 1, 1, H, W) for several inputs: the geometric mean of the RMS of each map over its frames.

    A position counts much where the gradients of all inputs (B, 1, T, H, W) are strong, so that what is seen and what
    moves gather in one place. H and W are the same for all, T need not be.
    """
    logs = [focus_map.square().mean(2, keepdim=True).log() / 2 for focus_map in maps.values()]
    return torch.stack(logs).mean(0).exp()
