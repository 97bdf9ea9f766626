"""What is maximized: a differentiable score of activations, one value an item. Objectives add, subtract and scale.

    <a_l(x), e_c> of channel c of layer l is    channel:  sum over all positions p of a_l(x)[c, p]
                                                center:   a_l(x)[c, p] at the central position p = size // 2

    class_contrast replaces a_l(x)[c, p] by  a_l(x)[c, p] - contrast * log sum over j != c of exp a_l(x)[j, p]

In a batch every item may have a unit of its own: item b of the batch gets units[b].
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

Activations = Mapping[str, Tensor]  # (B, C, T, H, W) by layer, before a following ReLU


class Objective(ABC):
    """A score of activations, as `objective(activations, items)`: one value (B,) for each item of the batch."""

    @property
    @abstractmethod
    def layers(self) -> tuple[str, ...]:
        """Return the layers whose activations it needs."""

    @property
    @abstractmethod
    def is_central(self) -> bool:
        """Return whether it needs no more than the central position of its layers."""

    @abstractmethod
    def __call__(self, activations: Activations, items: Tensor) -> Tensor:
        """Return the score (B,) of activations (B, C, T, H, W) of `items` (B,), indices in the whole batch."""

    @abstractmethod
    def positions(self, activations: Activations) -> float:
        """Return M, the number of positions that are summed; for a combination sum of |weight| M over its terms."""

    @abstractmethod
    def to(self, device: torch.device) -> "Objective":
        """Return the objective with its tensors on a device."""

    def __add__(self, other: "Objective") -> "Objective":
        return Combination((*_terms(self), *_terms(other)))

    def __sub__(self, other: "Objective") -> "Objective":
        return self + -other

    def __neg__(self) -> "Objective":
        return -1.0 * self

    def __mul__(self, weight: float) -> "Objective":
        return Combination(tuple((weight * term_weight, objective) for term_weight, objective in _terms(self)))

    __rmul__ = __mul__

    def __truediv__(self, divisor: float) -> "Objective":
        return self * (1 / divisor)


@dataclass(frozen=True, eq=False)
class Combination(Objective):
    """Sum of weighted objectives: sum over terms of weight * objective."""

    terms: tuple[tuple[float, Objective], ...]

    @property
    def layers(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(layer for _, objective in self.terms for layer in objective.layers))

    @property
    def is_central(self) -> bool:
        return all(objective.is_central for _, objective in self.terms)

    def __call__(self, activations: Activations, items: Tensor) -> Tensor:
        return torch.stack([weight * objective(activations, items) for weight, objective in self.terms]).sum(0)

    def positions(self, activations: Activations) -> float:
        return sum(abs(weight) * objective.positions(activations) for weight, objective in self.terms)

    def to(self, device: torch.device) -> "Combination":
        return Combination(tuple((weight, objective.to(device)) for weight, objective in self.terms))


def _terms(objective: Objective) -> tuple[tuple[float, Objective], ...]:
    return objective.terms if isinstance(objective, Combination) else ((1.0, objective),)


@dataclass(frozen=True, eq=False)
class UnitActivation(Objective):
    """<a_l(x), e_c>: the activation of one unit, summed over positions, less a share of the other units'."""

    layer: str
    units: Tensor  # (1,) for all items, or one for each
    select: Callable[[Tensor], Tensor]  # of the positions that are summed: all_positions or central_position
    contrast: float = 0.0

    @property
    def layers(self) -> tuple[str, ...]:
        return (self.layer,)

    @property
    def is_central(self) -> bool:
        return self.select is central_position

    def __call__(self, activations: Activations, items: Tensor) -> Tensor:
        return self.select(contrasted(activations[self.layer], self.units_of(items), self.contrast)).sum(-1)

    def units_of(self, items: Tensor) -> Tensor:
        """Return the unit of each of these items, (B,)."""
        return self.units.expand(len(items)) if len(self.units) == 1 else self.units[items]

    def positions(self, activations: Activations) -> float:
        return self.select(activations[self.layer][0, 0]).numel()

    def to(self, device: torch.device) -> "UnitActivation":
        return replace(self, units=self.units.to(device))


def channel(layer: str, unit: int | Sequence[int]) -> UnitActivation:
    """Return the objective sum over positions p of a_l(x)[c, p]. Several units: one for each item of the batch."""
    return UnitActivation(layer, _as_tensor(unit), all_positions)


def center(layer: str, unit: int | Sequence[int]) -> UnitActivation:
    """Return the objective a_l(x)[c, p] at the central position p. Several units: one for each item of the batch."""
    return UnitActivation(layer, _as_tensor(unit), central_position)


def class_contrast(layer: str, unit: int | Sequence[int], contrast: float = 1.0) -> UnitActivation:
    """Return the objective sum over p of a[c, p] - contrast * log sum over j != c of exp a[j, p], for class outputs."""
    return UnitActivation(layer, _as_tensor(unit), all_positions, contrast)


def _as_tensor(unit: int | Sequence[int]) -> Tensor:
    return torch.tensor([unit] if isinstance(unit, int) else list(unit))


def all_positions(activation: Tensor) -> Tensor:
    """Return every position: (B, ..., T, H, W) to (B, ..., T H W)."""
    return activation.flatten(-3)


def central_position(activation: Tensor) -> Tensor:
    """Return the central position: (B, ..., T, H, W) to (B, ..., 1)."""
    frames, height, width = activation.shape[-3:]
    return activation[..., frames // 2, height // 2, width // 2].unsqueeze(-1)


def unit_activation(activation: Tensor, units: Tensor) -> Tensor:
    """Return the activation of each item's own unit: (B, C, ...) to (B, ...)."""
    return activation[torch.arange(len(units), device=activation.device), units]


def contrasted(activation: Tensor, units: Tensor, contrast: float) -> Tensor:
    """Return a_c - contrast * log sum over j != c of exp a_j at each position: (B, C, ...) to (B, ...)."""
    own = unit_activation(activation, units)
    if not contrast or activation.shape[1] == 1:
        return own
    index = units.view(-1, *[1] * (activation.ndim - 1)).expand(-1, 1, *activation.shape[2:])
    return own - contrast * activation.scatter(1, index, -torch.inf).logsumexp(1)
