"""What the units of one layer add to the logits of a clip.

The share of a unit with the activation a (after a ReLU) at positions p of its map is

    sum over p of  a_p * d logit / d a_p

(gradient x activation). For the layer before a linear last one that is weight x activation, averaged over positions
as the network averages, and what the units do not add is the bias. For earlier layers the shares are exact as far as
the network is linear around this clip, as ReLU networks are; the biases of the layers in between are the remainder.
The effect is measured: by how much the logit falls when the unit is set to 0.
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from app.contract.explanation import Contribution, LayerShares
from worker.evidence.activation_reader import LayerReading
from worker.evidence.output_hook import replace_output
from worker.evidence.types import Observe
from worker.graph.inputs import Inputs, as_map
from worker.networks.network import Network

UNITS_NAMED = 8  # units of a layer that are listed: those with the largest shares
UNITS_SILENCED = 4  # the first of the listed units, whose effect is measured

Score = Mapping[int, float]  # a weighted sum of logits: the weight of each class


def score_value(score: Score, logits: Tensor) -> float:
    """Return sum over classes of weight_c * z_c, for logits (classes,)."""
    return float(sum(weight * logits[index] for index, weight in score.items()))


class PassBudget:
    """Counts the forward passes of an explanation against their maximum."""

    def __init__(self, total: int, observe: Observe) -> None:
        self.done, self.total, self.observe = 0, total, observe

    def count(self) -> None:
        """Count one forward pass and report it."""
        self.done += 1
        self.observe(self.done, self.total)

    @property
    def is_spent(self) -> bool:
        return self.done == self.total


class LayerAttribution:
    """The shares and effects of the U units of one layer on one clip, (1, ...) by stream, in the logits of `classes`.

    `logits` (C,) are those of the clip as it is. Effects are measured as long as the budget lasts.
    """

    def __init__(
        self,
        network: Network,
        inputs: Inputs,
        layer: str,
        reading: LayerReading,
        logits: Tensor,
        classes: Sequence[int],
        budget: PassBudget,
        *,
        units_silenced: int = UNITS_SILENCED,
    ) -> None:
        self.network, self.inputs, self.layer, self.budget = network, inputs, layer, budget
        self.reading, self.logits, self.units_silenced = reading, logits, units_silenced
        self.point = network.points[layer]
        self.shares_by_class = self._compute_shares(classes)
        self.budget.count()
        self._logits_without: dict[int, Tensor] = {}  # by unit

    def shares(self, score: Score) -> LayerShares:
        """Return where a score comes from: the units of the largest shares, the other units, and the remainder."""
        shares = torch.stack([weight * self.shares_by_class[index] for index, weight in score.items()]).sum(0)
        largest = shares.abs().argsort(descending=True)[:UNITS_NAMED].tolist()
        units = tuple(
            self._contribution(
                unit, float(shares[unit]), self.effect(unit, score) if rank < self.units_silenced else None
            )
            for rank, unit in enumerate(largest)
        )
        total = float(shares.sum())
        return LayerShares(
            layer=self.layer,
            units=units,
            others=total - sum(unit.share for unit in units),
            rest=score_value(score, self.logits) - total,
        )

    def effect(self, unit: int, score: Score) -> float | None:
        """Return by how much the score falls when the unit is 0, or None where the budget has no pass left."""
        if unit not in self._logits_without:
            if self.budget.is_spent:
                return None
            self._logits_without[unit] = self._compute_logits_without(unit)
            self.budget.count()
        return score_value(score, self.logits) - score_value(score, self._logits_without[unit])

    def _compute_shares(self, classes: Sequence[int]) -> dict[int, Tensor]:
        """Return the shares (U,) of all units in the logit of each class."""
        leaves: list[Tensor] = []

        def make_leaf(output: Tensor) -> Tensor:
            leaves.append(output.detach().requires_grad_())
            return leaves[0].clone()  # the next module may write into it

        with torch.enable_grad(), replace_output(self.network.module, self.point.path, make_leaf):
            logits = self.network.module(self.inputs)[0]
            gradients = [torch.autograd.grad(logits[index], leaves, retain_graph=True)[0] for index in classes]
        activation = leaves[0].detach().relu() if self.point.rectified else leaves[0].detach()
        maps = [as_map(activation * gradient)[0] for gradient in gradients]
        return {index: values.flatten(1).sum(1) for index, values in zip(classes, maps, strict=True)}

    @torch.no_grad()
    def _compute_logits_without(self, unit: int) -> Tensor:
        def silence(output: Tensor) -> Tensor:
            silenced = output.clone()
            silenced[:, unit] = 0
            return silenced

        with replace_output(self.network.module, self.point.path, silence):
            return self.network.module(self.inputs)[0]  # type: ignore[no-any-return]

    def _contribution(self, unit: int, share: float, effect: float | None) -> Contribution:
        time, y, x = self.reading.position[0, unit].tolist()
        return Contribution(
            layer=self.layer,
            unit=unit,
            activation=float(self.reading.peak[0, unit]),
            share=share,
            effect=effect,
            x=x,
            y=y,
            time=time,
            trace=tuple(self.reading.trace[0, unit].tolist()),
        )
