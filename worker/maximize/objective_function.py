"""The function J of a stimulus that the loop climbs, and its gradient.

    J(x) = g(x) - bn_prior |g(x)| R_N(x) - sum over inputs of (lambda_B R_B(x) + lambda_TV R_TV(x))

with g = objective / scale. For a recipe, g = <a_l(x), e_c> / (rho^2 a_hat). R_N is the mean divergence of the features
from their statistics over data (worker.graph.bn_statistics). Its weight |g| is held fixed for the
gradient: where x is stationary for J, it is so for log g - bn_prior R_N, whatever the scale of the unit.

Where the stimulus starts from a real clip, x in the penalties is the change alone, and J also contains
- likeness |g| D(x), with D how far the layer's other units are from what the clip gives them (worker.maximize.start).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from app.contract.errors import NoGradient
from worker.maximize.canvas import Canvas, InputName, Stimulus
from worker.maximize.objectives import Activations, Objective
from worker.maximize.regularizers import Penalty
from worker.maximize.running_gain import RunningGain
from worker.maximize.start import Likeness, Start
from worker.maximize.transforms import apply_view


class Model(Protocol):
    """A network as far as the layers of an objective: a Cone or a WholeModel."""

    @property
    def canvases(self) -> Mapping[InputName, Canvas]:
        """Return the canvases of the inputs that are optimized."""

    def activations(self, stimulus: Stimulus, *, reduced: bool) -> Activations:
        """Return the layers' activations of stimuli (B, D, T, H, W); `reduced`: in the precision of gradients."""

    def with_bn_divergence(self, stimulus: Stimulus, *, reduced: bool) -> tuple[Activations, Tensor | None]:
        """Return the activations and R_N (B,) in nats; None where the network has no statistics to compare with."""


@dataclass(frozen=True)
class ValueAndGrad:
    """J of each item and its gradient; all but the gradient are (B,)."""

    value: Tensor
    penalty: Tensor  # before its weight
    weight: Tensor  # of the penalty
    is_finite: Tensor  # the value and the gradient are
    has_gradient: Tensor  # the activation changes with the stimulus
    gradient: dict[InputName, Tensor]  # (B, D, T, H, W) of each canvas
    curvature: dict[InputName, Tensor]  # (B,): h of the term -h / 2 <x, L_t x> of J, by canvas


@dataclass(frozen=True)
class ObjectiveFunction:
    """J of the items of a batch, differentiable with respect to their canvases."""

    model: Model
    objective: Objective
    penalty: Penalty
    scale: Tensor  # (N,): one for each item of the whole batch, in the precision and on the device of stimuli
    bn_prior: float = 0.0
    running_gain: RunningGain | None = None  # of g rho^2 / M, by which penalties are multiplied; None: by 1
    start: Start | None = None  # the clip that x is a change of; None: x is the stimulus
    likeness: Likeness | None = None  # to the start

    def value_and_grad(
        self, x: Stimulus, view: Tensor | None, items: Tensor, *, with_bn_prior: bool = True
    ) -> ValueAndGrad:
        """Return J of canvases (B, D, T, H, W) through their views (B, 2, 3), and its gradient.

        The gradients of g and of the penalties are computed apart, so that a vanishing gradient of g is noticed. The
        BN prior goes back through the network together with g; without it only g does. Raises NoGradient where g does
        not depend on the canvases.
        """
        leaves = {name: value.detach().requires_grad_() for name, value in x.items()}
        whole = leaves if self.start is None else self.start.add_to(leaves)
        stimulus = {name: apply_view(value, self.model.canvases[name], view) for name, value in whole.items()}
        of_clip = self._activations_of_clip(view, items, reduced=True)
        activations, gain = self.gain(stimulus, items, reduced=True, with_bn_prior=with_bn_prior, of_clip=of_clip)
        if not gain.requires_grad:
            raise NoGradient(
                f"The activation of {' and '.join(self.objective.layers)} does not depend on the network's input, so "
                "nothing can maximize it. Look for a detach() or a no_grad() before that layer, or choose another one."
            )
        self._update_running_gain(activations, items)
        weight = self.penalty_weight(items)
        penalty, penalty_gradients = self.penalties(x, activations)
        gradients = torch.autograd.grad(gain.sum(), list(leaves.values()), materialize_grads=True)
        has_gradient = torch.stack([(g != 0).flatten(1).any(1) for g in gradients]).any(0)
        if self.running_gain is not None:
            for penalty_gradient in penalty_gradients.values():
                penalty_gradient.mul_(weight.view(-1, 1, 1, 1, 1))
        gradient = {name: g - penalty_gradients[name] for name, g in zip(leaves, gradients, strict=True)}
        value = gain.detach() - weight * penalty
        is_finite = torch.stack([g.isfinite().flatten(1).all(1) for g in gradient.values()]).all(0)
        curvatures = self.penalty.time_curvature(x, self.model.canvases, self.objective.positions(activations))
        curvature = {name: weight * value for name, value in curvatures.items()}
        is_finite = is_finite & value.isfinite()
        return ValueAndGrad(value, penalty, weight, is_finite, has_gradient, gradient, curvature)

    def gain(
        self,
        stimulus: Stimulus,
        items: Tensor,
        *,
        reduced: bool,
        with_bn_prior: bool = True,
        of_clip: Activations | None = None,
    ) -> tuple[Activations, Tensor]:
        """Return the activations of stimuli without margin, and g - bn_prior |g| R_N (B,), |g| without gradient.

        With the activations of the clip that they start from, likeness |g| D is subtracted as well.
        """
        divergence = None
        if with_bn_prior and self.bn_prior:
            activations, divergence = self.model.with_bn_divergence(stimulus, reduced=reduced)
        else:
            activations = self.model.activations(stimulus, reduced=reduced)
        gain = self.objective(activations, items) / self.scale[items]
        size, total = gain.detach().abs(), gain
        if divergence is not None:
            total = total - self.bn_prior * size * divergence
        if self.likeness is not None and of_clip is not None:
            total = total - self.likeness.weight * size * self.likeness.distance(activations, of_clip, items)
        return activations, total

    def evaluate(self, x: Stimulus, items: Tensor, *, without: InputName | None = None) -> tuple[Tensor, Activations]:
        """Return J (B,) of finished stimuli x in float32, and their activations.

        The input `without` is shown as zeros: a grey frame, or no motion. Where x is a change of a clip, it is that of
        the finished part.
        """
        start = None if self.start is None else self.start.cropped(self.model.canvases)
        stimulus = dict(x if start is None else start.add_to(x))
        if without is not None:
            stimulus[without] = torch.zeros_like(stimulus[without])
            x = {**x, without: stimulus[without]}
        of_clip = self._activations_of_clip(None, items, reduced=False)
        activations, gain = self.gain(stimulus, items, reduced=False, of_clip=of_clip)
        penalty, _ = self.penalties(x, activations)
        return gain - self.penalty_weight(items) * penalty, activations

    @torch.no_grad()
    def _activations_of_clip(self, view: Tensor | None, items: Tensor, *, reduced: bool) -> Activations | None:
        """Return the activations of the clip through the same views; None where nothing is compared with them."""
        if self.start is None or self.likeness is None:
            return None
        clip = {}
        for name, value in self.start.values.items():
            clip[name] = apply_view(value.expand(len(items), -1, -1, -1, -1), self.model.canvases[name], view)
        return self.model.activations(clip, reduced=reduced)

    def penalties(self, x: Stimulus, activations: Activations) -> tuple[Tensor, dict[InputName, Tensor]]:
        """Return the penalties of stimuli, (B,), and their gradients, before their weights."""
        return self.penalty(x, self.model.canvases, self.objective.positions(activations))

    def penalty_weight(self, items: Tensor) -> Tensor:
        """Return what the penalties of these items are multiplied by, (B,)."""
        if self.running_gain is None:
            return torch.ones_like(self.scale[items])
        return self.running_gain.weight(items)

    @torch.no_grad()
    def _update_running_gain(self, activations: Activations, items: Tensor) -> None:
        if self.running_gain is not None:
            mean = self.objective(activations, items) / self.scale[items] / self.objective.positions(activations)
            self.running_gain.update(items, mean * self.penalty.area)
