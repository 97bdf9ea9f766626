import numpy as np
import pytest

from worker.mocap.scenes.body import END_POINTS, JOINT_INDEX, JOINTS, Pose, forward_kinematics
from worker.mocap.scenes.rotations import Array, axis_rotation, multiply


def pose(**turned: Array) -> Pose:
    """Return a pose that stands at the height of one metre, with the named joints turned."""
    rotations = np.tile([1.0, 0, 0, 0], (1, len(JOINTS), 1))
    for name, rotation in turned.items():
        rotations[0, JOINT_INDEX[name]] = rotation
    return Pose(np.array([[0.0, 1, 0]]), rotations)


def test_at_rest_every_joint_is_above_or_below_its_parent() -> None:
    positions = forward_kinematics(pose()).positions
    assert set(positions) == {*JOINTS, *END_POINTS}
    assert positions["neck"][0] == pytest.approx([0, 1 + 0.236 + 0.224, 0])
    assert positions["right_ankle"][0] == pytest.approx([0, 1 - 0.422 - 0.410, 0.085])
    assert positions["left_wrist"][0] == pytest.approx([-0.024, 1 + 0.236 + 0.244 - 0.275 - 0.259, -0.183])


def test_a_bent_knee_brings_the_shin_backward() -> None:
    positions = forward_kinematics(pose(right_knee=axis_rotation((0, 0, 1), -np.pi / 2))).positions
    assert positions["right_knee"][0] == pytest.approx([0, 1 - 0.422, 0.085])
    assert positions["right_ankle"][0] == pytest.approx([-0.410, 1 - 0.422, 0.085], abs=1e-9)


def test_a_raised_arm_points_to_the_side() -> None:
    positions = forward_kinematics(pose(right_shoulder=axis_rotation((1, 0, 0), -np.pi / 2))).positions
    shoulder = positions["right_shoulder"][0]
    assert positions["right_wrist"][0] - shoulder == pytest.approx([0, 0, 0.275 + 0.259], abs=1e-9)


def test_a_turned_root_turns_everything() -> None:
    turn = axis_rotation((0, 1, 0), np.pi / 2)
    body = forward_kinematics(pose(root=turn, chest=axis_rotation((0, 1, 0), 0.3)))
    assert body.positions["left_hip"][0] == pytest.approx([-0.085, 1, 0], abs=1e-9)
    assert body.head_rotation[0] == pytest.approx(multiply(turn, axis_rotation((0, 1, 0), 0.3)))


def test_bones_keep_their_length_however_joints_turn() -> None:
    rng = np.random.default_rng(0)
    rotations = rng.normal(size=(5, len(JOINTS), 4))
    rotations /= np.linalg.norm(rotations, axis=-1, keepdims=True)
    positions = forward_kinematics(Pose(rng.normal(size=(5, 3)), rotations)).positions
    for name, (parent, offset) in [*list(JOINTS.items())[1:], *END_POINTS.items()]:
        length = np.linalg.norm(positions[name] - positions[parent], axis=1)
        assert length == pytest.approx(np.full(5, np.linalg.norm(offset)))
