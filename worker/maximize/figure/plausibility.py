"""What a scene is held to beside its unit.

Smooth motion, feet that do not slide, bodies that fall where nothing carries them, stay in view and are upright where
nothing speaks against it, a steady camera, and poses and colours that are not extreme.
"""

import torch
from torch import Tensor

from worker.maximize.figure.projection import Camera
from worker.maximize.figure.scene import Bodies, Parameters, over_frames
from worker.maximize.figure.skeleton import JOINT_INDEX, surface_heights

ACCELERATION_M = 0.05  # metres a frame, by frame, that count as 1
SLIDE_M = 0.04  # metres a frame over the floor that count as 1
GRAVITY_M = 0.0157  # metres a frame, by frame, at 25 frames a second
AIRBORNE_M = 0.15  # height over which a body falls freely
CONTACT_M = 0.05  # height over which a foot or hand loses contact
PAN_PX = 1.0  # pixels a frame of a camera that count as 1
IN_VIEW = 0.9  # share of half the picture that bodies stay within
APART_M = 0.9  # metres between two figures
WEIGHTS = {
    "acceleration": 0.02,
    "sliding": 0.02,
    "pan": 0.05,
    "out of view": 10.0,
    "overlap": 2.0,
    "hovering": 0.3,
    "tilt": 0.5,
    "pose": 0.25,
    "colours": 0.2,
}
# Standard deviations of parameters that count as 1
POSE_STD = 1.2
COLOUR_STDS = {
    "colour": 1.5,
    "colour_body": 1.0,
    "pattern": 2.0,
    "wall": 1.0,
    "wall_grid": 0.3,
    "floor": 1.0,
    "mat": 1.2,
}
FOOTING = [JOINT_INDEX[f"{side}_{joint}"] for side in ("right", "left") for joint in ("ankle", "toe", "wrist")]


def implausibility(parameters: Parameters, bodies: Bodies, camera: Camera, side: int) -> dict[str, Tensor]:
    """Return how far scenes are from plausible by each measure, (B,) each, before its weight."""
    middles = (bodies.starts + bodies.ends) / 2 if not bodies.joints.numel() else None
    points = bodies.joints if middles is None else middles.transpose(1, 2)[:, :, :, None]  # (B, F, T, J, 3)
    found = {"acceleration": (points.diff(n=2, dim=2) / ACCELERATION_M).square().sum(-1).flatten(1).mean(1)}
    pan = over_frames(parameters["pan"], points.shape[2]).diff(dim=-1)
    found["pan"] = (pan / PAN_PX).square().flatten(1).mean(1)
    pixels, _ = camera.project(points.transpose(1, 2))
    found["out of view"] = (pixels.abs() / (side / 2) - IN_VIEW).clamp_min(0).square().flatten(1).mean(1)
    colours = [
        (parameters[name] / std).square().flatten(1).mean(1) for name, std in COLOUR_STDS.items() if name in parameters
    ]
    found["colours"] = torch.stack(colours).mean(0)
    if middles is None:
        found["pose"] = (parameters["pose"] / POSE_STD).square().flatten(1).mean(1)
        found["tilt"] = _tilt(bodies.joints)
        found["hovering"] = _hovering(bodies.joints)
        feet = bodies.joints[:, :, :, FOOTING]
        speed = feet[..., [0, 2]].diff(dim=2).square().sum(-1) / SLIDE_M**2
        contact = (-(feet[..., 1] - 0.05).clamp_min(0) / CONTACT_M).exp()[:, :, 1:]
        found["sliding"] = (contact * speed).flatten(1).mean(1)
        if points.shape[1] == 2:
            between = points[:, 0, :, 0, [0, 2]] - points[:, 1, :, 0, [0, 2]]
            found["overlap"] = (APART_M - between.square().sum(-1).add(1e-6).sqrt()).clamp_min(0).square().mean(1)
    return found


def _tilt(joints: Tensor) -> Tensor:
    """Return 0 for figures (B, F, T, J, 3) whose spines are upright in the mean over frames, 2 for upside down."""
    spine = joints[..., JOINT_INDEX["neck"], :] - joints[..., JOINT_INDEX["root"], :]
    tilt: Tensor = 1 - (spine[..., 1] / spine.norm(dim=-1)).flatten(1).mean(1)
    return tilt


def _hovering(joints: Tensor) -> Tensor:
    """Return how far bodies (B, F, T, J, 3) in the air are from falling freely: 1 where they hover all the time."""
    height = (surface_heights(joints).amin(-1)[..., 1:-1] - CONTACT_M).clamp_min(0)
    in_air = 1 - (-height / AIRBORNE_M).exp()
    fall = joints[..., 1].mean(-1).diff(n=2, dim=-1) / GRAVITY_M + 1
    hovering: Tensor = (in_air * fall.square().clamp_max(9)).flatten(1).mean(1)
    return hovering


def weighted(measures: dict[str, Tensor]) -> Tensor:
    """Return the weighted sum of measures, (B,)."""
    return torch.stack([WEIGHTS[name] * value for name, value in measures.items()]).sum(0)
