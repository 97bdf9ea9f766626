"""Which classes a unit detects."""

from app.analysis.detectors import detected_classes


def test_a_class_is_detected_at_twice_the_precision_of_chance() -> None:
    clips = [10, 10, 20, 60]  # by chance a class has its share of the clips as its average precision
    assert detected_classes([0.2, 0.19, 0.9, 1.0], clips, limit=4) == [2, 0]


def test_the_best_classes_come_first_and_no_more_than_asked_for() -> None:
    assert detected_classes([0.5, 0.9, 0.7], [1, 1, 8], limit=2) == [1]
    assert detected_classes([0.5, 0.9, 0.7], [1, 1, 1], limit=2) == [1, 2]
    assert detected_classes([], [], limit=5) == []
