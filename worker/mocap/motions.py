"""Recorded motions in the DeepMimic format, played at any speed, and the waving that no recording holds.

The recordings are those of the PyPI package `pybullet` (zlib licence); only making data needs it.
"""

import json
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol

import numpy as np

from app.contract.errors import MotionsMissing
from worker.mocap.body import INDEX, JOINTS, Pose
from worker.mocap.rotations import Array, about, multiply, slerp

HINGES = ("right_knee", "right_elbow", "left_knee", "left_elbow")  # one angle about z; the others a quaternion
FIELDS = 44  # of a frame: its duration, the root's place and rotation, then the joints in order


class Playable(Protocol):
    def pose(self, times: Array) -> Pose:
        """The skeleton at times (T,) in seconds."""


@dataclass(frozen=True)
class Motion:
    """A recording. Where it `wraps`, it goes on from where it ended; else it rests at its ends."""

    starts: Array  # (N,) seconds at which each frame is reached
    frames: Pose
    wraps: bool

    @property
    def seconds(self) -> float:
        return float(self.starts[-1])

    def pose(self, times: Array) -> Pose:
        if self.wraps:
            laps, within = np.divmod(times, self.seconds)
        else:
            laps, within = np.zeros_like(times), np.clip(times, 0, self.seconds)
        before = np.clip(np.searchsorted(self.starts, within, side="right") - 1, 0, len(self.starts) - 2)
        share = (within - self.starts[before]) / (self.starts[before + 1] - self.starts[before])
        root, turned = self.frames.root, self.frames.rotations
        moved = root[before] + share[:, None] * (root[before + 1] - root[before])
        stride = (root[-1] - root[0]) * (1, 0, 1)  # laps go on over the floor, never into it
        return Pose(moved + laps[:, None] * stride, slerp(turned[before], turned[before + 1], share[:, None]))


@dataclass(frozen=True)
class OnTheSpot:
    """A motion without its way over the floor."""

    motion: Playable

    def pose(self, times: Array) -> Pose:
        pose = self.motion.pose(times)
        return Pose(pose.root * (0, 1, 0), pose.rotations)


@dataclass(frozen=True)
class Wave:
    """A standing person waves one arm, `rate` times a second."""

    standing: Pose  # (1, ...)
    rate: float
    side: str = "right"
    reach: float = 0.6  # radians either way

    def pose(self, times: Array) -> Pose:
        swing = np.sin(2 * np.pi * self.rate * times)
        rotations = np.repeat(self.standing.rotations, len(times), 0)
        outward = -1.0 if self.side == "right" else 1.0
        rotations[:, INDEX[f"{self.side}_shoulder"]] = about((1, 0, 0), outward * (2.1 + self.reach * swing))
        rotations[:, INDEX[f"{self.side}_elbow"]] = multiply(
            about((1, 0, 0), -outward * 0.3), about((1, 0, 0), outward * (0.5 + 0.8 * self.reach * swing))
        )
        return Pose(np.repeat(self.standing.root, len(times), 0), rotations)


def parse_motion(text: str) -> Motion:
    """A DeepMimic motion: JSON of `Loop` and `Frames`, each frame 44 numbers, quaternions wxyz."""
    content = json.loads(text)
    rows = np.asarray(content["Frames"], np.float64)
    if rows.ndim != 2 or rows.shape[1] != FIELDS or len(rows) < 2:
        raise ValueError(f"frames of {FIELDS} numbers were expected, not an array of {rows.shape}")
    rotations, column = [], 4
    for name in JOINTS:
        if name in HINGES:
            rotations.append(about((0, 0, 1), rows[:, column]))
            column += 1
        else:
            quaternion = rows[:, column : column + 4]
            rotations.append(quaternion / np.linalg.norm(quaternion, axis=1, keepdims=True))
            column += 4
    starts = np.concatenate([[0], np.cumsum(rows[:-1, 0])])
    return Motion(starts, Pose(rows[:, 1:4], np.stack(rotations, 1)), content.get("Loop") == "wrap")


def motions_folder() -> Path:
    spec = find_spec("pybullet_data")
    if spec is None or not spec.submodule_search_locations:
        raise MotionsMissing(
            "The recorded motions are not here: they come with the package pybullet. "
            "Install it with: pip install 'kinetoscope[train]'"
        )
    return Path(spec.submodule_search_locations[0]) / "data" / "motions"


def motion_names() -> list[str]:
    return sorted(path.stem.removeprefix("humanoid3d_") for path in motions_folder().glob("humanoid3d_*.txt"))


@cache
def read_motion(name: str) -> Motion:
    path = motions_folder() / f"humanoid3d_{name}.txt"
    try:
        return parse_motion(path.read_text())
    except (OSError, ValueError, KeyError) as error:
        raise MotionsMissing(
            f"The motion {path} cannot be read ({error}). Install the package anew: "
            "pip install --force-reinstall pybullet==3.2.7"
        ) from None


def standing() -> Pose:
    """Upright, arms down: (1, ...)."""
    return read_motion("jump").pose(np.zeros(1))
