import numpy as np
import pytest

from worker.mocap.body import ENDS, INDEX, JOINTS, Pose, forward_kinematics
from worker.mocap.rotations import Array, about, multiply


def pose(**turned: Array) -> Pose:
    """Standing at the height of one metre, the named joints turned."""
    rotations = np.tile([1.0, 0, 0, 0], (1, len(JOINTS), 1))
    for name, rotation in turned.items():
        rotations[0, INDEX[name]] = rotation
    return Pose(np.array([[0.0, 1, 0]]), rotations)


def test_at_rest_every_joint_is_above_or_below_its_parent() -> None:
    places = forward_kinematics(pose()).places
    assert set(places) == {*JOINTS, *ENDS}
    assert places["neck"][0] == pytest.approx([0, 1 + 0.236 + 0.224, 0])
    assert places["right_ankle"][0] == pytest.approx([0, 1 - 0.422 - 0.410, 0.085])
    assert places["left_wrist"][0] == pytest.approx([-0.024, 1 + 0.236 + 0.244 - 0.275 - 0.259, -0.183])


def test_a_bent_knee_brings_the_shin_backward() -> None:
    places = forward_kinematics(pose(right_knee=about((0, 0, 1), -np.pi / 2))).places
    assert places["right_knee"][0] == pytest.approx([0, 1 - 0.422, 0.085])
    assert places["right_ankle"][0] == pytest.approx([-0.410, 1 - 0.422, 0.085], abs=1e-9)


def test_a_raised_arm_points_to_the_side() -> None:
    places = forward_kinematics(pose(right_shoulder=about((1, 0, 0), -np.pi / 2))).places
    shoulder = places["right_shoulder"][0]
    assert places["right_wrist"][0] - shoulder == pytest.approx([0, 0, 0.275 + 0.259], abs=1e-9)


def test_a_turned_root_turns_everything() -> None:
    turn = about((0, 1, 0), np.pi / 2)
    body = forward_kinematics(pose(root=turn, chest=about((0, 1, 0), 0.3)))
    assert body.places["left_hip"][0] == pytest.approx([-0.085, 1, 0], abs=1e-9)
    assert body.head[0] == pytest.approx(multiply(turn, about((0, 1, 0), 0.3)))


def test_bones_keep_their_length_however_joints_turn() -> None:
    rng = np.random.default_rng(0)
    rotations = rng.normal(size=(5, len(JOINTS), 4))
    rotations /= np.linalg.norm(rotations, axis=-1, keepdims=True)
    places = forward_kinematics(Pose(rng.normal(size=(5, 3)), rotations)).places
    for name, (parent, offset) in [*list(JOINTS.items())[1:], *ENDS.items()]:
        length = np.linalg.norm(places[name] - places[parent], axis=1)
        assert length == pytest.approx(np.full(5, np.linalg.norm(offset)))
