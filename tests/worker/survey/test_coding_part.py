"""The part of a survey that measures what units code, on networks of two streams and of one."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from app.contract.coding import NetworkCoding
from app.contract.survey_part import SurveyPart
from worker.evidence.coding import MIN_GROUPS
from worker.networks.network import Network
from worker.survey.clip_pairs import ROLES, pair_name
from worker.survey.parts.coding import CONTROLS
from worker.survey.prefetch import Sample
from worker.survey.run import SurveyRun
from worker.video.flow import Frames

CLIPS = 16


def noise(number: int) -> Callable[[int], Frames]:
    return lambda count: np.random.default_rng(number).integers(0, 255, (6, 68, 68, 3)).astype(np.uint8)


def survey(network: Network, names: list[str], folder: Path) -> tuple[NetworkCoding, SurveyRun]:
    classes = network.card.classes
    samples = [Sample(name, classes[n % len(classes)], noise(n)) for n, name in enumerate(names)]
    run = SurveyRun(network, "noise", samples, folder, parts=[SurveyPart.RECORD, SurveyPart.CODING])
    result = run.run()
    coding = result.facts.coding
    assert coding is not None
    coded = {(unit.layer, unit.unit) for unit in result.units if unit.coding}
    assert len(coded) == sum(layer.live for layer in coding.layers)
    return coding, run


def test_streams_are_swapped_and_layers_of_one_stream_are_given_by_architecture(
    tiny_two_stream: Network, tmp_path: Path
) -> None:
    coding, run = survey(tiny_two_stream, [f"clip {n}" for n in range(CLIPS)], tmp_path)
    assert (coding.pairs, coding.clips, coding.groups, coding.reason) == ("swapped", CLIPS, CLIPS, None)
    assert len(coding.examples) == 9
    layers = {layer.layer: layer for layer in coding.layers}
    for name, kind in (("appearance.conv1_1", "static"), ("motion.conv3_1", "dynamic")):
        assert layers[name].by_architecture
        assert not layers[name].is_counted
        assert getattr(layers[name].shares, kind).value == pytest.approx(1, abs=0.4)
        other = layers[name].shares.dynamic if kind == "static" else layers[name].shares.static
        assert (other.value, layers[name].shares.joint.value) == (0, 0)
    counted = [name for name, layer in layers.items() if layer.is_counted]
    assert counted == ["fusion.conv5", "fc6", "fc7"]
    assert coding.hidden is not None
    assert coding.hidden.live == sum(layers[name].live for name in counted)
    assert coding.hidden.control is not None
    last = run.checkpoint.folder / "coding" / f"control-{CONTROLS - 1}"
    assert np.load(last / "static.npy").shape == (CLIPS, tiny_two_stream.card.units)
    unchanged = np.load(last.with_suffix(".npy"))
    assert unchanged.shape == (CLIPS, tiny_two_stream.card.units)
    assert not np.array_equal(unchanged, np.load(last.with_name("control-0.npy"))), "each has other weights"
    assert coding.controls == CONTROLS


def test_clips_are_changed_where_there_is_one_stream(tiny_clip: Network, tmp_path: Path) -> None:
    coding, _ = survey(tiny_clip, [f"clip {n}" for n in range(CLIPS)], tmp_path)
    assert (coding.pairs, coding.clips) == ("restyled", CLIPS)
    assert all(layer.is_counted for layer in coding.layers if layer.layer != "class")
    assert (tmp_path / next(tmp_path.iterdir()) / "coding" / "trained" / "shuffled.npy").exists()


def test_pairs_that_the_names_tell_are_taken(tiny_clip: Network, tmp_path: Path) -> None:
    names = [pair_name(f"set-{n:02d}", role) for n in range(MIN_GROUPS) for role in ROLES]
    coding, _ = survey(tiny_clip, names, tmp_path)
    assert (coding.pairs, coding.clips, coding.groups) == ("exact", MIN_GROUPS, MIN_GROUPS)
    assert coding.examples[0] == "set-00-pair-base"
    files = list((tmp_path / next(tmp_path.iterdir()) / "coding").iterdir())
    assert len(files) == CONTROLS, "every clip is recorded already, but for the controls"


def test_too_few_independent_clips_say_how_many_are_needed(tiny_clip: Network, tmp_path: Path) -> None:
    coding, _ = survey(tiny_clip, [f"v_walk_g{n % 3:02d}_c{n:02d}" for n in range(CLIPS)], tmp_path)
    assert coding.pairs is None
    assert coding.reason is not None
    assert "has 3 clips or groups of clips that are independent" in coding.reason
    assert str(MIN_GROUPS) in coding.reason
