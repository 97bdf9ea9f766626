"""Draws a clip: people and balls before a backdrop, seen by a camera that pans and shakes."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import cv2
import numpy as np
import numpy.typing as npt

from worker.mocap.backdrop import Backdrop
from worker.mocap.camera import Camera
from worker.mocap.patterns import Colour, Pixels
from worker.mocap.people import HEAD_RADIUS, LIMBS, Person
from worker.mocap.rotations import Array
from worker.mocap.solids import Light, Plane, draw_ball, draw_capsule

Frames = npt.NDArray[np.uint8]

SHADOW = 0.45  # of the floor's brightness is taken away
GRAIN = 2.0  # sensor noise, of 255
STRIPES = 2.0  # of either tone over the radius of a ball
DOT = np.cos(0.33)  # a dot's radius as an angle

_GOLDEN = (1 + 5**0.5) / 2
_CORNERS = [(0, a, b * _GOLDEN) for a in (-1, 1) for b in (-1, 1)]
DOTS = np.array([np.roll(corner, turn) for corner in _CORNERS for turn in range(3)], np.float32)
DOTS /= np.linalg.norm(DOTS, axis=1, keepdims=True)  # (12, 3): those of an icosahedron


@dataclass(frozen=True)
class Ball:
    """Slides without turning: `centres` (T, 3) and `radius` in metres, two tones in stripes or dots."""

    centres: Array
    radius: float
    tones: tuple[Colour, Colour]
    dotted: bool
    facing: Array  # (3, 3): its own axes in the camera's frame

    def __call__(self, normals: Plane) -> Pixels:
        own = normals @ self.facing.T.astype(np.float32)
        second = (own @ DOTS.T).max(-1) > DOT if self.dotted else (own[..., 1] * STRIPES) % 1 < 0.5
        return np.where(second[..., None], self.tones[1], self.tones[0])


@dataclass(frozen=True)
class Scene:
    camera: Camera
    light: Light
    backdrop: Backdrop
    shifts: Array  # (T, 2) pixels by which the picture slides
    grain: Plane  # (2N, 2N) noise to take windows of
    people: tuple[Person, ...] = field(default=())
    balls: tuple[Ball, ...] = field(default=())

    def draw(self, size: int) -> Frames:
        """The clip (T, size, size, 3), RGB. The camera's centre must lie `size` / 2 or more from either end."""
        canvas = self.backdrop.draw(self.camera, round(2 * self.camera.centre))
        corner = self.camera.centre - size / 2
        return np.stack([self._frame(canvas, corner, time, size) for time in range(len(self.shifts))])

    def _frame(self, canvas: Pixels, corner: float, time: int, size: int) -> Frames:
        offset = corner - self.shifts[time]
        middle = offset + (size - 1) / 2
        image = np.asarray(cv2.getRectSubPix(canvas, (size, size), (float(middle[0]), float(middle[1]))), np.float32)
        self._cast_shadows(image, offset, time)
        solids = [solid for person in self.people for solid in self._person(person, image, offset, time)]
        solids += [self._ball(ball, image, offset, time) for ball in self.balls]
        for _, draw in sorted(solids, key=lambda solid: -solid[0]):
            draw()
        left, top = (time * 37) % size, (time * 53) % size
        image += self.grain[top : top + size, left : left + size, None]
        return np.asarray(np.clip(image + 0.5, 0, 255), np.uint8)

    def _person(
        self, person: Person, image: Pixels, offset: Array, time: int
    ) -> Iterator[tuple[float, Callable[[], None]]]:
        """The depth of every solid of a person, and what draws it."""
        camera, look = self.camera, person.look
        names = list(person.body.places)
        world = np.stack([person.body.places[name][time] for name in names])
        pixels, depths = camera.project(world)
        at = dict(zip(names, zip(pixels - offset, depths, world, strict=True), strict=True))
        for limb in LIMBS:
            (start, near, a), (end, far, b) = at[limb.start], at[limb.end]
            radii = (
                limb.radii[0] * look.breadth * camera.focal / near,
                limb.radii[1] * look.breadth * camera.focal / far,
            )
            length = float(np.linalg.norm(b - a))

            def draw(
                start: Array = start,
                end: Array = end,
                radii: tuple[float, float] = radii,
                length: float = length,
                part: str = limb.part,
            ) -> None:
                draw_capsule(image, start, end, radii, length, look.wardrobe[part], self.light)

            yield (near + far) / 2 - max(limb.radii), draw
        centre, depth, _ = at["head"]
        face = look.face(person.body.head[time], camera.axes)
        radius = HEAD_RADIUS * camera.focal / depth
        yield depth - HEAD_RADIUS, lambda: draw_ball(image, centre, radius, face, self.light)

    def _ball(self, ball: Ball, image: Pixels, offset: Array, time: int) -> tuple[float, Callable[[], None]]:
        pixel, depth = self.camera.project(ball.centres[time])
        radius = ball.radius * self.camera.focal / float(depth)
        return float(depth) - ball.radius, lambda: draw_ball(image, pixel - offset, radius, ball, self.light)

    def _cast_shadows(self, image: Pixels, offset: Array, time: int) -> None:
        """Darkens the floor below every solid, as under a wide lamp above."""
        size = len(image)
        mask = np.zeros((size // 2, size // 2), np.uint8)
        strokes = [
            (person.body.places[limb.start][time], person.body.places[limb.end][time], max(limb.radii))
            for person in self.people
            for limb in LIMBS
        ]
        strokes += [(ball.centres[time], ball.centres[time], ball.radius) for ball in self.balls]
        down = np.array([0.25, 1.0, 0.15])
        ends = np.array([[start, end] for start, end, _ in strokes]).reshape(-1, 2, 3)
        ground = ends - ends[..., 1:2] * down  # where the light's ray through each end meets the floor
        pixels, depths = self.camera.project(ground)
        points = np.round((pixels - offset) / 2 * 16).astype(int)
        for (start, end), depth, (_, _, radius) in zip(points, depths[:, 0], strokes, strict=True):
            width = max(1, round(radius * self.camera.focal / float(depth)))
            cv2.line(mask, start.tolist(), end.tolist(), 255, width, cv2.LINE_AA, 4)
        soft = cv2.resize(cv2.blur(cv2.blur(mask, (5, 5)), (5, 5)), (size, size), interpolation=cv2.INTER_LINEAR)
        image *= (1 - soft * np.float32(SHADOW / 255))[..., None]
