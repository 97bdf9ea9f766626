"""Class attributions where they are known: before a linear head, and by the explanation of a clip."""

from collections.abc import Iterator, Sequence

import pytest
import torch
from torch import nn

from tests.worker.evidence.inputs import random_inputs
from worker.evidence.class_attributions import attribute_clip, attributed_layers, class_attributions
from worker.evidence.explain import explain
from worker.graph.inputs import Inputs
from worker.networks.network import Network

CLIPS = 3


@pytest.fixture
def clips(tiny_two_stream: Network) -> list[Inputs]:
    several = random_inputs(tiny_two_stream, clips=CLIPS)
    return [{name: x[number : number + 1] for name, x in several.items()} for number in range(CLIPS)]


def test_before_a_linear_head_the_weight_is_its_own_and_the_share_weight_times_activation(
    tiny_two_stream: Network, clips: list[Inputs]
) -> None:
    network = tiny_two_stream
    activation = torch.stack([network.activation("fc7", clip).relu().flatten() for clip in clips])
    one, two = activation.sum(0).argsort(descending=True)[:2].tolist()
    strongest = torch.full((network.card.layer("fc7").units, 3), -1)
    strongest[one, :2], strongest[two, 0] = torch.tensor([0, 2]), 1
    read: list[int] = []

    def reader(numbers: Sequence[int]) -> Iterator[tuple[int, Inputs]]:
        for number in numbers:
            read.append(number)
            yield number, clips[number]

    seen: list[tuple[int, int]] = []
    actual = class_attributions(network, {"fc7": strongest}, reader, lambda done, total: seen.append((done, total)))
    assert (read, seen) == ([0, 1, 2], [(1, 3), (2, 3), (3, 3)])
    scores = network.module.get_submodule("scores")
    assert isinstance(scores, nn.Linear)
    weight = scores.weight
    for unit, mean in ((one, activation[[0, 2], one].mean()), (two, activation[1, two])):
        assert len(actual["fc7", unit]) == len(network.card.classes)
        for attribution in actual["fc7", unit]:
            assert attribution.weight == pytest.approx(float(weight[attribution.class_index, unit]), abs=1e-5)
            assert attribution.share == pytest.approx(float(weight[attribution.class_index, unit] * mean), abs=1e-5)
            assert attribution.effect == pytest.approx(attribution.share, abs=1e-5)
        effects = [abs(each.effect) for each in actual["fc7", unit]]
        assert effects == sorted(effects, reverse=True)
    assert all(most == () for (_, unit), most in actual.items() if unit not in (one, two)), "no clip excites them"
    assert not any(part._forward_hooks for part in network.module.modules())


@pytest.mark.parametrize("name", ["tiny_two_stream", "tiny_clip"])
def test_on_one_clip_it_agrees_with_the_explanation(name: str, request: pytest.FixtureRequest) -> None:
    network: Network = request.getfixturevalue(name)
    inputs = random_inputs(network, clips=1)
    explained = explain(network, inputs).predicted
    label = network.card.class_index(explained.label)
    for layer in explained.layers:
        assert layer.layer in attributed_layers(network.card)
        units = torch.tensor([unit.unit for unit in layer.units])
        share, effect, weight = attribute_clip(
            network,
            inputs,
            layer.layer,
            units,
            with_weights=False,
            max_copies_bytes=1,  # each unit by itself
        )
        assert share[:, label].tolist() == pytest.approx([unit.share for unit in layer.units], abs=1e-5)
        measured = [unit.effect for unit in layer.units if unit.effect is not None]
        assert measured
        assert effect[: len(measured), label].tolist() == pytest.approx(measured, abs=1e-5)
        assert not weight.any()


def test_an_earlier_layer_has_no_weights(tiny_two_stream: Network, clips: list[Inputs]) -> None:
    strongest = torch.zeros(tiny_two_stream.card.layer("fusion.conv5").units, 1, dtype=torch.long)
    actual = class_attributions(tiny_two_stream, {"fusion.conv5": strongest}, lambda numbers: [(0, clips[0])])
    every = [each for unit in actual.values() for each in unit]
    assert every
    assert {each.weight for each in every} == {None}
