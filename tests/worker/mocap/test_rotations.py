import numpy as np
import pytest

from worker.mocap.scenes.rotations import axis_rotation, multiply, rotate, slerp

UP = (0.0, 1.0, 0.0)


def test_a_quarter_turn_about_the_vertical() -> None:
    turned = rotate(axis_rotation(UP, np.pi / 2), np.array([1.0, 0, 0]))
    assert turned == pytest.approx([0, 0, -1], abs=1e-12)


def test_a_product_turns_by_its_right_factor_first() -> None:
    first, then = axis_rotation((1, 0, 0), 0.4), axis_rotation(UP, 1.1)
    vector = np.array([0.3, -1.2, 0.7])
    assert rotate(multiply(then, first), vector) == pytest.approx(rotate(then, rotate(first, vector)))


def test_slerp_turns_evenly() -> None:
    start, end = axis_rotation(UP, 0.2), axis_rotation(UP, 1.4)
    for share in (0.0, 0.25, 1.0):
        expected = axis_rotation(UP, 0.2 + 1.2 * share)
        assert slerp(start, end, np.array(share)) == pytest.approx(expected)


def test_slerp_takes_the_shorter_way_between_either_sign() -> None:
    start, end = axis_rotation(UP, 0.2), -axis_rotation(UP, 0.6)
    assert slerp(start, end, np.array(0.5)) == pytest.approx(axis_rotation(UP, 0.4))


def test_slerp_between_equal_rotations() -> None:
    start = axis_rotation(UP, 0.3)
    assert slerp(start, start, np.array(0.7)) == pytest.approx(start)
