"""Static, dynamic, joint and residual units: planted ones are found, and none where nothing is planted."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch

from app.contract.coding import UnitCoding
from app.contract.network import StreamName
from tests.worker.evidence.planted_units import FRAMES, SIDE, clip_of, planted_network, read_planted
from worker.evidence.clip_partners import Partner, make_partners, missing_partners
from worker.evidence.coding import Draws, Factor, Responses, kinds_of, measure_units, symmetric_correlation
from worker.evidence.layer_coding import MeasuredCoding, Sums, measure_coding, summarize
from worker.evidence.looks import restyle
from worker.evidence.partner_responses import record_partners, response_reader, spread_groups, table_columns
from worker.evidence.types import Floats, Labels
from worker.networks.network import Network

CLIPS = 60
TWO_STREAMS = (StreamName.APPEARANCE, StreamName.MOTION)


def measure(network: Network, folder: Path, clips: int = CLIPS) -> MeasuredCoding:
    groups = np.arange(clips)
    order = spread_groups(list(range(clips)), groups, clips, seed=0)
    tables = record_partners(
        network, lambda numbers: read_planted(network, numbers), order, folder / "partners", seed=0
    )
    base = torch.cat([network.module(clip_of(network, number)) for number in order]).numpy()
    columns = table_columns(network.card)
    partners = {partner: (lambda layer, table=table: table[:, columns[layer]]) for partner, table in tables.items()}
    swapped = StreamName.CLIP not in {stream.name for stream in network.card.streams}
    read = response_reader(lambda layer: base[:, columns[layer]], partners, swapped=swapped)
    return measure_coding(network.card.layers, read, Draws.of(groups, 4, 0))


@pytest.mark.parametrize("streams", [(StreamName.CLIP,), TWO_STREAMS])
def test_planted_units_are_of_their_kinds(streams: tuple[StreamName, ...], tmp_path: Path) -> None:
    """The mean colour is static, motion in any look dynamic, their product joint, and chaos residual."""
    measured = measure(planted_network(*streams), tmp_path)
    kinds = [measured.units["units", unit].kind for unit in range(4)]
    assert kinds == [UnitCoding.STATIC, UnitCoding.DYNAMIC, UnitCoding.JOINT, UnitCoding.RESIDUAL]
    colour = measured.units["units", 0]
    assert colour.static.shared > 0.9
    assert colour.static.difference.low > 0.5
    assert abs(colour.dynamic.difference.value) < 0.01
    assert colour.pairs == CLIPS
    layer = summarize("units", measured.sums["units"], (), by_architecture=False)
    assert [share.value for _, share in layer.shares] == [0.25] * 4
    assert layer.chance.static + layer.chance.dynamic + layer.chance.joint < 0.03
    assert layer.control is None


def factors(partner: Floats, baseline: Floats) -> tuple[Factor, ...]:
    return (Factor(partner, baseline),)


def noise(seed: int, units: int = 40) -> Floats:
    return np.random.default_rng(seed).normal(size=(CLIPS, units)).astype(np.float32)


def shares_of(clips: Floats, static: Floats, dynamic: Floats, groups: Labels | None = None) -> list[float]:
    """Return the shares by kind of units with these responses, beside baselines that are noise."""
    card = planted_network(*TWO_STREAMS).card
    (layer,) = (each.model_copy(update={"units": clips.shape[1]}) for each in card.layers)
    responses = Responses(clips, factors(static, noise(98)), factors(dynamic, noise(99)), static)
    draws = Draws.of(np.arange(CLIPS) if groups is None else groups, clips.shape[1], 0)
    measured = measure_coding((layer,), lambda _: iter([(slice(0, clips.shape[1]), responses)]), draws)
    return [share.value for _, share in summarize("x", measured.sums["units"], (), by_architecture=False).shares]


def test_random_pairs_give_nothing() -> None:
    assert shares_of(noise(0), noise(1), noise(2)) == [0, 0, 0, 1]


def test_what_partners_share_with_the_baseline_is_no_difference() -> None:
    """Layout that neither look nor order changes raises both correlations alike."""
    clips = noise(0)
    responses = Responses(clips, factors(clips, clips), factors(clips, clips), clips)
    effects = measure_units(responses, Draws.of(np.arange(CLIPS), 40, 0))
    assert effects.static.difference.tolist() == pytest.approx([0.0] * 40)
    assert effects.dynamic.p_value.min() == 1
    assert (effects.published == 2).all(), "the published rule, which has no baseline, calls all of them joint"


def test_duplicated_clips_make_nothing_significant() -> None:
    """Ten copies of each of six clips are six clips: partners are exchanged for whole groups."""
    groups = np.repeat(np.arange(6), CLIPS // 6)
    clips, static, dynamic = (noise(seed)[groups] for seed in range(3))
    assert shares_of(clips, static, dynamic, groups) == [0, 0, 0, 1]


def test_constant_units_are_left_out() -> None:
    clips = noise(0)
    clips[:, :10] = 0.5
    responses = Responses(clips, factors(clips, noise(1)), factors(clips, noise(2)), clips)
    effects = measure_units(responses, Draws.of(np.arange(CLIPS), 40, 0))
    assert effects.live.tolist() == [False] * 10 + [True] * 30
    assert effects.static.difference[:10].tolist() == [0] * 10


def sums_of(*counts: int) -> Sums:
    """Return counts of ten live units by kind, with resamples about them."""
    resampled = np.random.default_rng(counts[2]).binomial(10, np.array(counts) / 10, (200, 4)).astype(float)
    return Sums(10, 10, np.array(counts, float), resampled, np.zeros((9, 4)), np.zeros(4), np.zeros(2))


def test_the_mean_of_the_controls_is_subtracted() -> None:
    controls = [sums_of(4, 1, joint, 5 - joint) for joint in (1, 2, 3, 2, 2)]
    layer = summarize("fc", sums_of(1, 1, 8, 0), controls, by_architecture=False)
    assert layer.joint_difference is not None
    assert layer.lean_difference is not None
    assert layer.joint_difference.value == pytest.approx(0.6)
    assert layer.lean_difference.value == pytest.approx(-0.3)
    assert layer.joint_p_value is not None
    assert layer.joint_p_value < 0.05
    assert layer.control is not None
    assert layer.control.joint.low < 0.1
    assert layer.control.joint.high > 0.3


def test_a_share_that_other_shuffled_weights_reach_is_no_difference() -> None:
    controls = [sums_of(4, 1, joint, 5 - joint) for joint in (1, 5, 1, 5, 2)]
    layer = summarize("fc", sums_of(1, 1, 6, 2), controls, by_architecture=False)
    assert layer.joint_difference is not None
    assert layer.joint_difference.low < 0
    assert (layer.joint_p_value or 0) > 0.05


def test_a_difference_of_one_unit_in_few_may_be_luck_of_the_weights() -> None:
    """Clips that all agree do not make a unit of 14 a difference between networks."""

    def sums(static: int, live: int) -> Sums:
        counts = np.array([static, 0, 0, live - static], float)
        return Sums(live, live, counts, np.tile(counts, (200, 1)), np.zeros((9, 4)), np.zeros(4), np.zeros(2))

    few = summarize("few", sums(1, 14), [sums(0, 14)] * 5, by_architecture=False)
    many = summarize("many", sums(100, 1400), [sums(0, 1400)] * 5, by_architecture=False)
    assert few.lean_p_value is not None
    assert many.lean_p_value is not None
    assert few.lean_p_value > 0.1
    assert many.lean_p_value < 0.001


def test_kinds_follow_the_factors() -> None:
    assert kinds_of(np.array([True, False, True, False]), np.array([False, True, True, False])).tolist() == [0, 1, 2, 3]


def test_the_published_correlation_is_lowered_by_another_mean() -> None:
    one = noise(0, 2)
    assert symmetric_correlation(one, one).tolist() == pytest.approx([1, 1])
    assert (symmetric_correlation(one, one + 4) < 0).all()


def test_a_look_changes_colours_and_keeps_motion() -> None:
    frames = clip_of(planted_network(StreamName.CLIP), 3)[StreamName.CLIP] * 0.5
    styled = restyle(frames, torch.Generator().manual_seed(0))
    assert styled.shape == frames.shape
    assert (styled - frames).abs().mean() > 0.1
    before, after = ((x[:, :, 1:] - x[:, :, :-1]).square().sum(1) for x in (frames, styled))
    assert torch.allclose(after, before * 0.65**2, atol=1e-4), "what changes between frames only loses contrast"


def test_partners_share_what_they_should() -> None:
    network = planted_network(StreamName.CLIP, StreamName.MOTION)
    clip, other, third = (clip_of(network, number) for number in range(3))
    partners = make_partners(clip, other, third, torch.Generator().manual_seed(0))
    frames = {partner: inputs[StreamName.CLIP] for partner, inputs in partners.items()}
    motion = {partner: inputs[StreamName.MOTION] for partner, inputs in partners.items()}
    assert motion[Partner.DYNAMIC] is clip[StreamName.MOTION]
    assert motion[Partner.STATIC] is motion[Partner.NEITHER] is third[StreamName.MOTION]
    assert frames[Partner.STATIC].std(2).max() == 0
    assert torch.equal(frames[Partner.STATIC][:, :, 0], clip[StreamName.CLIP][:, :, FRAMES // 2])
    for ordered, shuffled in ((clip[StreamName.CLIP], Partner.SHUFFLED), (frames[Partner.DYNAMIC], Partner.NEITHER)):
        assert not torch.equal(frames[shuffled], ordered)
        assert torch.allclose(frames[shuffled].mean(2), ordered.mean(2), atol=1e-5)


def test_streams_are_swapped_with_two_other_clips() -> None:
    network = planted_network(*TWO_STREAMS)
    clip, other, third = (clip_of(network, number) for number in range(3))
    partners = make_partners(clip, other, third, torch.Generator())
    assert set(partners) == {Partner.STATIC, Partner.DYNAMIC, Partner.NEITHER}
    neither = partners[Partner.NEITHER]
    assert neither[StreamName.APPEARANCE] is other[StreamName.APPEARANCE]
    assert neither[StreamName.MOTION] is third[StreamName.MOTION]
    assert partners[Partner.STATIC][StreamName.APPEARANCE].shape == (1, 3, SIDE, SIDE)


@pytest.mark.parametrize(
    ("streams", "words"),
    [((StreamName.APPEARANCE,), "single frames"), ((StreamName.MOTION,), "flow alone"), ((StreamName.CLIP,), None)],
)
def test_networks_of_which_nothing_can_be_told_say_so(streams: tuple[StreamName, ...], words: str | None) -> None:
    reason = missing_partners(planted_network(*streams).card)
    assert reason is None if words is None else words in (reason or "")


def test_neighbours_are_of_different_groups() -> None:
    groups = np.repeat(np.arange(4), 5)
    order = spread_groups(list(range(100, 120)), groups, 16, seed=1)
    assert len(set(order)) == 16
    assert all(groups[one - 100] != groups[other - 100] for one, other in pairwise(order))
