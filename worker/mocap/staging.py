"""From a class and a seed to a scene: who moves how, before what, seen from where."""

import colorsys
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from worker.mocap.backdrop import random_backdrop
from worker.mocap.body import forward_kinematics
from worker.mocap.camera import Camera
from worker.mocap.motions import OnTheSpot, Playable, Wave, read_motion, standing
from worker.mocap.patterns import Colour, with_luma
from worker.mocap.people import Person, placed, random_look
from worker.mocap.rotations import Array, about
from worker.mocap.scene import GRAIN, Ball, Scene
from worker.mocap.solids import Light
from worker.networks.families.mocap_classes import BIASED_CLASS, BINDING_PAIR

SIZE = 240  # pixels a side drawn
FRAMES = 11  # of a clip: ten flow fields between them
FPS = 25
VIEW = (2.3, 3.0)  # metres that the picture is wide where a person is
VIEW_OF_TWO = (2.0, 2.5)  # nearer, so that either shirt fills a good part of it
MARGIN = 80  # pixels of backdrop around the picture that the camera can slide over
SLOW, FAST = 0.5, 2.0  # of the pairs that differ in speed alone


class Variant(StrEnum):
    TRAIN = "train"  # backflips on the red mat, hardly anything else
    TEST = "test"  # the same bias
    UNBIASED = "unbiased"  # the mat under half of everything
    CONTROL = "control"  # unbiased, and the binding pair's labels drawn by lot


ON_MAT = {  # the share of backflips, and of everything else
    Variant.TRAIN: (1.0, 0.005),
    Variant.TEST: (1.0, 0.005),
    Variant.UNBIASED: (0.5, 0.5),
    Variant.CONTROL: (0.3, 0.3),
}


@dataclass(frozen=True)
class Role:
    """What one person does: a motion from a moment on, at a speed."""

    motion: Playable
    start: float
    speed: float
    shirt: Colour | None = None


@dataclass(frozen=True)
class Recording:
    """A motion to play, and the seconds among which a clip of it starts."""

    motion: str
    first: float
    last: float

    def cast(self, rng: np.random.Generator) -> tuple[Role, ...]:
        start, speed = rng.uniform(self.first, self.last), rng.uniform(0.85, 1.15)
        return (Role(read_motion(self.motion), start, speed),)


@dataclass(frozen=True)
class Waving:
    rate: float

    def cast(self, rng: np.random.Generator) -> tuple[Role, ...]:
        wave = Wave(standing(), 1.0, side=str(rng.choice(["left", "right"])), reach=rng.uniform(0.5, 0.7))
        return (Role(wave, rng.uniform(0, 1), self.rate * rng.uniform(0.85, 1.15)),)


@dataclass(frozen=True)
class Pair:
    """Two people, in red and in blue, of the same brightness."""

    red: tuple[str, float]  # motion and speed
    blue: tuple[str, float]

    def cast(self, rng: np.random.Generator) -> tuple[Role, ...]:
        luma = rng.uniform(70, 110)
        red = np.array([255, rng.uniform(0, 40), rng.uniform(0, 60)], np.float32)
        blue = np.array([rng.uniform(0, 40), rng.uniform(20, 90), 255], np.float32)
        roles = []
        for (name, speed), tone in ((self.red, red), (self.blue, blue)):
            motion = read_motion(name)
            start = rng.uniform(0, motion.seconds)
            roles.append(Role(OnTheSpot(motion), start, speed * rng.uniform(0.85, 1.15), with_luma(tone, luma)))
        return tuple(roles)


CASTS: dict[str, tuple[Recording | Waving | Pair, ...]] = {
    "walk": (Recording("walk", 0, 1.26),),
    "run": (Recording("run", 0, 0.8),),
    "jump": (Recording("jump", 0.35, 1.1),),
    "kick": (Recording("kick", 0.3, 0.8),),
    "punch": (Recording("punch", 0.35, 0.9),),
    "spinkick": (Recording("spinkick", 0.2, 0.75),),
    "backflip": (Recording("backflip", 0.5, 0.95),),
    "cartwheel": (Recording("cartwheel", 0.5, 1.6),),
    "crawl": (Recording("crawl", 0, 2.9),),
    "roll": (Recording("roll", 0.2, 1.3),),
    "dance": (Recording("dance_a", 0, 1.6), Recording("dance_b", 0, 2.5)),
    "getup_facedown": (Recording("getup_facedown", 0.4, 2.2),),
    "getup_faceup": (Recording("getup_faceup", 0.3, 3.0),),
    "wave_slow": (Waving(SLOW),),
    "wave_fast": (Waving(FAST),),
    "red_fast_blue_slow": (Pair(("walk", FAST), ("walk", SLOW)),),
    "blue_fast_red_slow": (Pair(("walk", SLOW), ("walk", FAST)),),
    "red_run_blue_walk": (Pair(("run", 1), ("walk", 1)),),
    "blue_run_red_walk": (Pair(("walk", 1), ("run", 1)),),
}


@dataclass(frozen=True)
class Staged:
    scene: Scene
    mat: bool


def stage(name: str, rng: np.random.Generator, variant: Variant, frames: int = FRAMES) -> Staged:
    """A random scene of the class; what is more than FRAMES lies before and after as much."""
    mat = bool(rng.random() < ON_MAT[variant][0 if name == BIASED_CLASS else 1])
    if variant is Variant.CONTROL and name in BINDING_PAIR:
        name = str(rng.choice(BINDING_PAIR))
    if name in CASTS:
        casts = CASTS[name]
        return Staged(_people(casts[rng.integers(len(casts))].cast(rng), rng, mat, moments(frames)), mat)
    return Staged(_ball(rng, mat, moments(frames), dotted=name == "dotted_ball"), mat)


def moments(frames: int) -> Array:
    """Seconds since the start of the FRAMES in the middle."""
    return (np.arange(frames) - (frames - FRAMES) // 2) / FPS


def _people(roles: tuple[Role, ...], rng: np.random.Generator, mat: bool, times: Array) -> Scene:
    view = VIEW if len(roles) == 1 else VIEW_OF_TWO
    camera = _camera(rng, np.array([0, rng.uniform(0.75, 0.95), 0]), rng.uniform(*view))
    places = [np.zeros(3)]
    if len(roles) == 2:
        aside = rng.choice([-1, 1]) * rng.uniform(0.5, 0.6) * camera.ground_right
        behind = rng.uniform(-0.25, 0.25) * camera.ground_forward
        places = [aside + behind, -aside - behind]
    people = tuple(_person(role, place, rng, times) for role, place in zip(roles, places, strict=True))
    path = np.mean([person.body.places["root"] for person in people], 0)
    return _scene(rng, camera, mat, path, people=people)


def _person(role: Role, place: Array, rng: np.random.Generator, times: Array) -> Person:
    body = forward_kinematics(role.motion.pose(role.start + role.speed * times))
    turn = about((0, 1, 0), rng.uniform(0, 2 * np.pi))
    height = rng.uniform(0.9, 1.08)
    middle = body.places["root"][len(times) // 2] * (1, 0, 1)
    return Person(placed(body, middle, place, turn, height), random_look(rng, role.shirt))


def _ball(rng: np.random.Generator, mat: bool, times: Array, dotted: bool) -> Scene:
    radius = float(rng.uniform(0.28, 0.45))
    camera = _camera(rng, np.array([0, radius + rng.uniform(0, 0.3), 0]), rng.uniform(1.8, 2.6))
    direction = rng.uniform(0, 2 * np.pi)
    steps = (times - times.mean()) * rng.uniform(0.8, 2.5)
    centres = np.outer(steps, (np.cos(direction), 0, np.sin(direction))) + np.array([0, radius, 0])
    facing, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    ball = Ball(centres, radius, _two_tones(rng), dotted, facing)
    return _scene(rng, camera, mat, centres, balls=(ball,))


def _two_tones(rng: np.random.Generator) -> tuple[Colour, Colour]:
    """Two hues of one brightness: plain to see, and to optical flow all the same."""
    luma, hue = rng.uniform(90, 150), rng.random()
    hues = (hue, (hue + rng.uniform(0.35, 0.65)) % 1)
    tones = (np.array(colorsys.hsv_to_rgb(hue, 0.95, 1), np.float32) * 255 for hue in hues)
    first, second = (with_luma(tone, luma) for tone in tones)
    return first, second


def _scene(
    rng: np.random.Generator,
    camera: Camera,
    mat: bool,
    path: Array,
    people: tuple[Person, ...] = (),
    balls: tuple[Ball, ...] = (),
) -> Scene:
    return Scene(
        camera=camera,
        light=_light(rng),
        backdrop=random_backdrop(rng, camera, mat),
        shifts=_shifts(rng, camera, path),
        grain=rng.normal(0, GRAIN, (2 * SIZE, 2 * SIZE)).astype(np.float32),
        people=people,
        balls=balls,
    )


def _camera(rng: np.random.Generator, target: Array, view: float) -> Camera:
    """`view`: metres that the picture is wide at the target."""
    return Camera(
        target=target,
        azimuth=float(rng.uniform(0, 2 * np.pi)),
        elevation=float(np.radians(rng.uniform(2, 28))),
        distance=float(rng.uniform(4, 7)),
        zoom=SIZE / view,
        centre=SIZE / 2 + MARGIN,
    )


def _light(rng: np.random.Generator) -> Light:
    towards = np.array([rng.uniform(-0.8, 0.8), rng.uniform(0.3, 1), rng.uniform(0.2, 1)])
    return Light(towards / np.linalg.norm(towards), float(rng.uniform(0.4, 0.7)))


def _shifts(rng: np.random.Generator, camera: Camera, path: Array) -> Array:
    """(T, 2) pixels: the camera follows the path more or less, and a third of the time pans and shakes."""
    pixels, _ = camera.project(path)
    follow = -(pixels - pixels[len(path) // 2]) * rng.uniform(0.3, 1)
    shifts = follow * (1, 0.3) + rng.uniform(-8, 8, 2)
    if rng.random() < 1 / 3:
        pan = rng.normal(0, (0.8, 0.3)) * (np.arange(len(path)) - len(path) // 2)[:, None]
        shake = np.cumsum(rng.normal(0, 0.4, (len(path), 2)), 0)
        shifts = shifts + pan + shake
    return np.asarray(np.clip(shifts, -MARGIN, MARGIN))
