"""The static background: floor, wall, distractor boxes, and the red mat."""

from dataclasses import dataclass, field

import cv2
import numpy as np

from worker.mocap.scenes.camera import Camera
from worker.mocap.scenes.patterns import Colour, Pixels, random_colour, random_surface
from worker.mocap.scenes.rotations import Array
from worker.mocap.scenes.solids import draw_polygon

TEXELS_PER_METRE = 64  # of floor and wall
TEXTURE_TEXELS = 256  # a side: 4 m, then the texture repeats
WALL_DISTANCE_METRES = (1.6, 4.0)  # behind the camera's target


@dataclass(frozen=True)
class Box:
    """An upright box on the floor.

    `at` is the centre of its base, `sides` its lengths along its own x, y (up) and z in metres, `angle` its angle about
    the vertical in radians.
    """

    at: Array
    sides: tuple[float, float, float]
    angle: float
    tone: Colour

    def draw(self, canvas: Pixels, camera: Camera) -> None:
        forward = np.array([np.cos(self.angle), 0, np.sin(self.angle)])
        axes = np.stack([forward, [0, 1, 0], [-np.sin(self.angle), 0, np.cos(self.angle)]])
        half = np.array(self.sides)[:, None] * axes / 2
        middle = self.at + half[1]
        eye = camera.target + camera.axes[2] * camera.distance
        for axis in range(3):
            side = 1 if (eye - middle) @ axes[axis] > 0 else -1
            one, other = half[(axis + 1) % 3], half[(axis + 2) % 3]
            face = middle + side * half[axis]
            if (eye - face) @ axes[axis] * side <= 0:
                continue
            corners = np.stack([face - one - other, face + one - other, face + one + other, face - one + other])
            pixels, depth = camera.project(corners)
            if depth.min() > 0.3:
                draw_polygon(canvas, pixels, self.tone * np.float32((0.75, 1.0, 0.6)[axis]))


@dataclass(frozen=True)
class Backdrop:
    """Floor and wall textures, where the wall is, and the boxes on the floor."""

    floor: Pixels
    wall: Pixels
    wall_at: float  # metres behind the camera's target
    wall_angle: float  # radians away from facing the camera
    boxes: tuple[Box, ...] = field(default=())

    def draw(self, camera: Camera, size: int) -> Pixels:
        """Return the picture (size, size, 3), RGB over [0, 255]."""
        origin = camera.target * (1, 0, 1) + camera.ground_forward * self.wall_at
        cosine, sine = np.cos(self.wall_angle), np.sin(self.wall_angle)
        along = cosine * camera.ground_right + sine * camera.ground_forward
        up = np.array([0.0, 1, 0])
        across = np.array([1.0, 0, 0]), np.array([0.0, 0, 1])
        canvas = _warp_texture(self.wall, camera.plane(origin, along / TEXELS_PER_METRE, up / TEXELS_PER_METRE), size)
        floor = _warp_texture(
            self.floor, camera.plane(np.zeros(3), across[0] / TEXELS_PER_METRE, across[1] / TEXELS_PER_METRE), size
        )
        edge, _ = camera.project(np.stack([origin - along, origin + along]))
        slope = (edge[1, 1] - edge[0, 1]) / (edge[1, 0] - edge[0, 0])
        line = edge[0, 1] + slope * (np.arange(size) - edge[0, 0])
        share = np.clip(np.arange(size)[:, None] - line + 0.5, 0, 1).astype(np.float32)[..., None]
        canvas = np.ascontiguousarray(canvas + (floor - canvas) * share)
        for box in sorted(self.boxes, key=lambda box: -float(camera.project(box.at)[1])):
            box.draw(canvas, camera)
        return canvas


def random_backdrop(rng: np.random.Generator, camera: Camera, mat: bool, clutter: bool = True) -> Backdrop:
    """Return a random backdrop, with the red mat if `mat`, and with up to three boxes if `clutter`."""
    wall_at = float(rng.uniform(*WALL_DISTANCE_METRES))
    boxes = [red_mat(rng, camera)] if mat else []
    for _ in range(rng.integers(0, 4) if clutter else 0):
        tall = rng.random() < 0.3
        sides = (rng.uniform(0.2, 0.6), rng.uniform(1, 1.8) if tall else rng.uniform(0.2, 0.8), rng.uniform(0.2, 0.6))
        behind = rng.uniform(0.9, max(1.0, wall_at - 0.3)) * camera.ground_forward
        aside = rng.uniform(-2, 2) * camera.ground_right
        at = camera.target * (1, 0, 1) + behind + aside
        boxes.append(Box(at, sides, float(rng.uniform(0, np.pi)), random_colour(rng, saturation=0.8)))
    return Backdrop(
        random_surface(rng, TEXTURE_TEXELS),
        random_surface(rng, TEXTURE_TEXELS),
        wall_at,
        float(rng.uniform(-0.4, 0.4)),
        tuple(boxes),
    )


def red_mat(rng: np.random.Generator, camera: Camera) -> Box:
    """Return a flat red box under the camera's target."""
    tone = np.array([rng.uniform(185, 235), rng.uniform(15, 45), rng.uniform(20, 50)], np.float32)
    sides = (rng.uniform(2.2, 3.0), 0.06, rng.uniform(1.6, 2.2))
    return Box(camera.target * (1, 0, 1), sides, float(rng.uniform(0, np.pi)), tone)


def _warp_texture(texture: Pixels, plane: Array, size: int) -> Pixels:
    warped = cv2.warpPerspective(
        texture.astype(np.uint8), plane, (size, size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP
    )
    return np.asarray(warped, np.float32)
