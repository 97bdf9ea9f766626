import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from worker.evidence import measures


def brute_precision(values: list[float], relevant: list[bool]) -> float:
    """Compute the area under the precision-recall curve, threshold by threshold."""
    area, before = 0.0, 0.0
    for threshold in sorted(set(values), reverse=True):
        chosen = [is_relevant for value, is_relevant in zip(values, relevant, strict=True) if value >= threshold]
        recall = sum(chosen) / sum(relevant)
        area += (recall - before) * sum(chosen) / len(chosen)
        before = recall
    return area


clips = st.lists(st.tuples(st.integers(-2, 4), st.integers(0, 2)), min_size=1, max_size=25)


@settings(deadline=None)
@given(clips)
def test_precision_is_the_area_also_with_ties(activations_and_labels: list[tuple[int, int]]) -> None:
    values, labels = (
        np.array([v for v, _ in activations_and_labels], np.float32),
        np.array([c for _, c in activations_and_labels]),
    )
    precision = measures.average_precision(np.stack([values, -values], 1), labels, 3)
    for label in range(3):
        relevant = (labels == label).tolist()
        for unit, signed in enumerate((values, -values)):
            expected = brute_precision(signed.tolist(), relevant) if any(relevant) else 0
            assert precision[unit, label] == pytest.approx(expected)


def test_precision_in_closed_cases() -> None:
    labels = np.array([0, 0, 1, 1])
    perfect, worst, silent = [4, 3, 2, 1], [1, 2, 3, 4], [0, 0, 0, 0]
    actual = measures.average_precision(np.array([perfect, worst, silent], np.float32).T, labels, 2)
    assert actual[:, 0].tolist() == pytest.approx([1, (1 / 3 + 2 / 4) / 2, 0.5])


@settings(deadline=None)
@given(st.lists(st.integers(0, 5), min_size=1, max_size=30))
def test_count_at_least(values: list[int]) -> None:
    actual = measures.count_at_least(np.array(values)[:, None])[:, 0]
    assert actual.tolist() == [sum(other >= value for other in values) for value in values]


def test_effective_classes_in_closed_cases() -> None:
    r = np.array([[1, 0, 0, 0], [0.5, 0.5, 0, 0], [0.3, 0.3, 0.3, 0.3], [0, 0, 0, 0]])
    assert measures.effective_classes(r).tolist() == pytest.approx([1, 2, 4, 0])


@settings(deadline=None)
@given(st.lists(st.floats(0, 1), min_size=5, max_size=5))
def test_effective_classes_are_between_one_and_all(r: list[float]) -> None:
    (actual,) = measures.effective_classes(np.array([r]))
    assert actual == 0 if sum(r) == 0 else 1 - 1e-9 <= actual <= 5 + 1e-9


def test_means_maxima_and_responses_by_class() -> None:
    peaks = np.array([[2, -1], [4, -3], [1, -2]], np.float32)
    means, maxima = measures.class_means_and_maxima(peaks, np.array([0, 0, 2]), 3)
    assert means.tolist() == [[3, 0, 1], [0, 0, 0]]
    assert maxima.tolist() == [[4, 0, 1], [-1, 0, -2]]
    assert measures.class_responses(means, peaks.max(0)).tolist() == [[0.75, 0, 0.25], [0, 0, 0]]
    assert measures.firing_rate(peaks).tolist() == [1, 0]


def test_correlated_units_have_the_largest_plain_correlation() -> None:
    rng = np.random.default_rng(0)
    peaks = rng.normal(5, 1, (50, 8)).astype(np.float32)
    peaks[:, 4] = peaks[:, 1] * 2 + 1
    peaks[:, 6] = 3  # never changes
    actual = measures.correlated_units(peaks, 4, units_at_once=3, clips_at_once=16)
    [(other, correlation), *_] = actual[1]
    assert other == 4
    assert correlation == pytest.approx(1)
    assert actual[6] == ()
    matrix = np.atleast_2d(np.corrcoef(np.delete(peaks, 6, 1).T))
    for unit, row in ((0, 0), (7, 6)):
        order = [other for other, _ in actual[unit]]
        assert 6 not in order
        assert unit not in order
        expected = np.sort(np.delete(matrix[row], row))[::-1][:4]
        assert [value for _, value in actual[unit]] == pytest.approx(expected.tolist(), abs=1e-6)


def test_confusion_accuracy_and_recall() -> None:
    logits = np.array([[3, 1, 0], [0, 1, 3], [0, 2, 1], [0, 2, 1]])
    matrix = measures.confusion_matrix(logits, np.array([0, 0, 1, 1]))
    assert matrix.tolist() == [[1, 0, 1], [0, 2, 0], [0, 0, 0]]
    assert measures.accuracy(matrix) == 0.75
    assert measures.recall(matrix).tolist() == [0.5, 1, 0]
