"""A planted patch is found, named and shown to cause the errors; without it, nothing is."""

from collections.abc import Sequence

import numpy as np
import pytest

from app.contract.repairs import Change, ClassRepairs, Effect, Outcome, RepairFacts
from tests.worker.evidence.repairs.planted import (
    BIASED,
    clip_network,
    reader,
    still_clips,
    surveyed,
    two_stream_clips,
    two_stream_network,
)
from worker.evidence.repairs.chosen_clips import SurveyedClips
from worker.evidence.repairs.study import measure_repairs
from worker.graph.inputs import Inputs
from worker.networks.network import Network


def measure(network: Network, clips: Sequence[Inputs], survey: SurveyedClips) -> RepairFacts:
    return measure_repairs(
        network, reader(clips), survey, read_largest=lambda name: np.full(network.card.layer(name).units, 1.0)
    )


def effect(repairs: ClassRepairs, change: Change, outcome: Outcome) -> Effect:
    return next(each for each in repairs.effects if (each.change, each.outcome) == (change, outcome))


def test_a_planted_patch_is_found_named_and_causes_the_errors() -> None:
    network = two_stream_network(bias=5)
    clips, labels = two_stream_clips()
    facts = measure(network, clips, surveyed(network, clips, labels))
    [repairs] = facts.classes
    assert (repairs.predicted, facts.accuracy_p) == (BIASED, 0.001)
    patch = repairs.patch
    assert patch is not None
    assert (patch.what, patch.where) == ("green patch", "low and left in the frame")
    assert patch.p_value <= 0.01
    assert patch.in_errors > 0.9
    assert patch.in_right == 0
    corner = {14 * row + column for row in range(9, 14) for column in range(5)}
    assert set(patch.blocks) <= corner
    repaired = effect(repairs, Change.PATCH, Outcome.REPAIRED)
    assert repaired.rate.value == 1
    assert repaired.right == repaired.versions
    assert repaired.difference.low > 0.5
    assert repaired.elsewhere is not None
    assert repaired.elsewhere.value == 0
    caused = effect(repairs, Change.PATCH, Outcome.CAUSED)
    assert (caused.rate.value, caused.sham.value) == (1, 0)
    assert caused.elsewhere is not None
    assert caused.elsewhere.value == 0
    for change in (Change.APPEARANCE, Change.SURROUNDINGS):
        assert effect(repairs, change, Outcome.REPAIRED).rate.value == 1
    assert effect(repairs, Change.MOTION, Outcome.REPAIRED).rate.value == 0
    assert [(each.layer, each.unit) for each in repairs.units] == [("look", 0)]
    assert patch.occlusion is not None
    assert patch.occlusion_by_chance is not None
    assert patch.occlusion > patch.occlusion_by_chance
    before_after = next(each for each in repairs.examples if each.outcome is Outcome.REPAIRED)
    assert before_after.predicted == BIASED
    assert before_after.changed_predicted == before_after.actual


def test_errors_of_a_network_without_the_bias_lie_in_the_motion() -> None:
    network = two_stream_network(bias=0)
    clips, labels = two_stream_clips(noise=0.4)
    facts = measure(network, clips, surveyed(network, clips, labels))
    [repairs] = facts.classes
    assert repairs.patch_searched
    assert repairs.patch is None
    assert effect(repairs, Change.MOTION, Outcome.REPAIRED).rate.value == 1
    for change in (Change.APPEARANCE, Change.SURROUNDINGS):
        for outcome in (Outcome.REPAIRED, Outcome.CAUSED):
            nothing = effect(repairs, change, outcome)
            assert (nothing.rate.value, nothing.sham.value) == (0, 0)
            assert nothing.difference.low < 0


def test_clips_of_one_stream() -> None:
    network = clip_network()
    clips, labels = still_clips()
    facts = measure(network, clips, surveyed(network, clips, labels))
    [repairs] = facts.classes
    assert repairs.patch is not None
    assert repairs.patch.what == "green patch"
    assert {each.change for each in repairs.effects} == {Change.SURROUNDINGS, Change.PATCH}
    assert effect(repairs, Change.PATCH, Outcome.REPAIRED).rate.value == 1


def test_shuffled_labels_are_not_beyond_chance() -> None:
    network = two_stream_network(bias=5)
    clips, labels = two_stream_clips()
    shuffled = np.random.default_rng(1).permutation(labels).tolist()
    assert measure(network, clips, surveyed(network, clips, shuffled)).accuracy_p > 0.05


@pytest.mark.parametrize("count", [0, 9])
def test_few_clips_give_no_class(count: int) -> None:
    network = two_stream_network(bias=5)
    clips, labels = two_stream_clips(count or 3)
    facts = measure(network, clips, surveyed(network, clips, labels))
    assert facts.classes == ()
    assert facts.most_errors < facts.needed


def test_copies_of_clips_count_once() -> None:
    network = two_stream_network(bias=5)
    clips, labels = two_stream_clips()
    once = measure(network, clips, surveyed(network, clips, labels)).classes[0]
    twice = measure(network, clips * 2, surveyed(network, clips * 2, labels * 2)).classes[0]
    assert twice.errors == 2 * once.errors
    for each in twice.effects:
        assert each.groups <= once.studied or each.outcome is not Outcome.REPAIRED
