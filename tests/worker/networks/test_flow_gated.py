"""The real weights: what their page says of them, and that motion adds little to them."""

from pathlib import Path

import pytest
import torch

from app.analysis.findings.fusion import minor_streams
from app.contract.network import Extent, StreamName
from worker.evidence.activation_reader import read_activations
from worker.evidence.predict import clip_inputs
from worker.evidence.probing import read_peaks
from worker.evidence.synergy import appearance_only, blank, motion_only, synergy, with_motion_of
from worker.evidence.variance import SwapVariance
from worker.graph.inputs import Inputs
from worker.networks.families.flow_gated import normalise_range, standardise
from worker.networks.load import describe_network, load_network
from worker.networks.network import Network


@pytest.fixture(scope="module")
def gated(test_data: Path) -> Network:
    weights = test_data / "weights" / "flow_gated_rwf2000.safetensors"
    return load_network(describe_network(family="flow_gated", weights=weights), weights.read_bytes())


def test_the_card(gated: Network) -> None:
    card = gated.card
    assert (card.parameters, card.classes) == (272_690, ("Fight", "NonFight"))
    assert [(stream.name, stream.frames) for stream in card.streams] == [(StreamName.CLIP, 64), (StreamName.MOTION, 64)]
    streams = {layer.name: layer.stream for layer in card.layers}
    assert (streams["rgb.3"], streams["flow.3"], streams["meeting"]) == ("clip", "motion", "fusion")
    assert card.layer("merge.2").map == Extent(frames=2, height=3, width=3)
    rectified = {name: point.rectified for name, point in gated.points.items()}
    assert (rectified["flow.2"], rectified["flow.3"], rectified["fc2"]) == (True, False, True)


def test_flow_is_stretched_field_by_field() -> None:
    flow = torch.rand(2, 2, 3, 4, 4) * torch.tensor([1.0, 10.0, 100.0]).view(3, 1, 1)
    actual = normalise_range(flow).flatten(3)
    assert (float(actual.amin(3).max()), float(actual.amax(3).min())) == (0, 1)
    assert torch.equal(normalise_range(torch.full((1, 2, 3, 4, 4), 0.3)), torch.zeros(1, 2, 3, 4, 4))


def test_clips_are_standardised_one_by_one() -> None:
    x = torch.stack([torch.rand(3, 2, 4, 4), torch.rand(3, 2, 4, 4) * 9 + 5])
    actual = standardise(x).flatten(1)
    torch.testing.assert_close(actual.mean(1), torch.zeros(2), atol=1e-5, rtol=0)
    torch.testing.assert_close(actual.std(1, unbiased=False), torch.ones(2))
    assert torch.equal(standardise(torch.ones(1, 3, 2, 4, 4)), torch.zeros(1, 3, 2, 4, 4))


@pytest.fixture(scope="module")
def kick(gated: Network, test_data: Path) -> Inputs:
    return clip_inputs(gated, test_data / "clips" / "V_174.mp4")


@pytest.mark.slow
def test_a_kick_is_a_fight_by_its_pictures_alone(gated: Network, kick: Inputs, test_data: Path) -> None:
    """The finding about its fusion: motion contributes little."""
    other = clip_inputs(gated, test_data / "clips" / "v_SoccerJuggling_g23_c01.avi")
    ways = [kick, appearance_only(kick), motion_only(kick), blank(kick), with_motion_of(kick, other)]
    ways += [with_motion_of(other, kick), other]
    with read_activations(gated, ["fc1", "class"]) as record:
        actual = read_peaks(record, ways, 1)
    own, still, blind, _, mixed, *_ = actual["class"].softmax(1)[:, 0].tolist()
    assert own > 0.9
    assert abs(own - still) < 0.05
    assert abs(own - mixed) < 0.05
    assert blind < 0.5  # without pictures it says the same of everything
    logits = actual["class"]
    swaps = SwapVariance(logits[[0, 6]].argmax(1), 2)
    swaps.add(0, [0, 1], logits[[0, 4]])
    swaps.add(1, [0, 1], logits[[5, 6]])
    shares = swaps.shares()
    assert shares is not None
    assert shares.appearance > 0.99
    assert shares.motion < 0.01
    assert minor_streams(shares) == ["Motion"]
    j, a, m, n, swap, *_ = actual["fc1"]
    assert float(synergy(a, m, j, n).abs().mean()) < 0.1
    assert float(swap.sum() / j.sum()) > 0.9
