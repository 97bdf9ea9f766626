"""Intervals of shares, against published values."""

import numpy as np
import pytest

from worker.evidence.repairs.proportions import paired_difference, sign_flip_p, wilson_interval
from worker.evidence.types import Floats


def shares(ones: int, count: int) -> Floats:
    return np.array([1.0] * ones + [0.0] * (count - ones))


def test_wilson_interval() -> None:
    """Newcombe 1998 (Statistics in Medicine 17:857), table I: 81 of 263 and 15 of 148, 0 of 20."""
    for ones, count, low, high in ((81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611)):
        interval = wilson_interval(shares(ones, count))
        assert interval.low == pytest.approx(low, abs=1e-4)
        assert interval.high == pytest.approx(high, abs=1e-4)


def test_differences_of_the_same_clips() -> None:
    """All against none of a few clips: the interval excludes zero and has a width; alike: it holds zero."""
    every = paired_difference(shares(6, 6), shares(0, 6))
    assert every.value == 1
    assert 0.3 < every.low < 0.5
    same = paired_difference(shares(3, 6), shares(3, 6))
    assert same.value == 0
    assert same.low <= 0 <= same.high


def test_changes_of_sign() -> None:
    assert sign_flip_p(np.ones(5)) == pytest.approx(1 / 32)
    assert sign_flip_p(np.zeros(5)) == 1
    assert sign_flip_p(np.ones(30)) < 0.001
