"""What is maximized: a differentiable score of activations, one value an item. Objectives add, subtract and scale.

    <a_l(x), e_c> of channel c of layer l is    channel:  sum over all positions p of a_l(x)[c, p]
                                                center:   a_l(x)[c, p] at the central position p = size // 2
                                                at:       a_l(x)[c, p] at a given position p = (t, h, w)

    class_contrast replaces a_l(x)[c, p] by  a_l(x)[c, p] - contrast * log sum over j != c of exp a_l(x)[j, p]
    direction                            by  sum over units j of w_j a_l(x)[j, p]
    minus                                by  a_l(x)[c, p] - mean over other units j of a_l(x)[j, p]

In a batch every item may have a unit of its own: item b of the batch gets units[b]. One objective is of all items
together: diversity, which is larger the less the layer's features of the items are alike.
"""

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Self

import torch
from torch import Tensor
from torch.nn.functional import normalize

from app.contract.errors import InvalidRequest
from worker.maximize.positions import CENTER, Position, is_same_place, select_positions

Activations = Mapping[str, Tensor]  # (B, C, T, H, W) by layer, before a following ReLU


class Objective(ABC):
    """A score of activations, as `objective(activations, items)`: one value (B,) for each item of the batch."""

    @property
    @abstractmethod
    def layers(self) -> tuple[str, ...]:
        """Return the layers whose activations it needs."""

    @property
    @abstractmethod
    def position(self) -> Position | None:
        """Return the one position of its layers that it needs; None where it needs more."""

    @abstractmethod
    def on_its_position(self) -> "Objective":
        """Return the same objective of activations (B, C, 1, 1, 1) that hold nothing but its one position."""

    @property
    def is_joint(self) -> bool:
        """Return whether the score of an item depends on the other items, so that all must be computed together."""
        return False

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
    def position(self) -> Position | None:
        first = self.terms[0][1].position
        return first if all(is_same_place(objective.position, first) for _, objective in self.terms) else None

    def on_its_position(self) -> "Combination":
        return Combination(tuple((weight, objective.on_its_position()) for weight, objective in self.terms))

    @property
    def is_joint(self) -> bool:
        return any(objective.is_joint for _, objective in self.terms)

    def __call__(self, activations: Activations, items: Tensor) -> Tensor:
        return torch.stack([weight * objective(activations, items) for weight, objective in self.terms]).sum(0)

    def positions(self, activations: Activations) -> float:
        return sum(abs(weight) * objective.positions(activations) for weight, objective in self.terms)

    def to(self, device: torch.device) -> "Combination":
        return Combination(tuple((weight, objective.to(device)) for weight, objective in self.terms))


def _terms(objective: Objective) -> tuple[tuple[float, Objective], ...]:
    return objective.terms if isinstance(objective, Combination) else ((1.0, objective),)


@dataclass(frozen=True, eq=False)
class OfLayer(Objective):
    """An objective of one layer, summed over all positions of its map or taken at one of them."""

    layer: str
    position: Position | None = field(default=None, kw_only=True)  # None: all

    @property
    def layers(self) -> tuple[str, ...]:
        return (self.layer,)

    def on_its_position(self) -> Self:
        return replace(self, position=None)

    def select(self, activation: Tensor) -> Tensor:
        """Return the positions that are summed: (B, ..., T, H, W) to (B, ..., P)."""
        return select_positions(activation, self.position)

    def positions(self, activations: Activations) -> float:
        return self.select(activations[self.layer][0, 0]).numel()


@dataclass(frozen=True, eq=False)
class OfUnits(OfLayer):
    """An objective of one unit of a layer, which may be another for each item."""

    units: Tensor  # (1,) for all items, or one for each

    def units_of(self, items: Tensor) -> Tensor:
        """Return the unit of each of these items, (B,)."""
        return self.units.expand(len(items)) if len(self.units) == 1 else self.units[items]

    def to(self, device: torch.device) -> Self:
        return replace(self, units=self.units.to(device))


@dataclass(frozen=True, eq=False)
class UnitActivation(OfUnits):
    """<a_l(x), e_c>: the activation of one unit, summed over positions, less a share of the other units'."""

    contrast: float = 0.0

    def __call__(self, activations: Activations, items: Tensor) -> Tensor:
        return self.select(contrasted(activations[self.layer], self.units_of(items), self.contrast)).sum(-1)


@dataclass(frozen=True, eq=False)
class MeanOfOthers(OfUnits):
    """The mean activation of some units of a layer, or of all, without the item's own unit; summed over positions."""

    others: tuple[int, ...] | None = None  # None: all units of the layer

    def __call__(self, activations: Activations, items: Tensor) -> Tensor:
        activation = activations[self.layer]
        others = tuple(range(activation.shape[1])) if self.others is None else self.others
        numbers = torch.tensor(others, device=activation.device)
        weights = (numbers != self.units_of(items)[:, None]).to(activation.dtype)
        return weighted_units(self.select(activation), others, weights / weights.sum(1, keepdim=True)).sum(-1)


@dataclass(frozen=True, eq=False)
class Direction(OfLayer):
    """A direction in the activations of a layer: a weighted sum of units, summed over positions."""

    weights: Mapping[int, float]  # by unit

    def __call__(self, activations: Activations, items: Tensor) -> Tensor:
        selected = self.select(activations[self.layer])
        weights = torch.tensor(list(self.weights.values())).to(selected)
        return weighted_units(selected, tuple(self.weights), weights.expand(len(selected), -1)).sum(-1)

    def to(self, device: torch.device) -> "Direction":
        return self


@dataclass(frozen=True, eq=False)
class Diversity(OfLayer):
    """How little the features of the items are alike: -M mean over the other items j of cos(f_i, f_j).

    The features f_i (C,) are the means over positions of a layer's activation, and M is the number of these positions,
    so that a weight means the same for every size of map. A single item has 0. After Olah, Mordvintsev and Schubert,
    "Feature visualization", Distill 2017.
    """

    @property
    def is_joint(self) -> bool:
        return True

    def __call__(self, activations: Activations, items: Tensor) -> Tensor:
        selected = self.select(activations[self.layer])
        features = normalize(selected.mean(-1), dim=1)
        similarity = features @ features.T
        others = similarity.sum(1) - similarity.diagonal()
        return others * (-selected.shape[-1] / max(1, len(features) - 1))

    def positions(self, activations: Activations) -> float:
        """Return 0: the weights of the penalties are those of the objective that diversity is added to."""
        return 0

    def to(self, device: torch.device) -> "Diversity":
        return self


def channel(layer: str, unit: int | Sequence[int]) -> UnitActivation:
    """Return the objective sum over positions p of a_l(x)[c, p]. Several units: one for each item of the batch."""
    return UnitActivation(layer, _as_tensor(unit))


def center(layer: str, unit: int | Sequence[int]) -> UnitActivation:
    """Return the objective a_l(x)[c, p] at the central position p. Several units: one for each item of the batch."""
    return UnitActivation(layer, _as_tensor(unit), position=CENTER)


def at(layer: str, unit: int | Sequence[int], position: tuple[int, int, int]) -> UnitActivation:
    """Return the objective a_l(x)[c, p] at the position p = (t, h, w) of the map, counted from 0."""
    return UnitActivation(layer, _as_tensor(unit), position=position)


def class_contrast(layer: str, unit: int | Sequence[int], contrast: float = 1.0) -> UnitActivation:
    """Return the objective sum over p of a[c, p] - contrast * log sum over j != c of exp a[j, p], for class outputs."""
    return UnitActivation(layer, _as_tensor(unit), contrast=contrast)


def direction(layer: str, weights: Mapping[int, float], *, position: Position | None = None) -> Direction:
    """Return the objective sum over p and over units j of w_j a_l(x)[j, p], or that at one position.

    Raises InvalidRequest for no weights, and for weights that are all zero.
    """
    if not any(weights.values()):
        raise InvalidRequest(f"A direction in {layer} needs a unit with a weight other than 0: {{unit: weight}}.")
    return Direction(layer, position=position, weights=dict(sorted(weights.items())))


def diversity(layer: str, *, position: Position | None = None) -> Diversity:
    """Return -M times the mean cosine between an item's features and those of the other items, for items that differ.

    Add it to the objective of one unit: `channel("conv", 3) + 0.5 * diversity("conv")` with several seeds.
    """
    return Diversity(layer, position=position)


def minus(
    layer: str,
    unit: int | Sequence[int],
    others: Collection[int] | None = None,
    *,
    position: Position | None = None,
    contrast: float = 0.0,
) -> Combination:
    """Return the objective sum over p of a_l(x)[c, p] - mean over `others` j of a_l(x)[j, p], or that at one position.

    The unit itself does not count as one of the others; these are all units of the layer if not given. Raises
    InvalidRequest where none is left.
    """
    units = _as_tensor(unit)
    for own in units.tolist():
        if others is not None and not set(others) - {own}:
            raise InvalidRequest(
                f"Unit {own} of {layer} cannot be subtracted from itself: name other units, or leave none out."
            )
    chosen = None if others is None else tuple(sorted(set(others)))
    own_activation = UnitActivation(layer, units, position=position, contrast=contrast)
    difference = own_activation - MeanOfOthers(layer, units, position=position, others=chosen)
    assert isinstance(difference, Combination)
    return difference


def _as_tensor(unit: int | Sequence[int]) -> Tensor:
    return torch.tensor([unit] if isinstance(unit, int) else list(unit))


def unit_activation(activation: Tensor, units: Tensor) -> Tensor:
    """Return the activation of each item's own unit: (B, C, ...) to (B, ...)."""
    return activation[torch.arange(len(units), device=activation.device), units]


def weighted_units(selected: Tensor, units: tuple[int, ...], weights: Tensor) -> Tensor:
    """Return the sum of units weighted for each item: (B, C, P), K numbers of units and (B, K) to (B, P).

    Raises InvalidRequest for a unit that the layer does not have.
    """
    count = selected.shape[1]
    if missing := [unit for unit in units if not 0 <= unit < count]:
        raise InvalidRequest(f"The layer has units 0 to {count - 1}, and none of number {missing[0]}.")
    if len(units) < count:  # all units are those of the layer in their order, which need no copy
        selected = selected[:, torch.tensor(units, device=selected.device)]
    return torch.einsum("bk,bkp->bp", weights, selected)


def contrasted(activation: Tensor, units: Tensor, contrast: float) -> Tensor:
    """Return a_c - contrast * log sum over j != c of exp a_j at each position: (B, C, ...) to (B, ...)."""
    own = unit_activation(activation, units)
    if not contrast or activation.shape[1] == 1:
        return own
    index = units.view(-1, *[1] * (activation.ndim - 1)).expand(-1, 1, *activation.shape[2:])
    return own - contrast * activation.scatter(1, index, -torch.inf).logsumexp(1)
