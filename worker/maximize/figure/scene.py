"""What is optimized: the parameters of a scene, and the solids that they put before the camera.

A scene has figures or a ball on a floor before a wall. Everything that moves is a curve over the frames: a sum of the
first CURVES cosines, so that it is smooth. Joint angles stay within their limits, and figures and balls stand on the
floor unless they are lifted, whatever the parameters are.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import pi

import torch
from torch import Tensor

from worker.maximize.figure.skeleton import (
    CAPSULES,
    JOINT_INDEX,
    JOINTS,
    angle_limits,
    forward_kinematics,
    lowest_point,
    rest_angles,
    root_rotation,
)
from worker.maximize.parameterizations import cosines

CURVES = 4  # cosines of every curve over the frames
PARTS = ("shirt", "cuffs", "trousers", "shins", "shoes")  # of the wardrobe, whose colours are free
SKIN = ((0.93, 0.78, 0.66), (0.40, 0.26, 0.19))  # RGB over [0, 1]: skin is between these
HAIR = ((0.10, 0.08, 0.07), (0.72, 0.58, 0.36))
WALL_GRID = (3, 4)  # colours of the wall, bent together
LIFT_SOFTNESS = 0.06  # metres
LENGTH_RANGE, BREADTH_RANGE, HEIGHT_RANGE = 0.1, 0.2, 0.08  # largest relative deviations from the average
ELEVATIONS = (0.05, 0.5)  # radians, of the camera
VIEW_METRES = (2.1, 3.2)  # width of the picture at the figure
CAMERA_METRES = 5.5  # distance
AIM_METRES = 0.8  # height that the camera looks at

Parameters = Mapping[str, Tensor]  # (B, ...) each


@dataclass(frozen=True)
class Kind:
    """How many figures and balls a scene has."""

    name: str
    figures: int
    balls: int = 0


ONE_FIGURE, TWO_FIGURES, BALL = Kind("one figure", 1), Kind("two figures", 2), Kind("ball", 0, 1)
KINDS = (ONE_FIGURE, TWO_FIGURES, BALL)

# Root mean square of the first step of each parameter, by the first letters of its name
STEP_SIZES = {
    "root": 0.06,
    "pose": 0.07,
    "path": 0.04,
    "lift": 0.03,
    "camera": 0.03,
    "pan": 0.1,
    "shape": 0.03,
    "colour": 0.05,
    "pattern": 0.06,
    "wall": 0.03,
    "floor": 0.03,
    "mat": 0.03,
    "ball": 0.02,
}


@dataclass(frozen=True)
class Bodies:
    """The solids of scenes at T frames, in metres: F figures, or balls, of scenes in a batch B."""

    joints: Tensor  # (B, F, T, J, 3)
    head: Tensor  # rotations (B, F, T, 3, 3)
    starts: Tensor  # of capsules, (B, T, K, 3)
    ends: Tensor
    radii: Tensor  # at both ends, (B, K, 2)


def draw_parameters(kind: Kind, frames: int, generator: torch.Generator) -> dict[str, Tensor]:
    """Return the parameters of one random scene, a batch of 1: a pose, a motion, colours and a camera."""

    def normal(*shape: int, std: float = 1.0) -> Tensor:
        return torch.randn(1, *shape, generator=generator) * std

    def choice(*weights: float) -> int:
        return int(torch.multinomial(torch.tensor(weights), 1, generator=generator))

    muted = torch.tensor([1.0, 0.5, 0.5])  # less colour in the surroundings
    movers, curves = kind.figures + kind.balls, min(CURVES, frames)
    found: dict[str, Tensor] = {
        "path": normal(movers, 2, curves, std=0.12) * torch.tensor([0.6, *[0.8] * (curves - 1)]),
        "camera": normal(3, std=0.6),  # elevation, width of the view, how far it follows
        "pan": normal(2, curves, std=0.1)
        * torch.tensor([[20.0, *[1.0] * (curves - 1)], [20.0, *[0.5] * (curves - 1)]]),
        "wall": normal(3) * muted,
        "wall_grid": normal(3, *WALL_GRID, std=0.3),
        "floor": normal(3) * muted,
        "mat": torch.cat([normal(3, std=1.2), normal(1) - 0.5, normal(1, std=0.8), normal(2, std=0.3)], -1),
    }
    if kind.figures:
        people = kind.figures
        spin = (0.1, 0.1, 0.1)  # standard deviations of the motion of yaw, pitch and roll
        tilt = normal(people, 2, std=0.15)
        posture = choice(0.4, 0.38, 0.22)  # upright, anyhow, turning over
        if posture == 1:
            tilt = (torch.rand(1, people, 2, generator=generator) * 2 - 1) * torch.tensor([pi, 0.6])
        elif posture == 2:
            spin = (0.3, 1.2, 0.8)
            tilt = (torch.rand(1, people, 2, generator=generator) * 2 - 1) * torch.tensor([pi, pi / 2])
        yaw = torch.rand(1, people, 1, generator=generator) * 2 * pi
        middle = torch.cat([yaw, tilt], -1)[..., None]
        turning = normal(people, 3, curves - 1) * torch.tensor(spin)[:, None] * decay(curves)
        found["root"] = torch.cat([middle, turning], -1)
        found["pose"] = torch.cat(
            [
                normal(people, len(JOINTS), 3, 1, std=0.9 if posture == 0 else 1.4),
                normal(people, len(JOINTS), 3, curves - 1, std=0.9) * decay(curves),
            ],
            -1,
        )
        found["lift"] = torch.cat([normal(people, 1, std=0.12) - 0.2, normal(people, curves - 1, std=0.1)], -1)
        found["shape"] = normal(people, len(JOINTS) + 2, std=0.5)
        found["colour"] = normal(people, len(PARTS), 3, std=1.5)
        found["colour_body"] = normal(people, 2, std=1.0)
        found["pattern"] = torch.cat([normal(people, 2) - 2.0, normal(people, 3, std=1.5)], -1)
        if people == 2:
            found["path"][0, :, 0, 0] += torch.tensor([-0.55, 0.55])
    else:
        found["ball"] = normal(1, std=0.5)
        found["ball_colour"] = normal(2, 3, std=1.5)
        kind_of_pattern = choice(0.5, 0.5)
        found["ball_pattern"] = normal(2, std=0.5) + torch.tensor([2.0, -2.0] if kind_of_pattern else [-2.0, 2.0])
        found["ball_facing"] = normal(3, std=1.5)
    return found


def decay(curves: int) -> Tensor:
    """Return the share (curves - 1,) that each faster cosine of a random curve has of the first."""
    return 1 / torch.arange(1, curves)


def stack_parameters(scenes: list[dict[str, Tensor]]) -> dict[str, Tensor]:
    """Return scenes of one kind as one batch."""
    return {name: torch.cat([scene[name] for scene in scenes]) for name in scenes[0]}


def select(parameters: Parameters, rows: slice) -> dict[str, Tensor]:
    """Return some scenes of a batch."""
    return {name: value[rows] for name, value in parameters.items()}


def over_frames(curves: Tensor, frames: int) -> Tensor:
    """Return curves (..., C) at the frames: (..., T), the first coefficient being the mean."""
    basis = cosines(frames)[: curves.shape[-1]] * frames**0.5 / 2**0.5
    basis = torch.cat([torch.ones(1, frames, dtype=basis.dtype), basis[1:]]).to(curves)
    return curves @ basis


def joint_angles(pose: Tensor, frames: int) -> Tensor:
    """Return angles within their limits, (..., T, J, 3), of pose curves (..., J, 3, C); curves of 0 are the rest."""
    low, high = angle_limits().to(pose)
    span = (high - low).clamp_min(1e-3)
    share = ((rest_angles().to(pose) - low) / span).clamp(0.03, 0.97)
    curve = over_frames(pose, frames) + share.logit()[..., None]
    angles: Tensor = low[..., None] + (high - low)[..., None] * curve.sigmoid()
    return angles.movedim(-1, -3)


def place_bodies(parameters: Parameters, kind: Kind, frames: int) -> Bodies:
    """Return the solids of scenes at every frame."""
    path = over_frames(parameters["path"], frames)  # (B, F, 2, T)
    if kind.balls:
        radius = ball_radius(parameters)
        centres = torch.stack([path[:, :, 0], radius[:, None, None].expand_as(path[:, :, 0]), path[:, :, 1]], -1)
        at = centres.transpose(1, 2)  # (B, T, 1, 3)
        none = centres.new_zeros(len(radius), 0)
        return Bodies(none, none, at, at, torch.stack([radius, radius], -1)[:, None])
    lift = LIFT_SOFTNESS * torch.nn.functional.softplus(over_frames(parameters["lift"], frames) / LIFT_SOFTNESS)
    yaw, pitch, roll = over_frames(parameters["root"], frames).unbind(2)
    shape = parameters["shape"].tanh()
    root = root_rotation(yaw, pitch, roll)
    lengths = paired_lengths(shape[..., : len(JOINTS)])[:, :, None].expand(*yaw.shape, -1)
    joints, head = forward_kinematics(root, joint_angles(parameters["pose"], frames), lengths)
    height = (lift - lowest_point(joints))[..., None]
    ground = torch.stack([path[:, :, 0], torch.zeros_like(lift), path[:, :, 1]], -1)[..., None, :]
    up = torch.nn.functional.pad(height[..., None], (1, 1))
    joints = (joints + up) * (1 + HEIGHT_RANGE * shape[..., -1])[..., None, None, None] + ground
    starts = joints[..., [JOINT_INDEX[capsule.start] for capsule in CAPSULES], :]
    ends = joints[..., [JOINT_INDEX[capsule.end] for capsule in CAPSULES], :]
    radii = torch.tensor([capsule.radii for capsule in CAPSULES]).to(joints)
    breadth = 1 + BREADTH_RANGE * shape[..., -2]
    return Bodies(
        joints,
        head,
        starts.transpose(1, 2).flatten(2, 3),
        ends.transpose(1, 2).flatten(2, 3),
        (radii * breadth[..., None, None]).flatten(1, 2),
    )


def ball_radius(parameters: Parameters) -> Tensor:
    """Return the radius of the ball (B,) in metres."""
    return 0.28 + 0.2 * parameters["ball"][:, 0].sigmoid()


def paired_lengths(deviations: Tensor) -> Tensor:
    """Return factors of bone lengths (..., J) from deviations in [-1, 1]; left and right limbs are alike."""
    sources = [JOINT_INDEX[joint.name.replace("left_", "right_")] for joint in JOINTS]
    return 1 + LENGTH_RANGE * deviations[..., sources]
