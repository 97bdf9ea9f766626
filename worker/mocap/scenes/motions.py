"""Motions of a skeleton: recordings in the DeepMimic format, and waving, of which there is no recording.

The recordings come with the PyPI package `pybullet` (zlib licence). Only making data needs them.
"""

import json
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol

import numpy as np

from app.contract.errors import MotionsMissing
from worker.mocap.scenes.body import JOINT_INDEX, JOINTS, Pose
from worker.mocap.scenes.rotations import Array, axis_rotation, multiply, slerp

# Joints with one angle about z; the others have a quaternion
HINGE_JOINTS = ("right_knee", "right_elbow", "left_knee", "left_elbow")
NUMBERS_PER_FRAME = 44  # duration, position and rotation of the root, then the joints in order


class Motion(Protocol):
    """Anything that gives the pose of a skeleton at any time."""

    def pose(self, times: Array) -> Pose:
        """Return the pose at times (T,) in seconds."""


@dataclass(frozen=True)
class RecordedMotion:
    """A recorded motion. With `wraps` it repeats and keeps moving forward; else the body rests before and after."""

    frame_times: Array  # (N,) seconds
    frames: Pose
    wraps: bool

    @property
    def seconds(self) -> float:
        return float(self.frame_times[-1])

    def pose(self, times: Array) -> Pose:
        if self.wraps:
            laps, within = np.divmod(times, self.seconds)
        else:
            laps, within = np.zeros_like(times), np.clip(times, 0, self.seconds)
        before = np.clip(np.searchsorted(self.frame_times, within, side="right") - 1, 0, len(self.frame_times) - 2)
        share = (within - self.frame_times[before]) / (self.frame_times[before + 1] - self.frame_times[before])
        root, rotations = self.frames.root, self.frames.rotations
        moved = root[before] + share[:, None] * (root[before + 1] - root[before])
        stride = (root[-1] - root[0]) * (1, 0, 1)  # repetitions advance over the floor, never up or down
        return Pose(moved + laps[:, None] * stride, slerp(rotations[before], rotations[before + 1], share[:, None]))


@dataclass(frozen=True)
class InPlaceMotion:
    """A motion in place: without its movement over the floor."""

    motion: Motion

    def pose(self, times: Array) -> Pose:
        pose = self.motion.pose(times)
        return Pose(pose.root * (0, 1, 0), pose.rotations)


@dataclass(frozen=True)
class WavingMotion:
    """A standing person who waves one arm `rate` times a second."""

    standing: Pose  # (1, ...)
    rate: float
    side: str = "right"
    reach: float = 0.6  # radians to each side

    def pose(self, times: Array) -> Pose:
        swing = np.sin(2 * np.pi * self.rate * times)
        rotations = np.repeat(self.standing.rotations, len(times), 0)
        outward = -1.0 if self.side == "right" else 1.0
        rotations[:, JOINT_INDEX[f"{self.side}_shoulder"]] = axis_rotation(
            (1, 0, 0), outward * (2.1 + self.reach * swing)
        )
        rotations[:, JOINT_INDEX[f"{self.side}_elbow"]] = multiply(
            axis_rotation((1, 0, 0), -outward * 0.3),
            axis_rotation((1, 0, 0), outward * (0.5 + 0.8 * self.reach * swing)),
        )
        return Pose(np.repeat(self.standing.root, len(times), 0), rotations)


def parse_motion(text: str) -> RecordedMotion:
    """Read a DeepMimic motion: JSON with `Loop` and `Frames`, each frame 44 numbers, quaternions as wxyz.

    Raises ValueError or KeyError if the text is something else.
    """
    content = json.loads(text)
    rows = np.asarray(content["Frames"], np.float64)
    if rows.ndim != 2 or rows.shape[1] != NUMBERS_PER_FRAME or len(rows) < 2:
        raise ValueError(f"frames of {NUMBERS_PER_FRAME} numbers were expected, not an array of {rows.shape}")
    rotations, column = [], 4
    for name in JOINTS:
        if name in HINGE_JOINTS:
            rotations.append(axis_rotation((0, 0, 1), rows[:, column]))
            column += 1
        else:
            quaternion = rows[:, column : column + 4]
            rotations.append(quaternion / np.linalg.norm(quaternion, axis=1, keepdims=True))
            column += 4
    starts = np.concatenate([[0], np.cumsum(rows[:-1, 0])])
    return RecordedMotion(starts, Pose(rows[:, 1:4], np.stack(rotations, 1)), content.get("Loop") == "wrap")


def find_motions_folder() -> Path:
    """Return the folder of the recorded motions. Raises MotionsMissing if pybullet is not installed."""
    spec = find_spec("pybullet_data")
    if spec is None or not spec.submodule_search_locations:
        raise MotionsMissing(
            "The recorded motions are not here: they come with the package pybullet. "
            "Install it with: pip install 'kinetoscope[train]'"
        )
    return Path(spec.submodule_search_locations[0]) / "data" / "motions"


def motion_names() -> list[str]:
    """Return the names of all recorded motions, sorted."""
    return sorted(path.stem.removeprefix("humanoid3d_") for path in find_motions_folder().glob("humanoid3d_*.txt"))


@cache
def read_motion(name: str, folder: Path | None = None) -> RecordedMotion:
    """Return a recorded motion, from the folder of the package pybullet if no other is given.

    Raises MotionsMissing if the package is not installed or the file is damaged.
    """
    path = (folder or find_motions_folder()) / f"humanoid3d_{name}.txt"
    try:
        return parse_motion(path.read_text())
    except (OSError, ValueError, KeyError) as error:
        raise MotionsMissing(
            f"The motion {path} cannot be read ({error}). Install the package anew: "
            "pip install --force-reinstall pybullet==3.2.7"
        ) from None


def standing_pose() -> Pose:
    """Return the pose (1, ...) of a person who stands upright with the arms down."""
    return read_motion("jump").pose(np.zeros(1))
