"""Poses in the picture: how far one is from another, and which class has the nearest one."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

_PAIRED = ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")
JOINT_NAMES = ("root", "neck", "head", *(f"{side}_{part}" for side in ("right", "left") for part in _PAIRED))
SWAPPED = np.array(
    [
        JOINT_NAMES.index(
            name.replace("right", "*").replace("left", "right").replace("*", "left") if "_" in name else name
        )
        for name in JOINT_NAMES
    ]
)  # the joint that each one is in a mirror


def normalise(pose: Array) -> Array:
    """Return poses (..., J, 2) with the root at 0 and a root mean square distance of 1 from it."""
    centred = pose - pose[..., :1, :]
    size = np.sqrt((centred**2).sum(-1).mean(-1))
    return np.asarray(centred / np.maximum(size, 1e-6)[..., None, None])


def mirror(pose: Array) -> Array:
    """Return poses (..., J, 2), centred at their root, as a mirror shows them: left and right change places."""
    return np.asarray(pose[..., SWAPPED, :] * (-1, 1))


def class_distances(found: Array, real: Mapping[str, Array]) -> dict[str, float]:
    """Return how far the poses that were found (F, J, 2) are from the nearest real one (N, J, 2) of each class.

    A distance is the mean over the joints, in units of the pose's size. Of several poses that were found, the nearest
    counts; a real pose counts as it is and mirrored.
    """
    poses = normalise(found)[:, None]
    distances = {}
    for name, known in real.items():
        reference = normalise(known)
        both = np.concatenate([reference, mirror(reference)])
        distances[name] = float(np.linalg.norm(poses - both, axis=-1).mean(-1).min())
    return distances


def rank_of(name: str, distances: Mapping[str, float]) -> int:
    """Return the rank of a class by its distance: 1 where no other class is as near."""
    return 1 + sum(other <= distances[name] for key, other in distances.items() if key != name)


def ratio_of(name: str, distances: Mapping[str, float]) -> float:
    """Return the distance to a class over that to the nearest other class: below 1 where the class is the nearest."""
    return distances[name] / max(min(other for key, other in distances.items() if key != name), 1e-9)
