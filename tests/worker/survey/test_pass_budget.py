"""What a part of a survey may cost follows from what a pass of the network costs, not from the number of clips."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from app.contract.survey_part import SurveyPart
from worker.evidence.pass_budget import MIN_PASSES, count_operations, count_pass_budget, thin_out
from worker.evidence.silencing_plan import plan_effort, plan_silencing
from worker.networks.network import Network
from worker.survey.parts.coding import MIN_CLIPS
from worker.survey.prefetch import Sample
from worker.survey.run import SurveyRun
from worker.video.flow import Frames

CLIPS = 40


def noise(number: int) -> Callable[[int], Frames]:
    return lambda count: np.random.default_rng(number).integers(0, 255, (8, 40, 40, 3)).astype(np.uint8)


def test_operations_are_counted_without_running_the_network(tiny_clip: Network) -> None:
    stem = 2 * 6 * 3 * 3**3 * 8 * 16 * 16
    assert count_operations(tiny_clip) > stem
    assert count_pass_budget(tiny_clip) > 1_000_000


def test_a_dear_network_has_the_fewest_passes(tiny_clip: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("worker.evidence.pass_budget.count_operations", lambda network: 10**15)
    assert count_pass_budget(tiny_clip) == MIN_PASSES


@pytest.mark.parametrize(("items", "most", "kept"), [(10, 10, 10), (10, 9, 5), (10, 1, 1), (10, 0, 1), (0, 3, 0)])
def test_what_is_too_many_is_thinned_out_evenly(items: int, most: int, kept: int) -> None:
    assert len(thin_out(range(items), most)) == kept


def test_silencing_takes_fewer_units_before_it_takes_fewer_clips() -> None:
    assert (plan_effort(100).clips, plan_effort(100).passes_per_clip) == (100, 10)
    assert (plan_effort(100, 1000).clips, plan_effort(100, 1000).passes_per_clip) == (100, 4)
    for clips in (12, 100, 1000):
        effort = plan_effort(clips, 400)
        assert effort.passes <= 400
        assert effort.clips == min(clips, 50)


def test_a_layer_whose_copies_do_not_fit_runs_what_is_before_it_again() -> None:
    live = {"fc": np.ones(100, bool)}
    none = {"fc": np.zeros((0, 100), bool)}
    (whole,) = plan_silencing({"fc": 0.001}, live, none, groups=10)
    assert len(whole.units) == 100
    assert whole.passes == pytest.approx(1.1)
    (sample,) = plan_silencing({"fc": 0.001}, live, none, groups=10, copies={"fc": 25})
    assert len(sample.units) == 32
    assert sample.passes == pytest.approx(2.032)


def test_every_part_of_a_dear_network_stays_within_its_budget(tiny_clip: Network, tmp_path: Path) -> None:
    classes = tiny_clip.card.classes
    samples = [Sample(f"clip {n}", classes[n % len(classes)], noise(n)) for n in range(CLIPS)]
    survey = SurveyRun(tiny_clip, "noise", samples, tmp_path)
    survey.context.__dict__["pass_budget"] = MIN_PASSES
    result = survey.run()
    assert not [each for each in result.facts.omitted if each.applies]
    for each in result.facts.parts:
        if each.part not in (SurveyPart.RECORD, SurveyPart.SELECTIVITY, SurveyPart.INVARIANCE, SurveyPart.REPAIRS):
            assert each.passes is not None
            assert each.passes <= (MIN_CLIPS * (6 * 4 + 5) if each.part is SurveyPart.CODING else MIN_PASSES), each.part
    coding, silence, invariance = result.facts.coding, result.facts.silence, result.facts.invariance
    assert coding is not None
    assert coding.clips == MIN_CLIPS
    assert silence is not None
    assert silence.clips == MIN_PASSES // 8
    assert invariance is not None
    assert invariance.clips == invariance.compared_groups == MIN_PASSES // 20
