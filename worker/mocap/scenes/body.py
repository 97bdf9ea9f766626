"""The skeleton, and the positions of its joints in a pose (forward kinematics).

Units are metres; x points forward, y up, z to the right. The bone lengths are those of the DeepMimic humanoid, to
which the recorded motions were fitted (Peng et al. 2018, arXiv 1804.02717).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from worker.mocap.scenes.rotations import Array, multiply, rotate

JOINTS: dict[str, tuple[str, tuple[float, float, float]]] = {  # parent joint, position in its frame
    "root": ("", (0, 0, 0)),
    "chest": ("root", (0, 0.236, 0)),
    "neck": ("chest", (0, 0.224, 0)),
    "right_hip": ("root", (0, 0, 0.085)),
    "right_knee": ("right_hip", (0, -0.422, 0)),
    "right_ankle": ("right_knee", (0, -0.410, 0)),
    "right_shoulder": ("chest", (-0.024, 0.244, 0.183)),
    "right_elbow": ("right_shoulder", (0, -0.275, 0)),
    "left_hip": ("root", (0, 0, -0.085)),
    "left_knee": ("left_hip", (0, -0.422, 0)),
    "left_ankle": ("left_knee", (0, -0.410, 0)),
    "left_shoulder": ("chest", (-0.024, 0.244, -0.183)),
    "left_elbow": ("left_shoulder", (0, -0.275, 0)),
}
END_POINTS: dict[str, tuple[str, tuple[float, float, float]]] = {  # fixed to a joint: joint, position in its frame
    "head": ("neck", (0.015, 0.165, 0)),
    "right_wrist": ("right_elbow", (0, -0.259, 0)),
    "left_wrist": ("left_elbow", (0, -0.259, 0)),
    "right_heel": ("right_ankle", (-0.045, -0.045, 0)),
    "right_toe": ("right_ankle", (0.135, -0.055, 0)),
    "left_heel": ("left_ankle", (-0.045, -0.045, 0)),
    "left_toe": ("left_ankle", (0.135, -0.055, 0)),
}
JOINT_INDEX = {name: index for index, name in enumerate(JOINTS)}


@dataclass(frozen=True)
class Pose:
    """The joint rotations of a skeleton at T moments."""

    root: Array  # (T, 3)
    rotations: Array  # (T, len(JOINTS), 4), each relative to its parent


@dataclass(frozen=True)
class Body:
    """The joint positions of a skeleton at T moments, in the world."""

    positions: dict[str, Array]  # of every joint and end point, (T, 3)
    head_rotation: Array  # rotation of the head, (T, 4)


def forward_kinematics(pose: Pose, lengths: Mapping[str, float] | None = None) -> Body:
    """Return the world positions of every joint and end point in a pose.

    `lengths` scales the bones that end in the named joints and end points; others keep their length.
    """
    scale = lengths or {}
    rotations: dict[str, Array] = {}
    positions: dict[str, Array] = {}
    for index, (name, (parent, offset)) in enumerate(JOINTS.items()):
        relative, bone = pose.rotations[:, index], np.array(offset) * scale.get(name, 1.0)
        rotations[name] = multiply(rotations[parent], relative) if parent else relative
        positions[name] = positions[parent] + rotate(rotations[parent], bone) if parent else pose.root
    for name, (joint, offset) in END_POINTS.items():
        positions[name] = positions[joint] + rotate(rotations[joint], np.array(offset) * scale.get(name, 1.0))
    return Body(positions, rotations["neck"])
