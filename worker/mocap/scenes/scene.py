"""Draw a clip: people and balls in front of a backdrop, seen by a camera that pans and shakes."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
import numpy.typing as npt

from worker.mocap.scenes.backdrop import Backdrop
from worker.mocap.scenes.camera import Camera
from worker.mocap.scenes.patterns import Colour, Pixels
from worker.mocap.scenes.people import Person
from worker.mocap.scenes.rotations import Array
from worker.mocap.scenes.solids import Light, Plane, draw_ball

Frames = npt.NDArray[np.uint8]

SHADOW_STRENGTH = 0.45  # share of the brightness that a shadow removes
GRAIN_STD = 2.0  # of the sensor noise, of 255
STRIPES_PER_RADIUS = 2.0  # pairs of stripes over the radius of a ball
DOT_COSINE = float(np.cos(0.33))  # of the angle that is the radius of a dot

_GOLDEN = (1 + 5**0.5) / 2
_CORNERS = [(0, a, b * _GOLDEN) for a in (-1, 1) for b in (-1, 1)]
DOT_CENTRES = np.array([np.roll(corner, turn) for corner in _CORNERS for turn in range(3)], np.float32)
DOT_CENTRES /= np.linalg.norm(DOT_CENTRES, axis=1, keepdims=True)  # (12, 3), the corners of an icosahedron


@dataclass(frozen=True)
class Ball:
    """A striped or dotted ball that slides without turning; `centres` (T, 3) and `radius` are in metres."""

    centres: Array
    radius: float
    tones: tuple[Colour, Colour]
    dotted: bool
    facing: Array  # (3, 3): the axes of its pattern in the camera's frame
    stripes: float = STRIPES_PER_RADIUS
    dot_cosine: float = DOT_COSINE

    def __call__(self, normals: Plane) -> Pixels:
        own = normals @ self.facing.T.astype(np.float32)
        second = (
            (own @ DOT_CENTRES.T).max(-1) > self.dot_cosine if self.dotted else (own[..., 1] * self.stripes) % 1 < 0.5
        )
        return np.where(second[..., None], self.tones[1], self.tones[0])


@dataclass(frozen=True)
class Scene:
    """Everything that a clip shows."""

    camera: Camera
    light: Light
    backdrop: Backdrop
    shifts: Array  # (T, 2) pixels by which the picture is shifted
    grain: Plane  # (2N, 2N) noise; each frame uses another window of it
    people: tuple[Person, ...] = field(default=())
    balls: tuple[Ball, ...] = field(default=())
    shadow: float = SHADOW_STRENGTH

    def draw(self, size: int) -> Frames:
        """Return the clip (T, size, size, 3), RGB.

        The camera's `centre` must be at least `size` / 2.
        """
        canvas = self.backdrop.draw(self.camera, round(2 * self.camera.centre))
        corner = self.camera.centre - size / 2
        return np.stack([self._frame(canvas, corner, time, size) for time in range(len(self.shifts))])

    def joints(self, names: Sequence[str], time: int, size: int) -> Array:
        """Return where the joints of each person are in a frame of `draw`: (people, joints, 2) pixels (x, y)."""
        offset = self.camera.centre - size / 2 - self.shifts[time]
        world = [[person.body.positions[name][time] for name in names] for person in self.people]
        pixels, _ = self.camera.project(np.reshape(world, (len(world), len(names), 3)))
        return np.asarray(pixels - offset)

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
        """Yield, for every solid of a person, its depth and a function that draws it."""
        camera, style = self.camera, person.style
        names = list(person.body.positions)
        world = np.stack([person.body.positions[name][time] for name in names])
        pixels, depths = camera.project(world)
        at = dict(zip(names, zip(pixels - offset, depths, world, strict=True), strict=True))
        for limb in person.limbs:
            (start, near, a), (end, far, b) = at[limb.start], at[limb.end]
            radii = (
                limb.radii[0] * style.breadth * camera.focal / near,
                limb.radii[1] * style.breadth * camera.focal / far,
            )
            length = float(np.linalg.norm(b - a))

            def draw(
                start: Array = start,
                end: Array = end,
                radii: tuple[float, float] = radii,
                length: float = length,
                part: str = limb.part,
            ) -> None:
                person.draw_limb(image, start, end, radii, length, style.wardrobe[part], self.light)

            yield (near + far) / 2 - max(limb.radii), draw
        centre, depth, _ = at["head"]
        face = style.head_texture(person.body.head_rotation[time], camera.axes)
        radius = person.head_radius * camera.focal / depth
        yield depth - person.head_radius, lambda: draw_ball(image, centre, radius, face, self.light)

    def _ball(self, ball: Ball, image: Pixels, offset: Array, time: int) -> tuple[float, Callable[[], None]]:
        pixel, depth = self.camera.project(ball.centres[time])
        radius = ball.radius * self.camera.focal / float(depth)
        return float(depth) - ball.radius, lambda: draw_ball(image, pixel - offset, radius, ball, self.light)

    def _cast_shadows(self, image: Pixels, offset: Array, time: int) -> None:
        """Darken the floor below every solid, as if under a wide lamp above."""
        size = len(image)
        mask = np.zeros((size // 2, size // 2), np.uint8)
        strokes = [
            (person.body.positions[limb.start][time], person.body.positions[limb.end][time], max(limb.radii))
            for person in self.people
            for limb in person.limbs
        ]
        strokes += [(ball.centres[time], ball.centres[time], ball.radius) for ball in self.balls]
        down = np.array([0.25, 1.0, 0.15])
        ends = np.array([[start, end] for start, end, _ in strokes]).reshape(-1, 2, 3)
        ground = ends - ends[..., 1:2] * down  # where the ray of light through each end meets the floor
        pixels, depths = self.camera.project(ground)
        points = np.round((pixels - offset) / 2 * 16).astype(int)
        for (start, end), depth, (_, _, radius) in zip(points, depths[:, 0], strokes, strict=True):
            width = max(1, round(radius * self.camera.focal / float(depth)))
            cv2.line(mask, start.tolist(), end.tolist(), 255, width, cv2.LINE_AA, 4)
        soft = cv2.resize(cv2.blur(cv2.blur(mask, (5, 5)), (5, 5)), (size, size), interpolation=cv2.INTER_LINEAR)
        image *= (1 - soft * np.float32(self.shadow / 255))[..., None]
