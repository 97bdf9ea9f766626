"""The skeleton of the motions, and where its joints are in a pose: forward kinematics.

Metres; x forward, y up, z to the right. The bone lengths are those of the DeepMimic humanoid that the motions
were fitted to (Peng et al. 2018, arXiv 1804.02717).
"""

from dataclasses import dataclass

import numpy as np

from worker.mocap.rotations import Array, multiply, rotate

JOINTS: dict[str, tuple[str, tuple[float, float, float]]] = {  # its parent, its place in the parent's frame
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
ENDS: dict[str, tuple[str, tuple[float, float, float]]] = {  # rigid with their joint
    "head": ("neck", (0.015, 0.165, 0)),
    "right_wrist": ("right_elbow", (0, -0.259, 0)),
    "left_wrist": ("left_elbow", (0, -0.259, 0)),
    "right_heel": ("right_ankle", (-0.045, -0.045, 0)),
    "right_toe": ("right_ankle", (0.135, -0.055, 0)),
    "left_heel": ("left_ankle", (-0.045, -0.045, 0)),
    "left_toe": ("left_ankle", (0.135, -0.055, 0)),
}
INDEX = {name: index for index, name in enumerate(JOINTS)}


@dataclass(frozen=True)
class Pose:
    """T moments of a moving skeleton."""

    root: Array  # (T, 3)
    rotations: Array  # (T, len(JOINTS), 4), each in its parent's frame


@dataclass(frozen=True)
class Body:
    """The same moments in the world."""

    places: dict[str, Array]  # of every joint and end, (T, 3)
    head: Array  # which way the head is turned, (T, 4)


def forward_kinematics(pose: Pose) -> Body:
    turned: dict[str, Array] = {}
    places: dict[str, Array] = {}
    for index, (name, (parent, offset)) in enumerate(JOINTS.items()):
        own = pose.rotations[:, index]
        turned[name] = multiply(turned[parent], own) if parent else own
        places[name] = places[parent] + rotate(turned[parent], np.array(offset)) if parent else pose.root
    for name, (joint, offset) in ENDS.items():
        places[name] = places[joint] + rotate(turned[joint], np.array(offset))
    return Body(places, turned["neck"])
