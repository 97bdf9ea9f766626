from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from time import monotonic

import numpy as np
import pytest
import torch

from app.contract.errors import InvalidRequest, NotFinite, UnknownClass, VideoError
from app.contract.evidence import TOP_CLIPS_PER_UNIT, UnitEvidence
from app.contract.survey_part import SurveyPart
from app.contract.unit import UnitRole
from worker.evidence.checkpoint import PEAKS_FILE, SurveyCheckpoint
from worker.evidence.explain import explain
from worker.evidence.types import Observe
from worker.networks.network import Network
from worker.networks.preprocessing import join_clips, make_inputs
from worker.survey.context import SurveyContext
from worker.survey.parts.part import Part, PartResult
from worker.survey.prefetch import Sample
from worker.survey.run import SurveyResult, SurveyRun
from worker.survey.stages import ObserveStage, StageProgress
from worker.video.flow import Frames

CLIPS = 40


def noise(number: int) -> Callable[[int], Frames]:
    return lambda count: np.random.default_rng(number).integers(0, 255, (6, 68, 68, 3)).astype(np.uint8)


def unreadable(count: int) -> Frames:
    raise VideoError("The clip is damaged.")


@pytest.fixture
def samples(tiny_two_stream: Network) -> list[Sample]:
    classes = tiny_two_stream.card.classes
    return [Sample(f"clip {n}", classes[n % len(classes)], noise(n)) for n in range(CLIPS)]


def units_of(result: SurveyResult) -> dict[tuple[str, int], UnitEvidence]:
    return {(unit.layer, unit.unit): unit for unit in result.units}


def test_the_evidence_of_every_unit_agrees_with_the_network(
    tiny_two_stream: Network, samples: list[Sample], tmp_path: Path
) -> None:
    card = tiny_two_stream.card
    began = monotonic()
    parts = (SurveyPart.RECORD, SurveyPart.PROBE, SurveyPart.ATTRIBUTE)
    survey = SurveyRun(tiny_two_stream, "noise", samples, tmp_path, threads=2, parts=parts)
    actual = survey.run()
    assert actual.facts.seconds == pytest.approx(monotonic() - began, rel=0.1), "all of it, not the first pass alone"
    units = units_of(actual)
    assert len(units) == card.units
    inputs = join_clips([make_inputs(card, sample.read(4)) for sample in samples])
    labels = np.arange(CLIPS) % len(card.classes)
    for layer in ("appearance.conv1_1", "motion.conv3_1", "fusion.conv5", "fc7", "class"):
        maps = tiny_two_stream.activation(layer, inputs).detach()
        if tiny_two_stream.points[layer].rectified:
            maps = maps.relu()
        peaks = maps.amax((2, 3, 4)).numpy()
        for unit in range(card.layer(layer).units):
            evidence = units[layer, unit]
            own = peaks[:, unit]
            assert evidence.a_hat == pytest.approx(float(own.max()), rel=1e-4, abs=1e-6)
            assert evidence.mean == pytest.approx(float(own.mean()), rel=1e-4, abs=1e-6)
            assert evidence.firing_rate == pytest.approx(float((own > 0).mean()))
            if own.max() <= 0:
                assert (evidence.role, evidence.top_clips) == (UnitRole.DEAD, ())
                continue
            order = [f"clip {n}" for n in np.argsort(-own)[:TOP_CLIPS_PER_UNIT] if own[n] > 0]
            assert [top.clip for top in evidence.top_clips] == order
            for label, response in enumerate(evidence.responses):
                expected = np.maximum(own[labels == label], 0).mean() / own.max()
                assert response == pytest.approx(float(expected), rel=1e-4, abs=1e-6)
    predicted = tiny_two_stream.logits(inputs).argmax(1).numpy()
    assert actual.facts.accuracy == pytest.approx(float((predicted == labels).mean()))
    assert np.array(actual.facts.confusion).sum() == actual.facts.clips == CLIPS
    predictions = list(actual.predictions)
    assert [(each.clip, each.label, each.predicted) for each in predictions] == [
        (f"clip {n}", labels[n], predicted[n]) for n in range(CLIPS)
    ]
    probabilities = tiny_two_stream.logits(inputs).softmax(1).numpy()
    assert [each.probability for each in predictions] == pytest.approx(probabilities.max(1), abs=1e-5)
    assert [each.label_probability for each in predictions] == pytest.approx(
        probabilities[range(CLIPS), labels], abs=1e-5
    )
    assert units["fusion.conv5", 0].synergy is not None
    assert units["appearance.conv1_1", 0].synergy is None
    tuned = {unit.layer for unit in units.values() if unit.speed and unit.direction}
    assert tuned == {layer.name for layer in card.layers if layer.stream != "appearance"}
    assert all(feed.weight is not None for unit in range(10) for feed in units["fc7", unit].class_attributions)
    assert any(units["fusion.conv5", unit].class_attributions for unit in range(8))
    assert units["appearance.conv1_1", 0].class_attributions == units["class", 0].class_attributions == ()
    assert not any(part._forward_hooks for part in tiny_two_stream.module.modules())
    survey.checkpoint.remove()
    assert not list(tmp_path.iterdir())


class Killed(Exception):
    pass


def test_a_killed_survey_continues_where_it_was(
    tiny_two_stream: Network, samples: list[Sample], tmp_path: Path
) -> None:
    whole = units_of(SurveyRun(tiny_two_stream, "noise", samples, tmp_path / "whole", probed_layers=()).run())

    def kill(progress: StageProgress) -> None:
        if progress.done >= 30:
            raise Killed

    with pytest.raises(Killed):
        SurveyRun(tiny_two_stream, "noise", samples, tmp_path / "cut", save_seconds=0, observe=kill).run()
    (folder,) = (tmp_path / "cut").iterdir()
    torn = np.lib.format.open_memmap(folder / PEAKS_FILE, "r+")
    torn[32:] = np.nan  # whatever was under way
    torn.flush()
    read: list[int] = []

    def noted(number: int) -> Callable[[int], Frames]:
        def reader(count: int) -> Frames:
            read.append(number)
            return noise(number)(count)

        return reader

    again = [Sample(each.name, each.label, noted(number)) for number, each in enumerate(samples)]
    stages: list[StageProgress] = []
    actual = SurveyRun(tiny_two_stream, "noise", again, tmp_path / "cut", probed_layers=(), observe=stages.append).run()
    assert min(read) == 32
    assert stages[-1] == StageProgress(SurveyPart.RECORD, "part 1 of 1, shows every clip", CLIPS, CLIPS)
    assert units_of(actual) == whole
    assert actual.facts.seconds > 0


def test_specific_units_are_measured_beside_the_control_which_continues_when_killed(
    tiny_two_stream: Network, samples: list[Sample], tmp_path: Path
) -> None:
    """Noise has no classes: nothing is specific in a network of random weights."""

    def kill(progress: StageProgress) -> None:
        if progress.stage == SurveyPart.SELECTIVITY and progress.done >= 30:
            raise Killed

    with pytest.raises(Killed):
        run_probing(tiny_two_stream, samples, tmp_path / "cut", observe=kill)
    stages: list[StageProgress] = []
    continued = run_probing(tiny_two_stream, samples, tmp_path / "cut", observe=stages.append)
    assert min(stage.done for stage in stages if stage.stage == SurveyPart.SELECTIVITY) > 30
    assert not continued.facts.omitted, "every part applies, and none fails"
    assert not any(part._forward_hooks for part in tiny_two_stream.module.modules())
    layers = continued.facts.selectivity
    assert layers is not None
    hidden = [layer.name for layer in tiny_two_stream.card.layers if not layer.is_class]
    assert [layer.layer for layer in layers] == hidden
    assert sum(layer.specific for layer in layers) == 0
    assert all(layer.control is not None for layer in layers)
    silence = continued.facts.silence
    assert silence is not None
    assert [layer.layer for layer in silence.layers] == ["fc7"]
    assert (silence.clips, silence.tested_classes) == (CLIPS, 5)
    needed = {unit.unit: unit.necessity for unit in continued.units if unit.layer == "fc7"}
    assert sum(each is not None for each in needed.values()) == silence.layers[0].measured


def run_probing(network: Network, samples: list[Sample], folder: Path, observe: ObserveStage) -> SurveyResult:
    """Survey with one probed layer, the fewest for which all stages run; parts give no field that they do not name."""
    survey = SurveyRun(network, "noise", samples, folder, probed_layers=["fc7"], save_seconds=0, observe=observe)
    survey.parts = [replace(part, measure=partial(measure_named, part)) for part in survey.parts]
    return survey.run()


def measure_named(part: Part, context: SurveyContext, observe: Observe) -> PartResult:
    result = part.measure(context, observe)
    assert {name for fields in result.units.values() for name in fields} <= set(part.unit_fields)
    return result


def test_a_recording_alone_and_few_clips_measure_no_control(tiny_clip: Network, tmp_path: Path) -> None:
    classes = tiny_clip.card.classes
    few = [Sample(f"{n}", classes[n % 2], noise(n)) for n in range(4)]
    recorded = SurveyRun(tiny_clip, "noise", few, tmp_path / "recorded", probed_layers=()).run()
    assert recorded.facts.selectivity is None
    assert SurveyRun(tiny_clip, "noise", few, tmp_path / "few").run().facts.selectivity == ()


def test_other_clips_are_another_survey(tiny_clip: Network, tmp_path: Path) -> None:
    classes = tiny_clip.card.classes
    some = [Sample(f"{n}", classes[n % 2], noise(n)) for n in range(4)]
    for clips in (some, some[:3]):
        SurveyRun(tiny_clip, "noise", clips, tmp_path, probed_layers=()).run()
    assert len(list(tmp_path.iterdir())) == 2


def test_clips_that_cannot_be_read_are_skipped_and_listed(tiny_clip: Network, tmp_path: Path) -> None:
    classes = tiny_clip.card.classes
    mixed = [Sample(f"{n}", classes[n % 2], unreadable if n in (0, 5) else noise(n)) for n in range(6)]
    actual = SurveyRun(tiny_clip, "noise", mixed, tmp_path).run()
    assert actual.facts.skipped == ("0: The clip is damaged.", "5: The clip is damaged.")
    assert actual.facts.clips == 4
    assert not any(each.applies for each in actual.facts.omitted)
    assert [each.clip for each in actual.predictions] == ["1", "2", "3", "4"]
    sane = [mixed[n] for n in (1, 2, 3, 4)]
    plain = units_of(SurveyRun(tiny_clip, "noise", sane, tmp_path).run())
    for key, unit in units_of(actual).items():
        assert unit.a_hat == pytest.approx(plain[key].a_hat, rel=1e-5)
        assert unit.precision == pytest.approx(plain[key].precision)
        assert [top.clip for top in unit.top_clips] == [top.clip for top in plain[key].top_clips]


@pytest.mark.parametrize(
    ("labels", "readable", "error", "words"),
    [
        (("class 0", "class 0"), True, InvalidRequest, "one class"),
        (("class 0", "clas 1"), True, UnknownClass, "Near: class 1"),
        (("class 0", "class 1"), False, VideoError, "None of the 2 clips can be read. The first: The clip is damaged."),
    ],
)
def test_what_cannot_be_surveyed(
    labels: tuple[str, ...], readable: bool, error: type[Exception], words: str, tiny_clip: Network, tmp_path: Path
) -> None:
    bad = [Sample(str(n), label, noise(n) if readable else unreadable) for n, label in enumerate(labels)]
    with pytest.raises(error, match=words):
        SurveyRun(tiny_clip, "noise", bad, tmp_path).run()


def test_nan_stops_a_survey(tiny_clip: Network, tmp_path: Path) -> None:
    classes = tiny_clip.card.classes
    some = [Sample(f"{n}", classes[n % 2], noise(n)) for n in range(4)]
    weight = tiny_clip.module.get_parameter("conv2.weight")
    kept = weight.clone()
    try:
        weight.data[0, 0, 0, 0, 0] = torch.nan
        with pytest.raises(NotFinite, match="layer conv2 gives NaN"):
            SurveyRun(tiny_clip, "noise", some, tmp_path).run()
    finally:
        weight.data.copy_(kept)
    SurveyRun(tiny_clip, "noise", some, tmp_path, probed_layers=()).run()


def test_a_failed_start_leaves_the_checkpoint_as_it_was(tiny_clip: Network, tmp_path: Path) -> None:
    checkpoint = SurveyCheckpoint(tmp_path / "t", tiny_clip.card, 3)
    checkpoint.save()
    (tmp_path / "t" / "progress.pt.partial").write_bytes(b"torn")
    assert SurveyCheckpoint(tmp_path / "t", tiny_clip.card, 3).clips_done == 0


def test_the_files_of_a_checkpoint_keep_their_format(tiny_clip: Network, tmp_path: Path) -> None:
    """A survey that an earlier version began continues: a change here needs a new VERSION."""
    SurveyCheckpoint(tmp_path / "t", tiny_clip.card, 3).save()
    assert sorted(path.name for path in (tmp_path / "t").iterdir()) == ["maxima.npy", "progress.pt"]
    content = torch.load(tmp_path / "t" / "progress.pt", weights_only=True)
    assert set(content) == {"done", "seconds", "skipped", "top", "bottom", "sums"}
    assert set(content["top"]["class"]) == {"peak", "clip", "place", "trace"}
    assert {name: tuple(sums.shape) for name, sums in content["sums"].items()} == {
        layer.name: (2, layer.units) for layer in tiny_clip.card.statistics_layers
    }


def test_labels_may_be_spelt_otherwise(tiny_two_stream: Network, tmp_path: Path) -> None:
    spelt = [Sample(str(n), label, noise(n)) for n, label in enumerate(("Jump", "WAVE", "run"))]
    actual = SurveyRun(tiny_two_stream, "noise", spelt, tmp_path, probed_layers=()).run()
    assert [sum(row) for row in actual.facts.confusion] == [1, 1, 0, 1, 0]
    expected = explain(tiny_two_stream, make_inputs(tiny_two_stream.card, noise(0)(4)), "WAVE").expected
    assert expected is not None
    assert expected.label == "wave"
