"""Dictionaries in a network: they change nothing, and their directions are units like any other."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from app.contract.dictionary import Dictionary
from app.contract.errors import Conflict, InvalidRequest, WeightsUnreadable
from app.contract.network import NetworkCard, StreamName
from app.contract.recipe import Recipe
from worker.directions.learn import dictionary_layer
from worker.evidence.activation_reader import read_activations
from worker.evidence.class_attributions import attribute_clip, attributed_layers
from worker.evidence.explain import explain, explained_layers
from worker.evidence.output_hook import replace_output
from worker.maximize.from_recipe import Visualization, maximize_units
from worker.networks.dictionary import Directions, Encoder
from worker.networks.load import load_network
from worker.networks.network import Network

CLIP = {StreamName.CLIP: torch.rand((2, 3, 8, 32, 32), generator=torch.Generator().manual_seed(3)) * 2 - 1}
ENCODERS: tuple[Encoder, ...] = ("linear", "relu", "topk", "nnls")

Load = Callable[..., Network]


def directions(channels: int, kind: Encoder, size: int = 5) -> Directions:
    generator = torch.Generator().manual_seed(1)
    decoder = torch.nn.functional.normalize(torch.rand((size, channels), generator=generator), dim=1)
    encoder = decoder if kind == "nnls" else torch.randn((size, channels), generator=generator)
    return Directions(encoder, torch.arange(size) / 10, decoder, torch.zeros(channels), kind=kind, active=2)


def with_dictionary(card: NetworkCard, base: str, directions: Directions, name: str = "five") -> NetworkCard:
    layer = dictionary_layer(card, Dictionary(base=base, method="file"), name, directions)
    layer = layer.model_copy(update={"index": len(card.layers)})
    place = card.layers.index(card.layer(base)) + 1
    return card.model_copy(update={"layers": (*card.layers[:place], layer, *card.layers[place:])})


@pytest.fixture(scope="module")
def load(tiny_clip: Network, tiny_clip_weights: object) -> Load:
    """Return a function that loads the tiny network with a dictionary over one of its layers."""

    def load(base: str, kind: Encoder) -> Network:
        found = directions(tiny_clip.card.layer(base).units, kind)
        card = with_dictionary(tiny_clip.card, base, found)
        files = {f"{base}~five": found.to_bytes()}
        return load_network(card, tiny_clip_weights.read_bytes(), "cpu", files)  # type: ignore[attr-defined]

    return load


@pytest.mark.parametrize("kind", ENCODERS)
@pytest.mark.parametrize("base", ["stem.1", "conv2", "conv3"])
def test_logits_and_layers_have_the_same_bits_with_a_dictionary(
    tiny_clip: Network, load: Load, base: str, kind: Encoder
) -> None:
    network = load(base, kind)
    assert torch.equal(network.logits(CLIP), tiny_clip.logits(CLIP))
    with read_activations(tiny_clip) as read, read_activations(network) as read_all:
        expected, readings = read(CLIP), read_all(CLIP)
    assert list(readings) == [layer.name for layer in network.card.layers]
    for name, reading in expected.items():
        assert torch.equal(readings[name].peak, reading.peak)
        assert torch.equal(readings[name].trace, reading.trace)


def test_the_stimuli_of_other_layers_have_the_same_bits(tiny_clip: Network, load: Load) -> None:
    recipe = Recipe(steps=3, seed=1)

    def stimulus(network: Network) -> Tensor:
        [result] = maximize_units(network, "conv3", [2], [recipe])
        assert isinstance(result.outcome, Visualization)
        return torch.from_numpy(result.outcome.stimulus[StreamName.CLIP])

    assert torch.equal(stimulus(load("conv2", "nnls")), stimulus(tiny_clip))


@pytest.mark.parametrize("kind", ENCODERS)
def test_the_code_is_that_of_the_activation_after_the_relu(tiny_clip: Network, load: Load, kind: Encoder) -> None:
    network = load("conv2", kind)
    assert network.points["conv2"].rectified
    code = network.activation("conv2~five", CLIP)
    assert code.shape == (2, 5, *tiny_clip.activation("conv2", CLIP).shape[2:])
    activation = tiny_clip.activation("conv2", CLIP).relu()
    found = directions(8, kind)
    linear = torch.einsum("kc,bcthw->bkthw", found.encoder, activation) + found.encoder_bias[:, None, None, None]
    if kind in ("linear", "relu"):
        assert torch.allclose(code, linear, atol=1e-5)
    if kind == "topk":
        assert int((code > 0).sum(1).max()) <= 2
        assert torch.allclose(code[code > 0], linear[code > 0], atol=1e-5)
    assert network.points["conv2~five"].rectified is (kind != "linear")


@pytest.mark.parametrize("objective", ["channel", "center"])
@pytest.mark.parametrize("kind", ENCODERS)
def test_a_direction_is_visualized_and_its_code_rises(load: Load, kind: Encoder, objective: str) -> None:
    network = load("conv2", kind)
    recipes = [Recipe(steps=steps, seed=0, objective=objective) for steps in (1, 24)]
    before, after = (maximize_units(network, "conv2~five", [1], [recipe])[0].outcome for recipe in recipes)
    assert isinstance(before, Visualization)
    assert isinstance(after, Visualization)
    assert after.measurements.objective > before.measurements.objective
    assert after.measurements.activation > before.measurements.activation or objective == "center"
    assert not [note for note in after.measurements.notes if "whole frame" in note] or kind == "topk"


@pytest.mark.parametrize("kind", ENCODERS)
def test_what_is_written_into_the_code_changes_the_activation_along_the_direction(
    tiny_clip: Network, load: Load, kind: Encoder
) -> None:
    network, seen = load("conv2", kind), []
    found = directions(8, kind)
    code = network.activation("conv2~five", CLIP)
    code = code if kind == "linear" else code.relu()

    def silence(values: Tensor) -> Tensor:
        silenced = values.clone()
        silenced[:, 3] = 0
        return silenced

    base = network.module.get_submodule(network.points["conv2"].path)
    handle = base.register_forward_hook(lambda module, inputs, output: seen.append(output.relu()))
    with replace_output(network.module, network.points["conv2~five"].path, silence):
        network.logits(CLIP)
    handle.remove()
    direct = tiny_clip.activation("conv2", CLIP).relu() - code[:, 3:4] * found.decoder[3][:, None, None, None]
    assert torch.allclose(seen[0], direct.relu(), atol=1e-5)


def test_writing_what_was_there_leaves_the_bits(tiny_clip: Network, load: Load) -> None:
    network = load("conv2", "relu")
    with replace_output(network.module, network.points["conv2~five"].path, lambda values: values.clone()):
        assert torch.equal(network.logits(CLIP), tiny_clip.logits(CLIP))


@pytest.mark.parametrize("kind", ENCODERS)
def test_directions_explain_a_clip_and_their_shares_add_up(load: Load, kind: Encoder) -> None:
    network = load("conv3", kind)
    assert explained_layers(network.card)[-1] == "conv3~five"
    assert "conv3~five" in attributed_layers(network.card)
    clip = {StreamName.CLIP: CLIP[StreamName.CLIP][:1]}
    explanation = explain(network, clip)
    [shares] = [layer for layer in explanation.predicted.layers if layer.layer == "conv3~five"]
    assert len(shares.units) == 5
    total = sum(unit.share for unit in shares.units) + shares.others + shares.rest
    assert total == pytest.approx(explanation.predicted.logit, abs=1e-4)
    share, effect, _ = attribute_clip(network, clip, "conv3~five", torch.arange(5), with_weights=False)
    label = network.card.classes.index(explanation.predicted.label)
    by_unit = {unit.unit: unit for unit in shares.units}
    for unit in range(5):
        assert float(share[unit, label]) == pytest.approx(by_unit[unit].share, abs=1e-4)
        measured = by_unit[unit].effect
        if measured is not None:
            assert float(effect[unit, label]) == pytest.approx(measured, abs=1e-4)


def test_a_dictionary_that_was_removed_meanwhile_and_a_damaged_one_are_told(
    tiny_clip: Network, tiny_clip_weights: object
) -> None:
    found = directions(8, "linear")
    card, data = with_dictionary(tiny_clip.card, "conv2", found), tiny_clip_weights.read_bytes()  # type: ignore[attr-defined]
    with pytest.raises(Conflict, match="has been removed"):
        load_network(card, data)
    with pytest.raises(WeightsUnreadable, match="damaged"):
        load_network(card, data, "cpu", {"conv2~five": found.to_bytes()[:50]})
    with pytest.raises(WeightsUnreadable, match="damaged"):
        load_network(card, data, "cpu", {"conv2~five": data})


def test_classes_and_dictionaries_are_no_base(tiny_clip: Network) -> None:
    card = with_dictionary(tiny_clip.card, "conv2", directions(8, "linear"))
    with pytest.raises(InvalidRequest, match="take a layer before"):
        dictionary_layer(card, Dictionary(base="class", method="pca"), "pca2", directions(8, "linear"))
    with pytest.raises(InvalidRequest, match="learn another one of the layer that it reads, conv2"):
        dictionary_layer(card, Dictionary(base="conv2~five", method="pca"), "pca2", directions(8, "linear"))


def test_a_dictionary_of_a_layer_without_positions(tiny_two_stream: Network, tiny_two_stream_weights: object) -> None:
    found = replace(directions(12, "nnls"), encoder_bias=torch.zeros(5))
    card = with_dictionary(tiny_two_stream.card, "fc6", found)
    network = load_network(card, tiny_two_stream_weights.read_bytes(), "cpu", {"fc6~five": found.to_bytes()})  # type: ignore[attr-defined]
    [result] = maximize_units(network, "fc6~five", [0], [Recipe(steps=3)])
    assert isinstance(result.outcome, Visualization)
    assert set(result.outcome.stimulus) == {StreamName.APPEARANCE, StreamName.MOTION}
