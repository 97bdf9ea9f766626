"""Explain the classification of one clip: which units its logits come from, as shares that add up.

The shares of a layer are defined in `layer_attribution.py`.
"""

from app.contract.errors import InvalidRequest
from app.contract.explanation import ClassShares, Explanation, Prediction
from app.contract.network import CLASS_LAYER, NetworkCard
from worker.evidence.activation_reader import read_activations
from worker.evidence.layer_attribution import UNITS_SILENCED, LayerAttribution, PassBudget, Score, score_value
from worker.evidence.types import Observe
from worker.graph.inputs import Inputs
from worker.networks.network import Network

PREDICTIONS = 5  # classes listed, the most probable first
MAX_SILENCED_PASSES = 16  # forward passes with a unit silenced, for all layers and classes together


def explained_layers(card: NetworkCard) -> tuple[str, ...]:
    """Return the layers whose units explain a clip: the last hidden layer, then the last fused one with positions.

    Where no fused layer has positions, the last earlier layer with positions is the second one. Dictionaries follow.

    Raises InvalidRequest for a network without hidden layers.
    """
    hidden = [layer for layer in card.own_layers if not layer.is_class]
    if not hidden:
        raise InvalidRequest(f"{card.slug} has no layer before its classes: no unit of it can explain anything.")
    maps = [layer for layer in hidden[:-1] if layer.map.height * layer.map.width > 1]
    fused = [layer for layer in maps if layer.stream == "fusion"] or maps
    dictionaries = (layer.name for layer in card.layers if layer.dictionary is not None)
    return (hidden[-1].name, *(layer.name for layer in fused[-1:]), *dictionaries)


def explain(
    network: Network,
    inputs: Inputs,
    expected: str | None = None,
    observe: Observe = lambda done, total: None,
    *,
    units_silenced: int = UNITS_SILENCED,
    max_silenced_passes: int = MAX_SILENCED_PASSES,
) -> Explanation:
    """Explain one clip, (1, ...) by stream: its predictions, and the shares of units in the logits.

    `expected` is the class that a person expected; it is compared with the prediction. `observe` is called after
    each forward pass with the passes done and their maximum. Once `max_silenced_passes` are spent, the
    remaining effects are None.

    Raises UnknownClass for an expected class that the network does not have, and NoClasses.
    """
    card = network.card
    card.require_classes()
    expected_class = None if expected is None else card.match_class(expected)
    layers = explained_layers(card)
    budget = PassBudget(1 + len(layers) + max_silenced_passes, observe)
    with read_activations(network, [*layers, CLASS_LAYER]) as read:
        readings = read(inputs)
    budget.count()
    logits = readings[CLASS_LAYER].peak[0]
    probabilities = logits.softmax(0)
    ranked = probabilities.argsort(descending=True).tolist()
    predicted = ranked[0]
    alternatives = dict.fromkeys([expected_class, *ranked[1:PREDICTIONS]])
    rivals = [index for index in alternatives if index not in (None, predicted)]
    attributions = [
        LayerAttribution(
            network, inputs, name, readings[name], logits, [predicted, *rivals], budget, units_silenced=units_silenced
        )
        for name in layers
    ]

    def shares(score: Score, label: int, against: int | None = None) -> ClassShares:
        return ClassShares(
            label=card.classes[label],
            against=None if against is None else card.classes[against],
            logit=score_value(score, logits),
            layers=tuple(attribution.shares(score) for attribution in attributions),
        )

    return Explanation(
        network=card.slug,
        predictions=tuple(
            Prediction(label=card.classes[index], logit=float(logits[index]), probability=float(probabilities[index]))
            for index in ranked[:PREDICTIONS]
        ),
        predicted=shares({predicted: 1.0}, predicted),
        expected=None if expected_class is None else shares({expected_class: 1.0}, expected_class),
        contrasts=tuple(shares({predicted: 1.0, rival: -1.0}, predicted, rival) for rival in rivals),
    )
