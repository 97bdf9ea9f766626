"""Why a network takes a clip for what it does: which units its logits come from, as shares that add up.

The share of a unit with the activation a (after a ReLU) at positions p of its map is

    sum over p of  a_p * d logit / d a_p

For the layer before a linear last one that is weight x activation, averaged as the network averages, and what the
units do not add is the bias. For earlier layers it is exact as far as what follows is linear around this clip, as
ReLU networks are; what their biases add is the rest. The effect is measured: the logit with the unit silenced.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from app.contract.errors import InvalidRequest
from app.contract.explanation import (
    ClassShares,
    Contribution,
    Explanation,
    LayerShares,
    Prediction,
)
from app.contract.network import CLASS_LAYER, NetworkCard
from worker.evidence.activation_reader import Reading, recorder
from worker.graph.inputs import Inputs, as_map
from worker.networks.network import Network

PREDICTIONS = 5
UNITS = 8  # of a layer that are named, those of the largest shares
MEASURED = 4  # of them, how many are silenced
PASSES = 16  # through the network, at most, with a unit silenced

Score = Mapping[int, float]  # a sum of logits: by class, its weight
Observe = Callable[[int, int], None]


def explained_layers(card: NetworkCard) -> tuple[str, ...]:
    """The last layer before the classes; and the last on which streams have met and there are positions left, or for
    one stream alone the one before.
    """
    hidden = [layer for layer in card.layers if not layer.is_class]
    if not hidden:
        raise InvalidRequest(f"{card.slug} has no layer before its classes: no unit of it can explain anything.")
    maps = [layer for layer in hidden[:-1] if layer.map.height * layer.map.width > 1]
    met = [layer for layer in maps if layer.stream == "fusion"] or maps
    return (hidden[-1].name, *(layer.name for layer in met[-1:]))


def explain(
    network: Network, inputs: Inputs, expected: str | None = None, observe: Observe = lambda done, most: None
) -> Explanation:
    """Of one clip, (1, ...) by stream. `observe` hears after each pass how many there were, and are at most.

    Raises UnknownClass for an expected class that the network does not have.
    """
    card = network.card
    wanted = None if expected is None else card.match_class(expected)
    names = explained_layers(card)
    passes = _Passes(1 + len(names) + PASSES, observe)
    with recorder(network, [*names, CLASS_LAYER]) as record:
        readings = record(inputs)
    passes.count()
    logits = readings[CLASS_LAYER].peak[0]
    probabilities = logits.softmax(0)
    best = probabilities.argsort(descending=True).tolist()
    first = best[0]
    rivals = [index for index in dict.fromkeys([wanted, *best[1:PREDICTIONS]]) if index not in (None, first)]
    parts = [_Layer(network, inputs, name, readings[name], logits, [first, *rivals], passes) for name in names]

    def shares(score: Score, label: int, against: int | None = None) -> ClassShares:
        return ClassShares(
            label=card.classes[label],
            against=None if against is None else card.classes[against],
            logit=_value(score, logits),
            layers=tuple(part.shares(score) for part in parts),
        )

    return Explanation(
        network=card.slug,
        predictions=tuple(
            Prediction(label=card.classes[index], logit=float(logits[index]), probability=float(probabilities[index]))
            for index in best[:PREDICTIONS]
        ),
        predicted=shares({first: 1.0}, first),
        expected=None if wanted is None else shares({wanted: 1.0}, wanted),
        contrasts=tuple(shares({first: 1.0, rival: -1.0}, first, rival) for rival in rivals),
    )


def _value(score: Score, logits: Tensor) -> float:
    return float(sum(weight * logits[index] for index, weight in score.items()))


class _Passes:
    """Counts what costs time. Once none is left, no more effects are measured: later classes go without some."""

    def __init__(self, most: int, observe: Observe) -> None:
        self.done, self.most, self.observe = 0, most, observe

    def count(self) -> None:
        self.done += 1
        self.observe(self.done, self.most)


class _Layer:
    """One layer of the network while it sees the clip, and what its units add to the logits of some classes."""

    def __init__(
        self,
        network: Network,
        inputs: Inputs,
        name: str,
        reading: Reading,
        logits: Tensor,
        classes: Sequence[int],
        passes: _Passes,
    ) -> None:
        self.network, self.inputs, self.name, self.passes = network, inputs, name, passes
        self.reading, self.logits = reading, logits
        self.point = network.points[name]
        self.of_class = self._of_classes(classes)
        self.passes.count()
        self._silenced: dict[int, Tensor] = {}

    def shares(self, score: Score) -> LayerShares:
        shares = torch.stack([weight * self.of_class[index] for index, weight in score.items()]).sum(0)
        strongest = shares.abs().argsort(descending=True)[:UNITS].tolist()
        units = tuple(
            self._contribution(unit, float(shares[unit]), self.effect(unit, score) if place < MEASURED else None)
            for place, unit in enumerate(strongest)
        )
        total = float(shares.sum())
        return LayerShares(
            layer=self.name,
            units=units,
            others=total - sum(unit.share for unit in units),
            rest=_value(score, self.logits) - total,
        )

    def effect(self, unit: int, score: Score) -> float | None:
        """By how much the score falls where the unit is silenced; None where that would be a pass too many."""
        if unit not in self._silenced:
            if self.passes.done == self.passes.most:
                return None
            self._silenced[unit] = self._without(unit)
            self.passes.count()
        return _value(score, self.logits) - _value(score, self._silenced[unit])

    def _of_classes(self, classes: Sequence[int]) -> dict[int, Tensor]:
        """The share of every unit in each of these logits: (U,)."""
        held: list[Tensor] = []

        def hold(output: Tensor) -> Tensor:
            held.append(output.detach().requires_grad_())
            return held[0].clone()  # what follows may write into it

        with torch.enable_grad(), changed(self.network.module, self.point.path, hold):
            logits = self.network.module(self.inputs)[0]
            gradients = [torch.autograd.grad(logits[index], held, retain_graph=True)[0] for index in classes]
        activation = held[0].detach().relu() if self.point.rectified else held[0].detach()
        maps = [as_map(activation * gradient)[0] for gradient in gradients]
        return {index: values.flatten(1).sum(1) for index, values in zip(classes, maps, strict=True)}

    @torch.no_grad()
    def _without(self, unit: int) -> Tensor:
        def silence(output: Tensor) -> Tensor:
            silent = output.clone()
            silent[:, unit] = 0
            return silent

        with changed(self.network.module, self.point.path, silence):
            return self.network.module(self.inputs)[0]  # type: ignore[no-any-return]

    def _contribution(self, unit: int, share: float, effect: float | None) -> Contribution:
        time, y, x = self.reading.place[0, unit].tolist()
        return Contribution(
            layer=self.name,
            unit=unit,
            activation=float(self.reading.peak[0, unit]),
            share=share,
            effect=effect,
            x=x,
            y=y,
            time=time,
            trace=tuple(self.reading.trace[0, unit].tolist()),
        )


@contextmanager
def changed(module: nn.Module, path: str, change: Callable[[Tensor], Tensor]) -> Iterator[None]:
    """What the submodule gives is changed while this is entered, at its first use."""
    used = False

    def hook(part: nn.Module, inputs: Any, output: Tensor) -> Tensor | None:
        nonlocal used
        if used:
            return None
        used = True
        return change(output)

    handle = module.get_submodule(path).register_forward_hook(hook)
    try:
        yield
    finally:
        handle.remove()
