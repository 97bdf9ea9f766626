from collections.abc import Iterator, Mapping
from dataclasses import replace

import pytest
import torch
from torch import nn

from app.contract.errors import NotFinite, UnknownLayer, WorkError
from app.contract.network import Layer, StreamName
from tests.worker.evidence.inputs import random_inputs
from worker.evidence.activation_reader import read_activations, reduce_map
from worker.networks.network import Network, Point


def hooks(module: nn.Module) -> int:
    return sum(len(part._forward_hooks) for part in module.modules())


@pytest.fixture(params=["tiny_two_stream", "tiny_clip"])
def network(request: pytest.FixtureRequest) -> Iterator[Network]:
    network: Network = request.getfixturevalue(request.param)
    yield network
    assert hooks(network.module) == 0


def test_every_layer_is_read_as_it_would_be_alone(network: Network) -> None:
    inputs = random_inputs(network)
    with read_activations(network) as read:
        readings = read(inputs)
    assert list(readings) == [layer.name for layer in network.card.layers]
    for layer in network.card.layers:
        maps = network.activation(layer.name, inputs).detach()
        if network.points[layer.name].rectified:
            maps = maps.relu()
        reading = readings[layer.name]
        torch.testing.assert_close(reading.peak, maps.amax((2, 3, 4)))
        torch.testing.assert_close(reading.trace, maps.amax((3, 4)))
        size = torch.tensor(maps.shape[2:])
        cell = (reading.position * size - 0.5).round().long()
        for clip in range(len(maps)):
            for unit in range(layer.units):
                t, y, x = cell[clip, unit].tolist()
                assert maps[clip, unit, t, y, x] == pytest.approx(float(reading.peak[clip, unit]), abs=1e-6)


def test_positions_are_centres_of_cells() -> None:
    maps = torch.full((1, 1, 4, 2, 5), -1.0)
    maps[0, 0, 3, 0, 4] = 2
    reading = reduce_map(maps, rectified=True)
    assert reading.position[0, 0].tolist() == pytest.approx([3.5 / 4, 0.5 / 2, 4.5 / 5])
    assert reading.trace[0, 0].tolist() == [0, 0, 0, 2]
    assert reduce_map(torch.ones(1, 2), rectified=False).position[0, 0].tolist() == [0.5, 0.5, 0.5]


def test_the_pass_stops_at_the_last_layer_asked_for(tiny_two_stream: Network) -> None:
    def fail(*_: object) -> None:
        raise AssertionError

    handle = tiny_two_stream.module.get_submodule("scores").register_forward_pre_hook(fail)
    try:
        with read_activations(tiny_two_stream, ["fc6", "motion.conv2_1"]) as read:
            assert list(read(random_inputs(tiny_two_stream))) == ["motion.conv2_1", "fc6"]
    finally:
        handle.remove()


def test_measurements_are_made_in_full_precision(tiny_two_stream: Network) -> None:
    inputs = random_inputs(tiny_two_stream)
    with (
        read_activations(replace(tiny_two_stream, precision=torch.bfloat16)) as read,
        torch.autocast("cpu", torch.bfloat16),
    ):
        reading = read(inputs)["class"]
    torch.testing.assert_close(reading.peak, tiny_two_stream.logits(inputs))


class Planted(nn.Module):
    """`twice` is used twice; `spare` never."""

    def __init__(self) -> None:
        super().__init__()
        self.twice, self.spare = nn.Linear(2, 2, bias=False), nn.Linear(2, 2)
        nn.init.constant_(self.twice.weight, 1.0)

    def forward(self, inputs: Mapping[StreamName, torch.Tensor]) -> torch.Tensor:
        logits: torch.Tensor = self.twice(self.twice(inputs[StreamName.CLIP]))
        return logits


def planted(tiny_clip: Network) -> Network:
    names = ("twice", "spare", "class")
    layers = tuple(replace_name(layer, name) for layer, name in zip(tiny_clip.card.layers, names, strict=False))
    points = {"twice": Point("twice", False), "spare": Point("spare", False), "class": Point("", False)}
    return Network(tiny_clip.card.model_copy(update={"layers": layers}), Planted(), points)


def replace_name(layer: Layer, name: str) -> Layer:
    return layer.model_copy(update={"name": name, "units": 2})


def test_the_first_use_counts_and_a_layer_that_never_runs_is_an_error(tiny_clip: Network) -> None:
    network = planted(tiny_clip)
    with read_activations(network, ["twice", "class"]) as read:
        readings = read({StreamName.CLIP: torch.ones(1, 2)})
    assert (readings["twice"].peak.tolist(), readings["class"].peak.tolist()) == ([[2, 2]], [[4, 4]])
    with pytest.raises(WorkError, match="never runs spare"), read_activations(network, ["twice", "spare"]) as read:
        read({StreamName.CLIP: torch.ones(1, 2)})
    assert hooks(network.module) == 0


def test_not_a_number_names_its_layer(network: Network) -> None:
    inputs = random_inputs(network)
    name = network.card.streams[0].name
    inputs[name][0, 0] = torch.nan
    first = next(layer.name for layer in network.card.layers if layer.stream in (name, "clip"))
    with pytest.raises(NotFinite, match=first.replace(".", r"\.")), read_activations(network) as read:
        read(inputs)


def test_hooks_are_removed_after_failures(network: Network) -> None:
    with pytest.raises(KeyError), read_activations(network) as read:
        read({StreamName.CLIP if len(network.card.streams) > 1 else StreamName.MOTION: torch.zeros(1, 3, 8, 32, 32)})
    with pytest.raises(ZeroDivisionError), read_activations(network):
        1 / 0  # noqa: B018
    with pytest.raises(UnknownLayer), read_activations(network, ["none"]):
        raise AssertionError
