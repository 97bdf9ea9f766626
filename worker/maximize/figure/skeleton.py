"""The figure that is assumed: its joints, bone lengths, joint limits and capsules, and forward kinematics.

Units are metres and radians; x points forward, y up, z to the figure's right. Lengths are those of an average adult.
A rotation is Rz(flexion) Rx(abduction) Ry(twist), relative to the parent.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

SIDES = {"right": 1.0, "left": -1.0}


@dataclass(frozen=True)
class Joint:
    """A joint or an end point: its parent, its position in the parent's frame, and the limits of its three angles."""

    name: str
    parent: str
    offset: tuple[float, float, float]
    flexion: tuple[float, float] = (0.0, 0.0)
    abduction: tuple[float, float] = (0.0, 0.0)  # away from the body
    twist: tuple[float, float] = (0.0, 0.0)


def _limb_joints(side: str) -> tuple[Joint, ...]:
    z = SIDES[side]
    return (
        Joint(f"{side}_hip", "root", (0, -0.02, 0.09 * z), (-0.5, 2.0), (-0.2, 0.9), (-0.4, 0.4)),
        Joint(f"{side}_knee", f"{side}_hip", (0, -0.42, 0), (-2.3, 0.0)),
        Joint(f"{side}_ankle", f"{side}_knee", (0, -0.41, 0), (-0.6, 0.4)),
        Joint(f"{side}_toe", f"{side}_ankle", (0.14, -0.05, 0)),
        Joint(f"{side}_shoulder", "chest", (-0.01, 0.23, 0.18 * z), (-0.8, 3.0), (-0.1, 2.4), (-1.0, 1.0)),
        Joint(f"{side}_elbow", f"{side}_shoulder", (0, -0.28, 0), (0.0, 2.4)),
        Joint(f"{side}_wrist", f"{side}_elbow", (0, -0.27, 0)),
    )


JOINTS = (
    Joint("root", "", (0, 0, 0)),
    Joint("chest", "root", (0, 0.23, 0), (-1.0, 0.35), (-0.35, 0.35), (-0.5, 0.5)),  # a bend forward is below 0
    Joint("neck", "chest", (0, 0.25, 0), (-0.6, 0.5), (-0.3, 0.3), (-0.7, 0.7)),
    Joint("head", "neck", (0.02, 0.16, 0)),
    *_limb_joints("right"),
    *_limb_joints("left"),
)
JOINT_INDEX = {joint.name: index for index, joint in enumerate(JOINTS)}


@dataclass(frozen=True)
class Capsule:
    """A capsule between two joints, with a radius at each, covered by two parts of the wardrobe (see `scene`)."""

    start: str
    end: str
    radii: tuple[float, float]
    part: str
    end_part: str  # of the last fifth


def _limb_capsules(side: str) -> tuple[Capsule, ...]:
    return (
        Capsule(f"{side}_shoulder", f"{side}_elbow", (0.065, 0.05), "shirt", "shirt"),
        Capsule(f"{side}_elbow", f"{side}_wrist", (0.048, 0.042), "cuffs", "skin"),
        Capsule(f"{side}_hip", f"{side}_knee", (0.095, 0.066), "trousers", "trousers"),
        Capsule(f"{side}_knee", f"{side}_ankle", (0.064, 0.045), "shins", "shins"),
        Capsule(f"{side}_ankle", f"{side}_toe", (0.05, 0.042), "shoes", "shoes"),
    )


CAPSULES = (
    Capsule("root", "chest", (0.13, 0.14), "shirt", "shirt"),
    Capsule("chest", "neck", (0.15, 0.09), "shirt", "shirt"),
    Capsule("right_hip", "left_hip", (0.105, 0.105), "trousers", "trousers"),
    Capsule("right_shoulder", "left_shoulder", (0.07, 0.07), "shirt", "shirt"),
    Capsule("neck", "head", (0.05, 0.118), "skin", "skin"),
    *_limb_capsules("right"),
    *_limb_capsules("left"),
)
HEAD = next(index for index, capsule in enumerate(CAPSULES) if capsule.end == "head")
TORSO = (0, 1)  # the capsules that a pattern of the shirt covers
LOWEST_SHARPNESS = 60.0  # 1/m, of the soft minimum of heights that stands on the floor


def angle_limits() -> Tensor:
    """Return the lower and upper limit of each angle, (2, J, 3) in radians; both are 0 where a joint is fixed."""
    limits = [[joint.flexion, joint.abduction, joint.twist] for joint in JOINTS]
    return torch.tensor(limits).permute(2, 0, 1)


def rest_angles() -> Tensor:
    """Return the angles (J, 3) in radians of a person who stands upright with the arms down."""
    rest = angle_limits().sum(0).mul(0)
    for side in SIDES:
        rest[JOINT_INDEX[f"{side}_shoulder"], 1] = 0.15
        rest[JOINT_INDEX[f"{side}_elbow"], 0] = 0.3
        rest[JOINT_INDEX[f"{side}_hip"], 1] = 0.05
        rest[JOINT_INDEX[f"{side}_knee"], 0] = -0.15
    return rest


def rotations(angles: Tensor) -> Tensor:
    """Return Rz(flexion) Rx(abduction) Ry(twist), (..., 3, 3), of angles (..., 3) in radians."""
    (cz, cx, cy), (sz, sx, sy) = angles.cos().unbind(-1), angles.sin().unbind(-1)
    rows = (
        (cz * cy - sz * sx * sy, -sz * cx, cz * sy + sz * sx * cy),
        (sz * cy + cz * sx * sy, cz * cx, sz * sy - cz * sx * cy),
        (-cx * sy, sx, cx * cy),
    )
    return torch.stack([torch.stack(row, -1) for row in rows], -2)


def root_rotation(yaw: Tensor, pitch: Tensor, roll: Tensor) -> Tensor:
    """Return Ry(yaw) Rx(roll) Rz(pitch), (..., 3, 3): a somersault is in `pitch`, a cartwheel in `roll`."""
    zero = torch.zeros_like(yaw)
    turned = rotations(torch.stack([zero, zero, yaw], -1)) @ rotations(torch.stack([zero, roll, zero], -1))
    return turned @ rotations(torch.stack([pitch, zero, zero], -1))


def forward_kinematics(root: Tensor, angles: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
    """Return joint positions (..., J, 3), the root at the origin, and the rotation of the head (..., 3, 3).

    From the root's rotation (..., 3, 3), angles (..., J, 3) within their limits, and factors of bone lengths (..., J).
    """
    outward = torch.ones(len(JOINTS), 3, device=angles.device)
    for name, place in JOINT_INDEX.items():
        side = SIDES.get(name.partition("_")[0], -1.0)
        outward[place, 1:] = -side  # about x and y, left and right are mirrored
    local = rotations(angles * outward)
    offsets = torch.tensor([joint.offset for joint in JOINTS], device=angles.device) * lengths[..., None]
    turned, positions = [root], [torch.zeros_like(root[..., 0])]
    for index, joint in enumerate(JOINTS[1:], 1):
        parent = JOINT_INDEX[joint.parent]
        positions.append(positions[parent] + (turned[parent] @ offsets[..., index, :, None])[..., 0])
        is_fixed = joint.flexion == joint.abduction == joint.twist == (0.0, 0.0)
        turned.append(turned[parent] if is_fixed else turned[parent] @ local[..., index, :, :])
    return torch.stack(positions, -2), turned[JOINT_INDEX["neck"]]


def surface_heights(positions: Tensor) -> Tensor:
    """Return how high the lowest point of the surface around each joint is, (..., J), from positions (..., J, 3)."""
    radii = torch.full((len(JOINTS),), 0.05, device=positions.device)
    for capsule in CAPSULES:
        for name, radius in zip((capsule.start, capsule.end), capsule.radii, strict=True):
            radii[JOINT_INDEX[name]] = radius
    return positions[..., 1] - radii


def lowest_point(positions: Tensor) -> Tensor:
    """Return a soft minimum of the heights (...) of the body's surface, from joint positions (..., J, 3)."""
    heights = surface_heights(positions)
    return -torch.logsumexp(-LOWEST_SHARPNESS * heights, -1) / LOWEST_SHARPNESS
