import pytest
import torch
from torch import nn

from app.contract.errors import UnknownClass
from app.contract.explanation import ClassShares
from tests.worker.evidence.inputs import random_inputs
from worker.evidence.explain import explain, explained_layers
from worker.evidence.layer_attribution import UNITS_SILENCED
from worker.networks.network import Network


def total(shares: ClassShares, layer: int) -> float:
    of_layer = shares.layers[layer]
    return sum(unit.share for unit in of_layer.units) + of_layer.others + of_layer.rest


@pytest.fixture(params=["tiny_two_stream", "tiny_clip"])
def network(request: pytest.FixtureRequest) -> Network:
    network: Network = request.getfixturevalue(request.param)
    return network


def test_shares_add_up_to_the_logit(network: Network) -> None:
    inputs = random_inputs(network, clips=1)
    expected = network.card.classes[2]
    actual = explain(network, inputs, expected)
    logits = network.logits(inputs)[0]
    best = int(logits.argmax())
    assert actual.predicted.label == actual.predictions[0].label == network.card.classes[best]
    assert sum(each.probability for each in actual.predictions) == pytest.approx(1)
    for shares, logit in ((actual.predicted, logits[best]), (actual.expected, logits[2])):
        assert shares is not None
        assert shares.logit == pytest.approx(float(logit), abs=1e-5)
        for layer in range(len(shares.layers)):
            assert total(shares, layer) == pytest.approx(float(logit), abs=1e-5)


def test_at_a_linear_last_layer_shares_are_weight_times_activation(tiny_two_stream: Network) -> None:
    inputs = random_inputs(tiny_two_stream, clips=1)
    actual = explain(tiny_two_stream, inputs)
    (last, fusion) = actual.predicted.layers
    assert (last.layer, fusion.layer) == explained_layers(tiny_two_stream.card) == ("fc7", "fusion.conv5")
    label = tiny_two_stream.card.class_index(actual.predicted.label)
    scores = tiny_two_stream.module.get_submodule("scores")
    assert isinstance(scores, nn.Linear)
    activation = tiny_two_stream.activation("fc7", inputs).relu().flatten()
    for unit in last.units:
        weight = float(scores.weight[label, unit.unit])
        assert unit.share == pytest.approx(weight * float(activation[unit.unit]), abs=1e-6)
        assert unit.activation == pytest.approx(float(activation[unit.unit]))
    assert [unit.effect for unit in last.units[:UNITS_SILENCED]] == pytest.approx(
        [unit.share for unit in last.units[:UNITS_SILENCED]], abs=1e-5
    )
    assert last.rest == pytest.approx(float(scores.bias[label]), abs=1e-5)
    sizes = [abs(unit.share) for unit in last.units]
    assert sizes == sorted(sizes, reverse=True)


def test_effects_are_measured_by_silencing(tiny_two_stream: Network) -> None:
    inputs = random_inputs(tiny_two_stream, clips=1)
    actual = explain(tiny_two_stream, inputs)
    unit = actual.predicted.layers[1].units[0]
    label = tiny_two_stream.card.class_index(actual.predicted.label)
    tap = tiny_two_stream.module.get_submodule("fusion.conv5.tap")

    def silence(module: nn.Module, given: object, output: torch.Tensor) -> torch.Tensor:
        keep = torch.ones(output.shape[1])
        keep[unit.unit] = 0
        return output * keep[:, None, None]

    handle = tap.register_forward_hook(silence)
    without = float(tiny_two_stream.logits(inputs)[0, label])
    handle.remove()
    assert unit.effect == pytest.approx(actual.predicted.logit - without, abs=1e-5)


def test_a_contrast_is_the_difference_of_two_classes(network: Network) -> None:
    inputs = random_inputs(network, clips=1)
    order = network.logits(inputs)[0].argsort(descending=True).tolist()
    first, second = network.card.classes[order[0]], network.card.classes[order[1]]
    actual = explain(network, inputs, second)
    contrast = actual.against(second)
    assert contrast is not None
    assert actual.expected is not None
    assert (contrast.label, contrast.against) == (first, second)
    assert contrast.logit == pytest.approx(actual.predicted.logit - actual.expected.logit, abs=1e-5)
    for layer, whole in enumerate(contrast.layers):
        assert total(contrast, layer) == pytest.approx(contrast.logit, abs=1e-5)
        rest = actual.predicted.layers[layer].rest - actual.expected.layers[layer].rest
        assert whole.rest == pytest.approx(rest, abs=1e-5)


def test_the_expected_class_may_be_right_and_must_be_known(network: Network) -> None:
    inputs = random_inputs(network, clips=1)
    plain = explain(network, inputs)
    assert plain.expected is None
    assert [each.against for each in plain.contrasts] == [each.label for each in plain.predictions[1:]]
    assert plain.against(plain.predicted.label) is None
    right = explain(network, inputs, plain.predicted.label)
    assert (right.expected, right.contrasts) == (plain.predicted, plain.contrasts)
    with pytest.raises(UnknownClass):
        explain(network, inputs, "juggling")
    assert not any(part._forward_hooks for part in network.module.modules())


def test_the_passes_are_counted_and_bounded(network: Network) -> None:
    seen: list[tuple[int, int]] = []
    inputs = random_inputs(network, clips=1)
    actual = explain(network, inputs, observe=lambda done, most: seen.append((done, most)), max_silenced_passes=2)
    most = 1 + len(explained_layers(network.card)) + 2
    assert seen == [(done, most) for done in range(1, most + 1)]
    effects = [unit.effect for unit in actual.predicted.layers[0].units]
    assert None not in effects[:2]
    assert set(effects[2:]) == {None}
