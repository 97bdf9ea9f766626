"""Units that answer to few classes: planted ones are found, and none where nothing is planted."""

from pathlib import Path

import numpy as np
import pytest
import torch

from app.contract.network import Extent, Layer, NetworkCard
from tests.support import two_stream_card
from worker.evidence.activation_reader import LayerReading
from worker.evidence.checkpoint import SurveyCheckpoint
from worker.evidence.resampling import GroupedClips, find_p_limit, number_groups, one_sided_p_value
from worker.evidence.selectivity import (
    class_share,
    measure_selectivity,
)
from worker.evidence.types import Floats

CLASSES, CLIPS_PER_CLASS, UNITS = 6, 12, 40
LABELS = np.repeat(np.arange(CLASSES), CLIPS_PER_CLASS)
EACH_ITS_OWN = GroupedClips(LABELS, np.arange(len(LABELS)))


def make_card() -> NetworkCard:
    size = Extent(frames=1, height=1, width=1)
    layers = (
        Layer(index=0, name="fc", stream="fusion", units=UNITS, map=size, receptive_field=size),
        Layer(index=1, name="class", stream="fusion", units=CLASSES, map=size, receptive_field=size),
    )
    return two_stream_card().model_copy(update={"layers": layers})


def record(folder: Path, peaks: Floats) -> SurveyCheckpoint:
    """Return a checkpoint with these peaks (N, UNITS) of the hidden layer, and classes that are silent."""
    checkpoint = SurveyCheckpoint(folder, make_card(), len(peaks))

    def reading(values: Floats) -> LayerReading:
        tensor = torch.from_numpy(values.astype(np.float32))
        return LayerReading(tensor, torch.zeros(*tensor.shape, 3), tensor[:, :, None])

    logits = np.zeros((len(peaks), CLASSES))
    checkpoint.add(range(len(peaks)), {"fc": reading(peaks), "class": reading(logits)})
    checkpoint.clips_done = len(peaks)
    return checkpoint


def noise(seed: int) -> Floats:
    return np.random.default_rng(seed).uniform(0, 1, (len(LABELS), UNITS))


def with_planted(peaks: Floats, count: int) -> Floats:
    """Return the peaks where the first `count` units answer to one class alone."""
    planted = peaks.copy()
    for unit in range(count):
        planted[unit % CLASSES != LABELS, unit] *= 0.001
    return planted


def test_the_share_of_classes_is_that_of_the_effective_classes() -> None:
    peaks = np.zeros((4, 3))
    peaks[:2, 0] = 1  # one class of two
    peaks[:, 1] = 1  # both alike
    labels = np.array([0, 0, 1, 1])
    assert class_share(peaks, labels).tolist() == [0.5, 1.0, 0.0]
    counts = np.array([2.0, 0.0, 1.0, 1.0])
    assert class_share(np.array([[1.0], [9.0], [1.0], [1.0]]), labels, counts).tolist() == [pytest.approx(1.0)]


def test_planted_units_are_specific_and_others_are_not(tmp_path: Path) -> None:
    trained = record(tmp_path / "trained", with_planted(noise(0), 10))
    control = record(tmp_path / "control", noise(1))
    (layer,) = measure_selectivity(trained, control, EACH_ITS_OWN)
    assert (layer.layer, layer.live, layer.below, layer.specific) == ("fc", UNITS, 10, 10)
    assert layer.by_chance < 0.5
    assert layer.beyond_chance.value == pytest.approx(0.25 - layer.by_chance / UNITS)
    assert layer.control is not None
    assert abs(layer.control.value) < 0.01
    assert layer.p_value is not None
    assert layer.p_value < 0.01
    assert layer.difference is not None
    assert 0 < layer.difference.low <= layer.difference.value <= layer.difference.high


def test_what_the_control_has_as_well_is_no_difference(tmp_path: Path) -> None:
    """A network of random weights may have specific units too: the clips differ, and so do their features."""
    trained = record(tmp_path / "trained", with_planted(noise(0), 10))
    control = record(tmp_path / "control", with_planted(noise(1), 10))
    (layer,) = measure_selectivity(trained, control, EACH_ITS_OWN)
    assert layer.specific == 10
    assert layer.difference is not None
    assert layer.difference.low <= 0 <= layer.difference.high
    assert layer.p_value is not None
    assert layer.p_value > 0.05


def test_a_few_units_may_be_luck_of_the_weights(tmp_path: Path) -> None:
    """Three planted units of 40 are surely specific, but other weights might have given none."""
    control = record(tmp_path / "control", noise(1))
    few, many = (
        measure_selectivity(record(tmp_path / str(count), with_planted(noise(0), count)), control, EACH_ITS_OWN)[0]
        for count in (3, 20)
    )
    assert few.specific == 3
    assert few.p_value is not None
    assert few.p_value > 0.02
    assert many.p_value is not None
    assert many.p_value < 1e-6


@pytest.mark.parametrize("seed", range(3))
def test_rare_and_strong_responses_are_no_specificity_where_labels_are_shuffled(tmp_path: Path, seed: int) -> None:
    """A unit that three clips excite looks specific under any labels: chance explains it."""
    generator = np.random.default_rng(seed)
    sparse = np.zeros((len(LABELS), UNITS))
    for unit in range(UNITS):
        sparse[generator.choice(len(LABELS), 1), unit] = 1
    (layer,) = measure_selectivity(record(tmp_path / "sparse", sparse), None, EACH_ITS_OWN)
    assert layer.below == UNITS
    assert layer.specific == 0
    assert layer.by_chance == UNITS
    assert layer.beyond_chance.value == 0
    assert (layer.control, layer.difference, layer.p_value) == (None, None, None)


def test_duplicated_clips_make_nothing_significant(tmp_path: Path) -> None:
    """Ten copies of each of a few clips are no ten clips: their groups are shuffled as wholes."""
    generator = np.random.default_rng(2)
    groups = np.repeat(np.arange(len(LABELS) // 3), 3)  # four videos a class, three copies of each
    videos = generator.uniform(0, 1, (len(LABELS) // 3, UNITS)) ** 8
    peaks = videos[groups]
    grouped = measure_selectivity(record(tmp_path / "a", peaks), None, GroupedClips(LABELS, groups))[0]
    alone = measure_selectivity(record(tmp_path / "b", peaks), None, EACH_ITS_OWN)[0]
    assert grouped.specific == 0
    widths = [each.beyond_chance.high - each.beyond_chance.low for each in (grouped, alone)]
    assert widths[0] > widths[1]


def test_too_few_groups_allow_no_interval(tmp_path: Path) -> None:
    few = GroupedClips(LABELS, LABELS)  # one video a class
    assert not few.can_be_resampled
    assert measure_selectivity(record(tmp_path, noise(0)), None, few) == ()


def test_labels_are_shuffled_by_group_and_by_clip_where_a_group_has_several_labels() -> None:
    generator = np.random.default_rng(0)
    pairs = GroupedClips(np.repeat([0, 1, 0, 1], 2), np.repeat(np.arange(4), 2))
    for _ in range(5):
        shuffled = pairs.shuffle(generator)
        assert (shuffled[::2] == shuffled[1::2]).all()
        assert sorted(shuffled) == [0] * 4 + [1] * 4
    mixed = GroupedClips(np.array([0, 1, 0, 1]), np.array([0, 0, 1, 1]))
    assert {tuple(mixed.shuffle(generator)) for _ in range(50)} > {(0, 0, 1, 1)}


def test_a_part_of_the_clips_is_shuffled_without_the_groups_that_it_lacks() -> None:
    part = GroupedClips(np.repeat([1, 2], 3), np.array([2, 2, 5, 7, 7, 9]))
    generator = np.random.default_rng(0)
    assert {tuple(np.unique(part.shuffle(generator))) for _ in range(20)} == {(1, 2)}


def test_resamples_that_are_all_alike_give_no_p_value_of_zero() -> None:
    assert one_sided_p_value(0.5, np.full(99, 0.5)) == 0.01
    assert one_sided_p_value(0.0, np.zeros(99)) == 1


def test_a_class_draws_as_many_groups_as_it_has() -> None:
    clips = GroupedClips(LABELS, np.arange(len(LABELS)) // 2)
    counts = clips.resample(np.random.default_rng(0))
    for label in range(CLASSES):
        assert counts[label == LABELS].sum() == CLIPS_PER_CLASS
    assert (counts[::2] == counts[1::2]).all()


def test_the_false_discovery_rate_is_that_of_benjamini_and_hochberg() -> None:
    p_values = np.array([0.001, 0.008, 0.039, 0.041, 0.042, 0.06, 0.074, 0.205, 0.212, 0.216])
    assert find_p_limit(p_values, 0.05) == 0.008  # their example's first ten
    assert find_p_limit(np.array([0.5, 0.9]), 0.05) == 0
    assert find_p_limit(np.zeros(0), 0.05) == 0


def test_groups_are_numbered_in_order() -> None:
    assert number_groups(["a", None, "a", "b", None]).tolist() == [0, 1, 0, 2, 3]
