"""Stage the same classes and motions in another rendering, for judges that must not know the default one's look.

Bodies are sticks, ellipsoids or slabs of other proportions, without faces; shading has two tones or none; floors and
walls are clouds, dots, patches or ramps of strong colours; there is no mat, and pyramids stand in place of boxes. The
camera is nearer or farther, and higher. Only what defines a class stays: its motion, red and blue shirts, stripes and
dots.
"""

from dataclasses import dataclass, replace

import cv2
import numpy as np

from worker.mocap.scenes.backdrop import TEXTURE_TEXELS, WALL_DISTANCE_METRES, Backdrop, Box
from worker.mocap.scenes.body import END_POINTS, JOINTS, forward_kinematics
from worker.mocap.scenes.camera import Camera
from worker.mocap.scenes.limb_shapes import draw_ellipsoid, draw_slab
from worker.mocap.scenes.patterns import LUMA, TILE_TEXELS, Colour, Pixels, random_colour, with_luma
from worker.mocap.scenes.people import HEAD_RADIUS, LIMBS, Person, PersonStyle, place_body
from worker.mocap.scenes.rotations import Array, axis_rotation
from worker.mocap.scenes.scene import GRAIN_STD, Ball, Scene
from worker.mocap.scenes.solids import BallTexture, Light, Plane, draw_capsule, draw_polygon
from worker.mocap.scenes.staging import (
    CLIP_FRAMES,
    DRAWN_SIDE,
    MARGIN_PX,
    SCRIPTS,
    Performance,
    frame_times,
    random_light,
    random_shifts,
)

VIEW_WIDTHS_METRES = {1: (2.1, 3.6), 2: (2.0, 3.0)}  # of the picture, by the number of people
BALL_VIEW_WIDTH_METRES = (1.5, 3.2)
NEAR_METRES, FAR_METRES = (3.0, 3.8), (9.0, 14.0)  # distances of the camera, both outside the default rendering's
ELEVATION_DEGREES = (1, 42)


@dataclass(frozen=True)
class TwoToneLight(Light):
    """A light whose surfaces are either lit or not, as in a cartoon; with no strength, surfaces have no shading."""

    def shade(self, x: Plane, y: Plane, z: Plane) -> Plane:
        right, up, back = (np.float32(value) for value in self.towards)
        lit = x * right + y * up + z * back > 0.35
        return np.where(lit, np.float32(1), np.float32(1 - self.strength))


@dataclass(frozen=True)
class PlainHead:
    """A head of one colour."""

    tone: Colour

    def __call__(self, normals: Plane) -> Pixels:
        return np.broadcast_to(self.tone, normals.shape)


class FacelessStyle(PersonStyle):
    """How a person without face or hair looks."""

    def head_texture(self, head: Array, axes: Array) -> BallTexture:
        return PlainHead(self.skin)


class Pyramid(Box):
    """A triangle that faces the camera, in place of a box of the same sides."""

    def draw(self, canvas: Pixels, camera: Camera) -> None:
        width, height, _ = self.sides
        aside = camera.ground_right * width
        corners = np.stack([self.at - aside, self.at + aside, self.at + np.array([0, height, 0])])
        pixels, depth = camera.project(corners)
        if depth.min() > 0.3:
            draw_polygon(canvas, pixels, self.tone)


def stage_restyled(name: str, rng: np.random.Generator, frames: int = CLIP_FRAMES) -> Scene:
    """Return a random scene of the class in this rendering; the arguments are those of `stage_scene`."""
    times = frame_times(frames)
    if name not in SCRIPTS:
        return _ball(rng, times, dotted=name == "dotted_ball")
    scripts = SCRIPTS[name]
    performances = scripts[rng.integers(len(scripts))].performances(rng)
    view = rng.uniform(*VIEW_WIDTHS_METRES[len(performances)])
    camera = _camera(rng, np.array([0, rng.uniform(0.6, 1.1), 0]), view)
    positions = [np.zeros(3)]
    if len(performances) == 2:
        aside = rng.choice([-1, 1]) * rng.uniform(0.45, 0.65) * camera.ground_right
        behind = rng.uniform(-0.4, 0.4) * camera.ground_forward
        positions = [aside + behind, -aside - behind]
    people = tuple(_person(each, at, rng, times) for each, at in zip(performances, positions, strict=True))
    return _scene(rng, camera, np.mean([person.body.positions["root"] for person in people], 0), people=people)


def _person(performance: Performance, position: Array, rng: np.random.Generator, times: Array) -> Person:
    pose = performance.motion.pose(performance.start + performance.speed * times)
    lengths = _proportions(rng)
    body, usual = forward_kinematics(pose, lengths), forward_kinematics(pose)
    lift = _lowest(usual.positions) - _lowest(body.positions)  # other legs stand on the same floor
    body.positions.update({name: at + lift[:, None] * (0, 1, 0) for name, at in body.positions.items()})
    rotation = axis_rotation((0, 1, 0), rng.uniform(0, 2 * np.pi))
    middle = body.positions["root"][len(times) // 2] * (1, 0, 1)
    placed = place_body(body, middle, position, rotation, rng.uniform(0.8, 1.15))
    kind = rng.choice(["sticks", "ellipsoids", "slabs"])
    breadth = {"sticks": rng.uniform(0.35, 0.6), "ellipsoids": rng.uniform(0.85, 1.3), "slabs": rng.uniform(0.8, 1.2)}
    thin = [replace(limb, radii=(0.055, 0.055)) if "chest" in (limb.start, limb.end) else limb for limb in LIMBS]
    return Person(
        placed,
        _style(rng, float(breadth[kind]), performance.shirt),
        limbs=tuple(thin) if kind == "sticks" else LIMBS,
        head_radius=HEAD_RADIUS * float(rng.uniform(0.8, 1.5)),
        draw_limb={"sticks": draw_capsule, "ellipsoids": draw_ellipsoid, "slabs": draw_slab}[kind],
    )


def _proportions(rng: np.random.Generator) -> dict[str, float]:
    """Return scales of bones by the joint at their end, alike on both sides."""
    arms, legs, trunk, width = rng.uniform(0.85, 1.2), rng.uniform(0.85, 1.15), *rng.uniform(0.85, 1.15, 2)
    scale = dict.fromkeys(("chest", "neck"), trunk)
    for name in (*JOINTS, *END_POINTS):
        part = name.rpartition("_")[2]
        if part in ("elbow", "wrist"):
            scale[name] = arms
        elif part in ("knee", "ankle"):
            scale[name] = legs
        elif part in ("hip", "shoulder"):
            scale[name] = width
    return {name: float(value) for name, value in scale.items()}


def _lowest(positions: dict[str, Array]) -> Array:
    return np.asarray(np.min([position[:, 1] for position in positions.values()], 0))


def _style(rng: np.random.Generator, breadth: float, shirt: Colour | None) -> FacelessStyle:
    """Return the looks of a person: one colour all over, or another for each part; a `shirt` keeps its colour."""
    skin = random_colour(rng, saturation=0.8, low=0.2, high=1)
    if shirt is None:
        whole = rng.random() < 0.3
        top = _cloth(rng, skin if whole else random_colour(rng, saturation=1, low=0.2, high=1))
        legs = _cloth(rng, skin if whole else random_colour(rng, saturation=1, low=0.2, high=1))
        cuff = top if rng.random() < 0.5 else _cloth(rng, skin)
    else:
        top = cuff = _cloth(rng, shirt)
        legs = _cloth(rng, random_colour(rng, saturation=0.15, low=0.1, high=0.9))
    bare = _cloth(rng, skin)
    wardrobe = {"shirt": top, "sleeve": top, "cuff": cuff, "trousers": legs, "shins": legs, "shoes": bare, "skin": bare}
    return FacelessStyle(wardrobe, skin, skin, breadth)


def _cloth(rng: np.random.Generator, tone: Colour) -> Pixels:
    """Return a tile of cloth (16, 16, 3): plain, striped along the limb, or speckled."""
    kind, depth = rng.choice(["plain", "lengthwise", "speckled"]), np.float32(rng.uniform(0.15, 0.4))
    texel = np.arange(TILE_TEXELS)
    shade: Plane = np.ones((TILE_TEXELS, TILE_TEXELS), np.float32)
    if kind == "lengthwise":
        shade = shade - depth * (texel % 4 < 2).astype(np.float32)
    elif kind == "speckled":
        shade = shade - depth * rng.random((TILE_TEXELS, TILE_TEXELS)).astype(np.float32)
    return np.asarray(tone * shade[..., None], np.float32)


def _ball(rng: np.random.Generator, times: Array, dotted: bool) -> Scene:
    radius = float(rng.uniform(0.25, 0.5))
    target = np.array([0, radius + rng.uniform(-0.1, 0.4), 0])
    camera = _camera(rng, target, rng.uniform(*BALL_VIEW_WIDTH_METRES))
    direction = rng.uniform(0, 2 * np.pi)
    steps = (times - times.mean()) * rng.uniform(0.6, 2.8)
    centres = np.outer(steps, (np.cos(direction), 0, np.sin(direction))) + np.array([0, radius, 0])
    facing, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    first = random_colour(rng, saturation=1, low=0.3, high=1)
    luma = float(first @ LUMA)
    second = with_luma(255 - first, luma + (80 if luma < 128 else -80))
    dot = float(np.cos(rng.uniform(0.26, 0.4)))
    ball = Ball(centres, radius, (first, second), dotted, facing, float(rng.uniform(1.5, 2.8)), dot)
    return _scene(rng, camera, centres, balls=(ball,))


def _scene(
    rng: np.random.Generator, camera: Camera, path: Array, people: tuple[Person, ...] = (), balls: tuple[Ball, ...] = ()
) -> Scene:
    sun = random_light(rng)
    light = sun if rng.random() < 0.25 else TwoToneLight(sun.towards, float(rng.choice([0, 0.25, 0.5])))
    return Scene(
        camera=camera,
        light=light,
        backdrop=_backdrop(rng, camera),
        shifts=random_shifts(rng, camera, path),
        grain=rng.normal(0, GRAIN_STD * rng.uniform(0, 3), (2 * DRAWN_SIDE, 2 * DRAWN_SIDE)).astype(np.float32),
        people=people,
        balls=balls,
        shadow=float(rng.choice([0, 0.25, 0.7])),
    )


def _camera(rng: np.random.Generator, target: Array, view: float) -> Camera:
    """Return a camera with a wide or a narrow field of view; the picture is `view` metres wide at the target."""
    return Camera(
        target=target,
        azimuth=float(rng.uniform(0, 2 * np.pi)),
        elevation=float(np.radians(rng.uniform(*ELEVATION_DEGREES))),
        distance=float(rng.uniform(*(NEAR_METRES if rng.random() < 0.5 else FAR_METRES))),
        zoom=DRAWN_SIDE / view,
        centre=DRAWN_SIDE / 2 + MARGIN_PX,
    )


def _backdrop(rng: np.random.Generator, camera: Camera) -> Backdrop:
    wall_at = float(rng.uniform(*WALL_DISTANCE_METRES))
    pyramids = []
    for _ in range(rng.integers(0, 5)):
        behind = rng.uniform(0.8, max(0.9, wall_at - 0.2)) * camera.ground_forward
        at = camera.target * (1, 0, 1) + behind + rng.uniform(-2, 2) * camera.ground_right
        sides = (rng.uniform(0.1, 0.5), rng.uniform(0.3, 2.2), 0.1)
        pyramids.append(Pyramid(at, sides, 0.0, random_colour(rng, saturation=1, low=0.1, high=1)))
    floor = _surface(rng)
    wall = floor if rng.random() < 0.2 else _surface(rng)
    return Backdrop(floor, wall, wall_at, float(rng.uniform(-0.6, 0.6)), tuple(pyramids))


def _surface(rng: np.random.Generator, size: int = TEXTURE_TEXELS) -> Pixels:
    """Return a floor or wall (size, size, 3) that wraps: clouds, dots, patches or a ramp between two colours."""
    first, second = (random_colour(rng, saturation=0.9, low=0.1, high=1) for _ in range(2))
    kind = rng.choice(["clouds", "dots", "patches", "ramp"])
    if kind == "clouds":
        share = _clouds(rng, size, power=float(rng.uniform(0.9, 1.6)))
    elif kind == "dots":
        share, step = np.zeros((size, size), np.float32), size // int(rng.choice([4, 8]))
        for x, y in np.ndindex(size // step, size // step):
            cv2.circle(share, (x * step + step // 2, y * step + step // 2), step // 4, 1.0, -1, cv2.LINE_8)
        share *= np.float32(rng.uniform(0.2, 0.8))
    elif kind == "patches":
        cells = int(rng.choice([4, 8, 16]))
        share = np.kron(rng.random((cells, cells)), np.ones((size // cells, size // cells))).astype(np.float32)
    else:
        share = np.broadcast_to(np.abs(np.linspace(-1, 1, size, dtype=np.float32))[:, None], (size, size))
    speckle = rng.normal(0, rng.uniform(2, 10), (size // 2, size // 2)).astype(np.float32)
    grain = cv2.resize(speckle, (size, size), interpolation=cv2.INTER_LINEAR)
    mixed = first + (second - first) * share[..., None] + grain[..., None]
    return np.asarray(np.clip(mixed, 0, 255), np.float32)


def _clouds(rng: np.random.Generator, size: int, power: float) -> Plane:
    """Return noise (size, size) over [0, 1] whose amplitude falls as frequency to the `power`."""
    fy, fx = np.fft.fftfreq(size)[:, None], np.fft.rfftfreq(size)[None]
    frequency = np.maximum(np.hypot(fy, fx), 1 / size)
    spectrum = np.fft.rfft2(rng.normal(size=(size, size))) / frequency**power
    noise = np.fft.irfft2(spectrum, (size, size))
    return np.asarray(np.clip(0.5 + noise / (4 * noise.std()), 0, 1), np.float32)
