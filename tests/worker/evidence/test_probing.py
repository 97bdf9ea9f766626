"""Probes of a network whose units are known: their synergy, and their tuning to speed and direction."""

import math
from collections.abc import Mapping

import pytest
import torch
from torch import Tensor, nn

from app.contract.errors import InvalidRequest
from app.contract.evidence import Synergy
from app.contract.network import Extent, Stream, StreamName
from tests.worker.evidence.traced_network import trace_network
from worker.evidence.probe_plan import default_layers, plan_probe, tuned_layers
from worker.evidence.probing import ProbeResult, probe
from worker.graph.inputs import Inputs
from worker.networks.network import Network
from worker.networks.tap import Tap

PRODUCT, SUM, RIGHTWARD, PICTURE = range(4)


class Planted(nn.Module):
    """Units of `fusion`: appearance times rightward motion; their sum; rightward motion alone; appearance alone."""

    def __init__(self) -> None:
        super().__init__()
        self.early = nn.ModuleDict({"tap": Tap(rectified=False)})
        self.fusion = nn.ModuleDict({"tap": Tap()})
        self.scores = nn.Linear(4, 2)

    def forward(self, inputs: Mapping[StreamName, Tensor]) -> Tensor:
        a = self.early["tap"](inputs[StreamName.APPEARANCE]).mean((1, 2, 3))
        u = inputs[StreamName.MOTION][:, 0::2].mean((1, 2, 3)).relu()
        units = self.fusion["tap"](torch.stack([a * u, a + u, u, a], 1))
        logits: Tensor = self.scores(units.relu())
        return logits


STREAMS = (
    Stream(name=StreamName.APPEARANCE, frames=1, height=8, width=8),
    Stream(name=StreamName.MOTION, frames=4, height=8, width=8),
)


@pytest.fixture
def network() -> Network:
    torch.manual_seed(0)
    return trace_network(Planted(), STREAMS, Extent(frames=4, height=8, width=8))


def clip(brightness: float, right: float) -> Inputs:
    motion = torch.zeros(1, 8, 8, 8)
    motion[:, 0::2] = right
    return {StreamName.APPEARANCE: torch.full((1, 3, 8, 8), brightness), StreamName.MOTION: motion}


CLIPS = {0: clip(0.5, 0.2), 1: clip(0.4, 0.1), 2: clip(0.3, 0.3)}
LABELS = {0: 0, 1: 1, 2: 0}


def synergy_of(result: ProbeResult) -> Synergy:
    assert result.synergy is not None
    return result.synergy


def probe_planted(
    network: Network, stimuli: Mapping[tuple[str, int], Inputs] | None = None
) -> dict[tuple[str, int], ProbeResult]:
    strongest = {"fusion": torch.tensor([[0, -1], [0, -1], [2, -1], [0, 1]]), "class": torch.tensor([[0], [1]])}
    plan = plan_probe(network.card, ["fusion"], strongest, LABELS)
    assert (plan.clips, plan.first_partner) == ((0, 1, 2), 1)
    seen: list[tuple[int, int]] = []
    results = probe(
        network,
        plan,
        [(number, CLIPS[number]) for number in (1, *plan.clips)],
        LABELS,
        stimuli or {},
        lambda done, total: seen.append((done, total)),
    )
    assert seen[-1] == (45, 45)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    return results


def test_synergy_is_one_for_a_product_and_none_for_a_sum(network: Network) -> None:
    actual = {unit: synergy_of(result) for (_, unit), result in probe_planted(network).items()}
    assert [actual[unit].clips for unit in range(4)] == pytest.approx([1, 0, 0, 0], abs=1e-6)
    assert all(each.stimulus is None for each in actual.values())


def test_swapping_motion_keeps_what_appearance_gives(network: Network) -> None:
    actual = {unit: synergy_of(result).swap for (_, unit), result in probe_planted(network).items()}
    assert actual[PRODUCT] == pytest.approx(0.1 / 0.2)  # clip 0 with the motion of clip 1
    assert actual[SUM] == pytest.approx(0.6 / 0.7)
    assert actual[RIGHTWARD] == pytest.approx(0.1 / 0.3)
    assert actual[PICTURE] == pytest.approx(1)


def test_tunings_follow_speed_and_direction(network: Network) -> None:
    actual = {unit: result for (_, unit), result in probe_planted(network).items()}
    rightward, picture = actual[RIGHTWARD], actual[PICTURE]
    assert rightward.speed is not None
    assert rightward.direction is not None
    assert picture.speed is not None
    assert picture.direction is not None
    assert rightward.speed.responses == pytest.approx([1 / 16, 1 / 8, 1 / 4, 1 / 2, 1])
    assert rightward.speed.octaves == pytest.approx(1)
    half = math.sqrt(0.5)
    assert rightward.direction.responses == pytest.approx([1, half, 0, 0, 0, 0, 0, half], abs=1e-6)
    assert rightward.direction.selectivity == pytest.approx(2 / (1 + 2 * half))
    assert picture.speed.octaves == 4
    assert picture.direction.selectivity == pytest.approx(0, abs=1e-6)


def test_synergy_of_a_units_own_stimulus(network: Network) -> None:
    stimuli = {("fusion", PRODUCT): clip(1.0, 0.3), ("fusion", SUM): clip(1.0, 0.3), ("class", 0): clip(1.0, 0.3)}
    actual = probe_planted(network, stimuli)
    assert synergy_of(actual["fusion", PRODUCT]).stimulus == pytest.approx(1)
    assert synergy_of(actual["fusion", SUM]).stimulus == pytest.approx(0, abs=1e-6)
    assert ("class", 0) not in actual  # not asked for


def test_default_and_tuned_layers(network: Network, tiny_two_stream: Network, tiny_clip: Network) -> None:
    assert default_layers(network.card) == ("fusion", "class")
    assert default_layers(tiny_two_stream.card) == ("fusion.conv5", "fc6", "fc7", "class")
    assert default_layers(tiny_clip.card) == ("class",)
    assert tuned_layers(network.card) == ("fusion", "class")
    assert tuned_layers(tiny_clip.card) == tuple(layer.name for layer in tiny_clip.card.layers)


def test_layers_without_motion_cannot_be_probed(network: Network) -> None:
    with pytest.raises(InvalidRequest, match="No motion reaches early"):
        plan_probe(network.card, ["early"], {"early": torch.zeros(3, 1, dtype=torch.long)}, LABELS)


def test_one_class_alone_has_nothing_to_swap_with(network: Network) -> None:
    strongest = {"fusion": torch.tensor([[0], [2], [-1], [-1]])}
    same = dict.fromkeys(CLIPS, 0)
    plan = plan_probe(network.card, ["fusion"], strongest, same)
    assert (plan.clips, plan.first_partner) == ((0, 2), None)
    actual = probe(network, plan, [(number, CLIPS[number]) for number in plan.clips], same, {})
    assert sorted(unit for _, unit in actual) == [0, 1]  # the silent ones have nothing to change
    assert synergy_of(actual["fusion", PRODUCT]).swap is None
    assert synergy_of(actual["fusion", PRODUCT]).clips == pytest.approx(1)


def test_clip_networks_have_no_synergy(tiny_clip: Network) -> None:
    torch.manual_seed(0)
    clips = {number: {StreamName.CLIP: torch.rand(1, 3, 8, 32, 32)} for number in range(2)}
    layer = tiny_clip.card.layers[1]
    strongest = {layer.name: torch.zeros(layer.units, 1, dtype=torch.long)}
    plan = plan_probe(tiny_clip.card, [layer.name], strongest, {0: 0, 1: 1})
    assert plan.passes == 12
    actual = probe(tiny_clip, plan, [(0, clips[0])], {0: 0, 1: 1}, {})
    assert len(actual) == layer.units
    assert all(result.synergy is None for result in actual.values())
    assert any(result.speed is not None and result.direction is not None for result in actual.values())
