"""Layers that share classes, clips or nothing across speeds are told apart, and so are duplicates from classes."""

import numpy as np
import pytest

from worker.evidence.best_precision import measure_best_precision, shuffled_best
from worker.evidence.clip_choice import choose_clips
from worker.evidence.cross_speed import (
    Sharing,
    decode_classes,
    fold_groups,
    linear_cka,
    measure_sharing,
    tell_pair,
    weighted_auc,
)
from worker.evidence.depth import depth_change
from worker.evidence.layer_sharing import choose_compared, draw_weights, resampled_unit
from worker.evidence.measures import average_precision
from worker.evidence.resampling import GroupedClips, Integers
from worker.evidence.types import Floats

CLASSES, EACH, UNITS = 8, 6, 12
LABELS = np.repeat(np.arange(CLASSES), EACH)
GROUPS = np.arange(len(LABELS))


def sharing(unchanged: Floats, changed: Floats, still: Floats, groups: Integers = GROUPS) -> Sharing:
    generator = np.random.default_rng(0)
    clips = GroupedClips(LABELS, groups)
    shuffled = [clips.shuffle(generator) for _ in range(50)]
    return measure_sharing(unchanged, changed, still, LABELS, groups, shuffled, fold_groups(LABELS, groups))


def of_classes(noise: float, seed: int) -> Floats:
    """Return peaks that depend on the class, with noise of each clip."""
    generator = np.random.default_rng(5)
    means = generator.normal(size=(CLASSES, UNITS))
    return np.asarray(means[LABELS] + noise * np.random.default_rng(seed).normal(size=(len(LABELS), UNITS)))


def nothing(seed: int) -> Floats:
    return np.random.default_rng(seed).normal(size=(len(LABELS), UNITS))


def test_a_layer_of_classes_shares_them_across_speeds() -> None:
    measured = sharing(of_classes(0.3, 0), of_classes(0.3, 1), nothing(2))
    assert measured.same_class.mean() > 0.9
    assert measured.decoded.mean() > 0.9
    assert measured.still.mean() < 0.4
    assert measured.same_class.mean() > np.percentile(measured.chance, 99)
    assert measured.told_apart.mean() == pytest.approx(0.5, abs=0.15)


def test_a_layer_of_noise_shares_nothing() -> None:
    measured = sharing(nothing(0), nothing(1), nothing(2))
    assert measured.same_class.mean() < np.percentile(measured.chance, 99) + 0.05
    assert measured.same_clip.mean() < 0.15


def test_a_layer_that_knows_the_clip_but_no_class_shares_clips_alone() -> None:
    peaks = nothing(0)
    measured = sharing(peaks, 2 * peaks, nothing(1))
    assert measured.same_clip.mean() == 1
    assert measured.same_class.mean() < 0.35
    assert measured.cka == pytest.approx(1)


def test_copies_of_a_clip_do_not_count_as_its_class() -> None:
    groups = GROUPS // 2
    peaks = nothing(0)[groups]  # each clip twice
    assert sharing(peaks, peaks, nothing(1)).same_class.mean() == 1
    assert sharing(peaks, peaks, nothing(1), groups).same_class.mean() < 0.35


def test_a_layer_that_shows_speed_tells_it_and_one_that_ignores_motion_is_no_better_than_still() -> None:
    peaks = of_classes(0.3, 0)
    assert sharing(peaks, peaks + 3, nothing(1)).told_apart.mean() > 0.95
    ignoring = sharing(peaks, peaks, peaks)
    assert ignoring.told_apart.mean() == pytest.approx(0.5)
    assert ignoring.same_class.mean() == ignoring.still.mean()


def test_units_that_never_change_do_not_matter() -> None:
    peaks, constant = of_classes(0.3, 0), np.full((len(LABELS), 2), 7.0)
    with_constant = [np.concatenate([values, constant], 1) for values in (peaks, peaks + 1, nothing(1))]
    assert sharing(*with_constant).same_class.mean() == sharing(peaks, peaks + 1, nothing(1)).same_class.mean()
    silent = sharing(0 * peaks, 0 * peaks, 0 * peaks)
    assert silent.same_class.mean() < 0.3


def test_decoding_is_the_nearest_class_mean_of_other_folds() -> None:
    peaks = of_classes(0.8, 0)
    folds = fold_groups(LABELS, GROUPS)
    decoded = decode_classes(peaks @ peaks.T, peaks @ peaks.T, LABELS, folds)
    for clip in (0, 17, 40):
        kept = folds != folds[clip]
        means = np.stack([peaks[kept & (label == LABELS)].mean(0) for label in range(CLASSES)])
        assert decoded[clip] == ((means - peaks[clip]) ** 2).sum(1).argmin()


def test_a_group_is_left_out_as_a_whole() -> None:
    groups = GROUPS // 3
    folds = fold_groups(LABELS, groups)
    assert all(len(set(folds[groups == group])) == 1 for group in set(groups))


def test_cka_falls_where_responses_are_unrelated() -> None:
    turned = nothing(0) @ np.linalg.qr(np.random.default_rng(1).normal(size=(UNITS, UNITS)))[0]
    assert linear_cka(nothing(0), turned) == pytest.approx(1)
    assert linear_cka(nothing(0), nothing(1)) < 0.5
    assert linear_cka(nothing(0), 0 * nothing(0)) == 0


def test_a_pair_of_classes_is_told_apart_on_clips_left_out() -> None:
    pair = np.flatnonzero(LABELS < 2)
    folds = fold_groups(LABELS[pair], GROUPS[pair])
    scores = tell_pair(of_classes(0.3, 0)[pair], LABELS[pair], folds)
    once = np.ones((1, EACH))
    assert weighted_auc(scores[EACH:], scores[:EACH], once, once)[0] > 0.95


def test_intervals_are_over_classes_where_there_are_enough() -> None:
    clips = GroupedClips(LABELS, GROUPS)
    generator = np.random.default_rng(0)
    assert resampled_unit(clips) == "classes"
    assert resampled_unit(GroupedClips(LABELS % 2, GROUPS)) == "groups"
    weights = draw_weights(clips, 200, generator)
    of_one = np.stack([weights[:, label == LABELS].sum(1) for label in range(CLASSES)])
    assert (of_one == 0).any(), "a class may be missing from a draw"
    compared = choose_compared(range(len(LABELS)), np.arange(len(LABELS)), clips, generator)
    assert compared is not None
    assert choose_compared([0, 1], np.arange(len(LABELS)), clips, generator) is None, "two clips are too few"


def test_clips_are_chosen_from_all_classes_and_groups_in_turn() -> None:
    clips = GroupedClips(LABELS, GROUPS // 2)
    chosen = choose_clips(clips, 43)
    assert sorted(np.bincount(LABELS[chosen]).tolist()) == [5] * 5 + [6] * 3
    assert len(set((GROUPS // 2)[chosen])) == 3 * CLASSES


def test_of_many_classes_some_are_chosen_with_several_clips_each() -> None:
    labels = np.repeat(np.arange(40), 10)
    groups = np.arange(len(labels))
    groups[labels < 38] //= 10  # one video a class
    chosen = choose_clips(GroupedClips(labels, groups), 32)
    counts = np.bincount(labels[chosen], minlength=40)
    assert sorted(counts[counts > 0].tolist()) == [8] * 4
    assert counts[[38, 39]].tolist() == [8, 8], "independent clips come first"


def test_a_difference_with_depth_is_compared_with_the_control() -> None:
    drawn = np.random.default_rng(0).normal(0, 0.02, (4, 100))
    rising = ((0.1, 0.1 + drawn[0]), (0.5, 0.5 + drawn[1]))
    flat = ((0.1, 0.1 + drawn[2]), (0.12, 0.12 + drawn[3]))
    change = depth_change("speed", ("first", "last"), rising, flat, 48, "clips")
    assert change is not None
    assert change.beyond_control is not None
    assert change.beyond_control.value == pytest.approx(0.38)
    assert change.p_value is not None
    assert change.p_value < 0.001
    same = depth_change("speed", ("first", "last"), rising, rising, 48, "clips")
    assert same is not None
    assert same.p_value == 1


def test_the_best_precision_under_shuffled_labels_is_that_of_average_precision() -> None:
    generator = np.random.default_rng(0)
    peaks = np.maximum(generator.normal(size=(len(LABELS), 9)), 0)  # half of them are equal: zero
    uneven = GroupedClips(np.minimum(LABELS, 3), np.minimum(np.arange(len(LABELS)), len(LABELS) - 3))
    shuffled = [generator.permutation(LABELS) for _ in range(4)] + [uneven.shuffle(generator) for _ in range(4)]
    expected = [average_precision(peaks, labels, CLASSES).max(1) for labels in shuffled]
    np.testing.assert_allclose(shuffled_best(peaks, shuffled), expected)


def test_only_units_that_know_a_class_are_better_than_chance() -> None:
    generator = np.random.default_rng(0)
    shuffled = [generator.permutation(LABELS) for _ in range(199)]
    peaks = np.abs(generator.normal(size=(len(LABELS), 40)))
    peaks[:, 0] += 3 * (LABELS == 2)
    peaks[:, 1] = 0
    measured = measure_best_precision([peaks[:, :20], peaks[:, 20:]], LABELS, CLASSES, shuffled)
    assert measured.label[0] == 2
    assert measured.p_value[0] == 1 / 200
    assert measured.p_value[1] == 1, "a silent unit"
    assert measured.chance > 1.5 / CLASSES, "the best of several is above the share of a class by chance alone"
    assert np.flatnonzero(measured.detectors(0.005)).tolist() == [0]
