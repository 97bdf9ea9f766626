"""J and its gradient for a batch of units of one layer."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from app.contract.errors import NoGradient
from app.contract.network import StreamName
from worker.maximize.cone import Cone
from worker.maximize.objectives import Objective
from worker.maximize.transforms import look
from worker.networks.network import Network

Stimulus = Mapping[StreamName, Tensor]  # (B, D, T, H, W) by stream


@dataclass(frozen=True)
class Pull:
    """Of each unit, all (B,): J, whether it and its gradient are finite, whether the stimulus moves the activation."""

    value: Tensor
    finite: Tensor
    touched: Tensor
    gradient: dict[StreamName, Tensor]


@dataclass(frozen=True)
class Slope:
    """The objective of one layer of one network, differentiable."""

    network: Network
    layer: str
    objective: Objective
    cone: Cone

    def pull(self, x: Stimulus, view: Tensor | None, units: Tensor, a_hat: Tensor, natural: bool = True) -> Pull:
        """J of the canvases as seen through their views, and its gradient with respect to the canvases.

        The activation's gradient and the penalties' are taken apart: the first must not vanish. What features lack in
        nature comes with the first, for both go back through the network; it is left out where not `natural`.
        """
        leaves = {name: value.detach().requires_grad_() for name, value in x.items()}
        seen = {name: look(leaf, self.cone.canvases[name], view) for name, leaf in leaves.items()}
        activation, gain = self.gain(seen, units, a_hat, natural)
        if not gain.requires_grad:
            raise NoGradient(
                f"The activation of {self.layer} does not depend on the network's input, so nothing can maximize it. "
                "Look for a detach() or a no_grad() before that layer, or choose another one."
            )
        penalty, down = self.objective.penalty(x, self.objective.picked(activation))
        up = torch.autograd.grad(gain.sum(), list(leaves.values()), materialize_grads=True)
        touched = torch.stack([(g != 0).flatten(1).any(1) for g in up]).any(0)
        gradient = {name: u - down[name] for name, u in zip(leaves, up, strict=True)}
        value = gain.detach() - penalty
        finite = torch.stack([g.isfinite().flatten(1).all(1) for g in gradient.values()]).all(0)
        return Pull(value, finite & value.isfinite(), touched, gradient)

    def gain(self, seen: Stimulus, units: Tensor, a_hat: Tensor, natural: bool = True) -> tuple[Tensor, Tensor]:
        """The activation (B, C, T, H, W) of what is seen, and what the objective gains by it (B,)."""
        if not natural or not self.objective.nature:
            activation = self.cone.activation(seen)
            return activation, self.objective.gain(activation, units, a_hat)
        activation, divergence = self.cone.watched(seen)
        return activation, self.objective.natural(self.objective.gain(activation, units, a_hat), divergence)
