"""Planted networks are seen through: products interact, sums behind a ReLU do not, and one class pair needs both."""

import math
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
import torch

from app.analysis.findings.data import SurveyData
from app.analysis.findings.fusion import fusion
from app.analysis.findings.fusion_claims import adding_sentence, fusion_claims, needs_both
from app.contract.findings import Claim, UnitStatistics, Verdict
from app.contract.interaction import InteractionFacts, LayerInteraction
from app.contract.network import CLASS_LAYER
from app.contract.survey import StreamFacts, StreamShares, Survey
from tests.evidence_support import facts as survey_facts
from tests.worker.evidence.inputs import random_inputs
from tests.worker.evidence.planted_fusion import Combine, LateFusion, Planted, make_network, study
from worker.evidence.clip_halves import halve, spread_over_classes
from worker.evidence.fusion_plan import DONORS, FusionCosts, count_fusion_passes, plan_fusion
from worker.evidence.fusion_study import FusionStudy, study_fusion
from worker.evidence.pair_separation import correct, roc_areas, shuffled_p_value
from worker.evidence.resampling import GroupedClips, merge_identical
from worker.evidence.shuffled_weights import shuffle_weights
from worker.evidence.stream_tail import ClipStreams, StreamTail
from worker.evidence.variance_components import variance_components
from worker.networks.network import Network


def planted(combine: Combine, seed: int = 1) -> Network:
    torch.manual_seed(seed)
    return make_network(Planted(combine))


def layer_of(facts: InteractionFacts, name: str) -> LayerInteraction:
    return next(layer for layer in facts.layers if layer.layer == name)


def claim(network: Network, facts: InteractionFacts, name: str) -> Claim:
    return next(each for each in fusion_claims(network.card, facts) if each.name == f"fusion.{name}")


def test_an_additive_unit_behind_a_relu_is_explained_by_the_null() -> None:
    network = planted(torch.add)
    facts = study(network).facts
    layer = layer_of(facts, "meeting")
    assert layer.adds
    assert layer.share.value > 0.05, "the ReLU alone makes interaction"
    assert layer.beyond.value == pytest.approx(0, abs=1e-5)
    assert layer_of(facts, CLASS_LAYER).adds, "plus and minus of a sum behind two ReLUs is the sum"
    inner = facts.model_copy(update={"layers": (layer, layer.model_copy(update={"layer": "fc6", "adds": False}))})
    assert adding_sentence(inner) == (
        "meeting adds its streams exactly before the ReLU, whatever the weights: interaction begins behind the ReLU "
        "and the choice of the strongest position. What the streams do together is in fc6 and the class outputs."
    )
    assert not any(needs_both(pair) for pair in facts.pairs)
    assert claim(network, facts, "pairs").verdict is Verdict.NOT_SUPPORTED


def test_a_product_of_the_streams_interacts_at_once_and_tells_what_neither_tells() -> None:
    network = planted(torch.mul)
    found = study(network)
    layer = layer_of(found.facts, "meeting")
    assert not layer.adds
    assert layer.before > 0.5
    assert layer.beyond.low > 0.2
    unit = found.units["meeting", 0]
    assert unit.share.value - unit.null > 0.2
    (pair,) = found.facts.pairs
    assert pair.fused.value == 1
    assert pair.p_both < 0.001
    for alone in (pair.appearance, pair.motion):
        assert 0.25 < alone.value < 0.75, "donors that are the same for all clips leave a stream alone at chance"
    told = claim(network, found.facts, "pairs")
    assert told.verdict is Verdict.SUPPORTED
    assert "yes from no" in told.sentence
    assert told.clips
    assert claim(network, found.facts, "accuracy").verdict is Verdict.SUPPORTED


def test_what_the_architecture_does_whatever_its_weights_is_not_learned() -> None:
    network = planted(torch.mul)
    facts = study(network).facts
    layer = layer_of(facts, "meeting")
    assert layer.control is not None
    assert layer.control.value == pytest.approx(layer.beyond.value), (
        "no weights come between the streams and this layer"
    )
    assert claim(network, facts, "units").verdict is Verdict.NOT_SUPPORTED


def test_late_fusion_adds_up() -> None:
    torch.manual_seed(0)
    network = make_network(LateFusion())
    facts = study(network).facts
    assert facts.outputs is not None
    assert facts.outputs.logits.value < 1e-6
    assert facts.outputs.appearance.value + facts.outputs.motion.value == pytest.approx(1, abs=1e-3)
    assert facts.outputs.probabilities.value == pytest.approx(facts.outputs.late_fusion.value, abs=0.1)
    assert layer_of(facts, CLASS_LAYER).adds
    assert adding_sentence(facts) == "The class outputs add the streams exactly: this is late fusion."
    assert claim(network, facts, "outputs").verdict is not Verdict.SUPPORTED


def test_a_network_that_ignores_motion_says_so() -> None:
    network = planted(lambda appearance, motion: appearance + 1e-4 * motion)
    facts = study(network).facts
    told = claim(network, facts, "streams")
    assert told.verdict is Verdict.NOT_SUPPORTED
    assert told.sentence.startswith("Motion contributes little.")
    shares = StreamShares(appearance=1.0, motion=0.0, interaction=0.0, kept_by_appearance=1.0, kept_by_motion=0.5)
    streams = StreamFacts(
        clips=9, fused=1.0, appearance=1.0, motion=0.5, late_fusion=1.0, shares=shares, pairs=(), biases=()
    )
    classes = len(network.card.classes)
    surveyed = survey_facts(classes, recall=(1.0,) * classes, interaction=facts, streams=streams)
    survey = Survey(id=1, network="planted", dataset="little", created_at=datetime.now(UTC), **dict(surveyed))
    found = fusion(SurveyData(network.card, survey, UnitStatistics(distributions={}, live=0, specific=0, generic=0)))
    assert " ".join(found.sentences).count("Motion contributes little.") == 1


@pytest.mark.parametrize("seed", range(2))
def test_no_claim_holds_on_shuffled_labels_and_copies(seed: int) -> None:
    network = planted(torch.mul, seed)
    labels = np.random.default_rng(seed).permutation(np.arange(48) % 2)
    facts = study(network, labels=labels).facts
    for name in ("accuracy", "pairs", "streams"):
        assert claim(network, facts, name).verdict is not Verdict.SUPPORTED
    copies = study(network, groups=np.arange(48, dtype=np.int64) // 8).facts
    assert copies.reason.startswith("Combining appearance and motion of different clips takes 8 independent clips")
    assert "there are 6" in copies.reason
    assert [each.verdict for each in fusion_claims(network.card, copies)] == [Verdict.CANNOT_BE_TOLD]


def study_random_clips(
    network: Network, classes: int, observe: Callable[[int, int], None] = lambda done, total: None
) -> FusionStudy:
    """Study a network with 40 random clips of so many classes, each a group of its own."""
    several = random_inputs(network, 40)
    clips = [{name: x[number : number + 1] for name, x in several.items()} for number in range(40)]
    return study_fusion(
        network,
        shuffle_weights(network, clips[:4]),
        lambda numbers: ((number, clips[number]) for number in numbers),
        list(range(40)),
        [f"clip {number}" for number in range(40)],
        GroupedClips(np.arange(40) % classes, np.arange(40)),
        {number: network.logits(clip)[0].numpy() for number, clip in enumerate(clips)},
        observe,
    )


def test_random_weights_support_nothing(tiny_two_stream: Network) -> None:
    found = study_random_clips(tiny_two_stream, classes=5)
    assert layer_of(found.facts, "fusion.conv5").adds
    assert {layer for layer, _ in found.units} <= {"fusion.conv5", "fc6", "fc7", "class"}
    claims = fusion_claims(tiny_two_stream.card, found.facts)
    assert len(claims) == 5
    assert not [each.name for each in claims if each.verdict is Verdict.SUPPORTED]


def test_components_of_sums_products_and_repeated_clips() -> None:
    rng = np.random.default_rng(0)
    appearance, motion = 2 * rng.standard_normal((300, 1, 1)), rng.standard_normal((1, 300, 1))
    both = np.concatenate([appearance + motion, appearance * motion], 2)
    found = variance_components(both)
    assert found.share[0] == pytest.approx([0, 1], abs=0.02)
    assert (found.appearance[0, 0], found.motion[0, 0]) == pytest.approx((4, 1), rel=0.2)
    table = rng.standard_normal((5, 4, 2))
    counts, others = np.array([[2.0, 0, 1, 1, 1]]), np.array([[1.0, 3, 0, 1]])
    repeated = table.repeat(counts[0].astype(int), 0).repeat(others[0].astype(int), 1)
    for name in ("appearance", "motion", "interaction"):
        expected = getattr(variance_components(repeated), name)
        np.testing.assert_allclose(getattr(variance_components(table, counts, others), name), expected, atol=1e-12)


def test_corrected_p_values_and_areas() -> None:
    assert correct([0.01, 0.04, 0.02], 4) == pytest.approx([0.04, 4 * 0.04 / 3, 0.04])
    assert correct([], 3) == []
    clips = GroupedClips(np.array([0, 0, 0, 0, 1, 1, 1, 1]), np.arange(8))
    best = np.array([4.0, 5, 6, 7, 0, 1, 2, 3])
    generator = np.random.default_rng(0)
    assert shuffled_p_value(best, clips, 0, 20_000, generator) == pytest.approx(1 / 70, rel=0.15)
    assert shuffled_p_value(-best, clips, 0, 1_000, generator) == 1
    in_pairs = GroupedClips(clips.labels, np.array([0, 0, 1, 1, 2, 2, 3, 3]))
    assert shuffled_p_value(best, in_pairs, 0, 5_000, generator) == pytest.approx(1 / 6, rel=0.15), "groups, not clips"
    half = np.array([0, 0, 1, 1, 0, 0, 1, 1])
    moved = best + 100 * half  # the halves cannot be compared with each other
    assert roc_areas(moved[None], clips.labels == 0, half, np.ones((1, 8)))[0, 0] == 1


def test_halves_share_no_group_and_copies_are_one_group() -> None:
    labels = np.repeat(np.arange(4), 6)
    clips = GroupedClips(labels, np.arange(24) // 2)
    half = halve(clips, np.random.default_rng(0))
    assert not set(clips.groups[half == 0]) & set(clips.groups[half == 1])
    for label in range(4):
        assert 2 <= (half[labels == label] == 0).sum() <= 4
    assert sorted(labels[spread_over_classes(labels, range(24), 8)]) == [0, 0, 1, 1, 2, 2, 3, 3]
    rows = np.arange(24.0)[:, None].copy()
    rows[5] = rows[20]
    merged = merge_identical(clips, rows).groups
    assert merged[4] == merged[5] == merged[20] == merged[21]
    assert len(set(merged)) == 11


def test_passes_are_counted_with_those_that_match_thresholds(tiny_two_stream: Network) -> None:
    """What is counted beforehand is what a study runs, in combinations."""
    progress: list[tuple[int, int]] = []
    run = StreamTail.run
    combined = 0

    def count(tail: StreamTail, appearances: Sequence[ClipStreams], *others: Any) -> torch.Tensor:
        nonlocal combined
        combined += len(appearances)
        return run(tail, appearances, *others)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(StreamTail, "run", count)
        study_random_clips(tiny_two_stream, classes=2, observe=lambda done, total: progress.append((done, total)))
    costs = FusionCosts(tiny_two_stream, takes_whole_passes=False)
    assert costs.calibrations == 1 + 3 * 3, "fusion.conv5, fc6 and fc7 of three networks, and of the network"
    plan = plan_fusion(40, True, False)
    expected = 5 * 20**2 + 10 * 20**2 + 2 * 40 * DONORS + 30**2
    assert costs.count_passes(plan, 40, 2) == 40 + 2 * 20 + math.ceil(costs.combination * expected)
    assert combined == pytest.approx(expected, rel=0.2), "half of the pairs have fewer clips"
    assert progress[-1] == (costs.count_passes(plan, 40, 2),) * 2
    assert count_fusion_passes(tiny_two_stream, 40, 2) == costs.count_passes(plan, 40, 2)
    assert count_fusion_passes(tiny_two_stream, 10**9, 2) == count_fusion_passes(tiny_two_stream, 600, 2)
    whole = plan_fusion(40, True, True, max_passes=200)
    assert FusionCosts(tiny_two_stream, takes_whole_passes=True).count_passes(whole, 40, 2) <= 200


def test_streams_do_not_run_where_their_outputs_are_known(tiny_two_stream: Network) -> None:
    several = random_inputs(tiny_two_stream, 2)
    first, second = ({name: x[number : number + 1] for name, x in several.items()} for number in (0, 1))
    tail = StreamTail(tiny_two_stream, first, second)
    assert {"appearance.conv1_1", "motion.conv1_1"} <= set(tail.skipped)
    clips = [tail.read(first), tail.read(second)]
    found = tail.run(clips, clips[::-1])
    tail.skipped = {}
    assert torch.equal(tail.run(clips, clips[::-1]), found)
    assert not any("forward" in part.__dict__ for part in tiny_two_stream.module.modules())
