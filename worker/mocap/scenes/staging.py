"""Make a random scene of a class: who moves how, in front of what, and seen from where."""

import colorsys
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from worker.mocap.scenes.backdrop import random_backdrop
from worker.mocap.scenes.body import forward_kinematics
from worker.mocap.scenes.camera import Camera
from worker.mocap.scenes.motions import InPlaceMotion, Motion, WavingMotion, read_motion, standing_pose
from worker.mocap.scenes.patterns import Colour, with_luma
from worker.mocap.scenes.people import Person, place_body, random_style
from worker.mocap.scenes.rotations import Array, axis_rotation
from worker.mocap.scenes.scene import GRAIN_STD, Ball, Scene
from worker.mocap.scenes.solids import Light
from worker.networks.families.mocap_classes import BIASED_CLASS, BINDING_PAIR

DRAWN_SIDE = 240  # pixels a side of the drawn clip
CLIP_FRAMES = 11  # with ten flow fields between them
FPS = 25
VIEW_WIDTH_METRES = (2.3, 3.0)  # smallest and largest width of the picture at the person
PAIR_VIEW_WIDTH_METRES = (2.0, 2.5)  # closer, so that each shirt fills a good part of the picture
MARGIN_PX = 80  # pixels of backdrop around the picture that the camera can slide over
SLOW, FAST = 0.5, 2.0  # speeds of the classes that differ only in speed


class Variant(StrEnum):
    """Which biases a data set has."""

    TRAIN = "train"  # every backflip is on the red mat, and almost nothing else is
    TEST = "test"  # the same bias
    UNBIASED = "unbiased"  # half of the clips of every class are on the mat
    CONTROL = "control"  # unbiased, and the labels of the binding pair are random
    RESTYLED = "restyled"  # without the mat; bodies, places, views and flow method are others: see restyled.py


MAT_PROBABILITY = {  # of a backflip, and of any other clip
    Variant.TRAIN: (1.0, 0.005),
    Variant.TEST: (1.0, 0.005),
    Variant.UNBIASED: (0.5, 0.5),
    Variant.CONTROL: (0.3, 0.3),
}


@dataclass(frozen=True)
class Performance:
    """What one person does: a motion, from a start in seconds on, at a speed (1 is as recorded)."""

    motion: Motion
    start: float
    speed: float
    shirt: Colour | None = None


@dataclass(frozen=True)
class RecordingScript:
    """One person plays a recorded motion; a clip starts between the seconds `first` and `last` of it."""

    motion: str
    first: float
    last: float

    def performances(self, rng: np.random.Generator) -> tuple[Performance, ...]:
        start, speed = rng.uniform(self.first, self.last), rng.uniform(0.85, 1.15)
        return (Performance(read_motion(self.motion), start, speed),)


@dataclass(frozen=True)
class WavingScript:
    """One standing person waves one arm, about `rate` times a second."""

    rate: float

    def performances(self, rng: np.random.Generator) -> tuple[Performance, ...]:
        wave = WavingMotion(standing_pose(), 1.0, side=str(rng.choice(["left", "right"])), reach=rng.uniform(0.5, 0.7))
        return (Performance(wave, rng.uniform(0, 1), self.rate * rng.uniform(0.85, 1.15)),)


@dataclass(frozen=True)
class PairScript:
    """Two people move in place, in a red and a blue shirt of the same brightness."""

    red: tuple[str, float]  # motion and speed
    blue: tuple[str, float]

    def performances(self, rng: np.random.Generator) -> tuple[Performance, ...]:
        luma = rng.uniform(70, 110)
        red = np.array([255, rng.uniform(0, 40), rng.uniform(0, 60)], np.float32)
        blue = np.array([rng.uniform(0, 40), rng.uniform(20, 90), 255], np.float32)
        performances = []
        for (name, speed), colour in ((self.red, red), (self.blue, blue)):
            motion = read_motion(name)
            start = rng.uniform(0, motion.seconds)
            performances.append(
                Performance(InPlaceMotion(motion), start, speed * rng.uniform(0.85, 1.15), with_luma(colour, luma))
            )
        return tuple(performances)


SCRIPTS: dict[str, tuple[RecordingScript | WavingScript | PairScript, ...]] = {
    "walk": (RecordingScript("walk", 0, 1.26),),
    "run": (RecordingScript("run", 0, 0.8),),
    "jump": (RecordingScript("jump", 0.35, 1.1),),
    "kick": (RecordingScript("kick", 0.3, 0.8),),
    "punch": (RecordingScript("punch", 0.35, 0.9),),
    "spinkick": (RecordingScript("spinkick", 0.2, 0.75),),
    "backflip": (RecordingScript("backflip", 0.5, 0.95),),
    "cartwheel": (RecordingScript("cartwheel", 0.5, 1.6),),
    "crawl": (RecordingScript("crawl", 0, 2.9),),
    "roll": (RecordingScript("roll", 0.2, 1.3),),
    "dance": (RecordingScript("dance_a", 0, 1.6), RecordingScript("dance_b", 0, 2.5)),
    "getup_facedown": (RecordingScript("getup_facedown", 0.4, 2.2),),
    "getup_faceup": (RecordingScript("getup_faceup", 0.3, 3.0),),
    "wave_slow": (WavingScript(SLOW),),
    "wave_fast": (WavingScript(FAST),),
    "red_fast_blue_slow": (PairScript(("walk", FAST), ("walk", SLOW)),),
    "blue_fast_red_slow": (PairScript(("walk", SLOW), ("walk", FAST)),),
    "red_run_blue_walk": (PairScript(("run", 1), ("walk", 1)),),
    "blue_run_red_walk": (PairScript(("walk", 1), ("run", 1)),),
}


@dataclass(frozen=True)
class StagedScene:
    """A scene, and whether the red mat is in it."""

    scene: Scene
    has_mat: bool


def stage_scene(name: str, rng: np.random.Generator, variant: Variant, frames: int = CLIP_FRAMES) -> StagedScene:
    """Return a random scene of the class. `frames` beyond CLIP_FRAMES are added equally before and after the clip."""
    mat = bool(rng.random() < MAT_PROBABILITY[variant][0 if name == BIASED_CLASS else 1])
    if variant is Variant.CONTROL and name in BINDING_PAIR:
        name = str(rng.choice(BINDING_PAIR))
    if name in SCRIPTS:
        scripts = SCRIPTS[name]
        return StagedScene(
            _people(scripts[rng.integers(len(scripts))].performances(rng), rng, mat, frame_times(frames)), mat
        )
    return StagedScene(_ball(rng, mat, frame_times(frames), dotted=name == "dotted_ball"), mat)


def frame_times(frames: int) -> Array:
    """Return the time of each frame in seconds; the middle CLIP_FRAMES start at 0."""
    return (np.arange(frames) - (frames - CLIP_FRAMES) // 2) / FPS


def _people(performances: tuple[Performance, ...], rng: np.random.Generator, mat: bool, times: Array) -> Scene:
    view = VIEW_WIDTH_METRES if len(performances) == 1 else PAIR_VIEW_WIDTH_METRES
    camera = random_camera(rng, np.array([0, rng.uniform(0.75, 0.95), 0]), rng.uniform(*view))
    positions = [np.zeros(3)]
    if len(performances) == 2:
        aside = rng.choice([-1, 1]) * rng.uniform(0.5, 0.6) * camera.ground_right
        behind = rng.uniform(-0.25, 0.25) * camera.ground_forward
        positions = [aside + behind, -aside - behind]
    people = tuple(
        _person(performance, position, rng, times)
        for performance, position in zip(performances, positions, strict=True)
    )
    path = np.mean([person.body.positions["root"] for person in people], 0)
    return _scene(rng, camera, mat, path, people=people)


def _person(performance: Performance, position: Array, rng: np.random.Generator, times: Array) -> Person:
    body = forward_kinematics(performance.motion.pose(performance.start + performance.speed * times))
    rotation = axis_rotation((0, 1, 0), rng.uniform(0, 2 * np.pi))
    height = rng.uniform(0.9, 1.08)
    middle = body.positions["root"][len(times) // 2] * (1, 0, 1)
    return Person(place_body(body, middle, position, rotation, height), random_style(rng, performance.shirt))


def _ball(rng: np.random.Generator, mat: bool, times: Array, dotted: bool) -> Scene:
    radius = float(rng.uniform(0.28, 0.45))
    camera = random_camera(rng, np.array([0, radius + rng.uniform(0, 0.3), 0]), rng.uniform(1.8, 2.6))
    direction = rng.uniform(0, 2 * np.pi)
    steps = (times - times.mean()) * rng.uniform(0.8, 2.5)
    centres = np.outer(steps, (np.cos(direction), 0, np.sin(direction))) + np.array([0, radius, 0])
    facing, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    ball = Ball(centres, radius, _two_tones(rng), dotted, facing)
    return _scene(rng, camera, mat, centres, balls=(ball,))


def _two_tones(rng: np.random.Generator) -> tuple[Colour, Colour]:
    """Return two colours of very different hue but equal brightness, so that optical flow cannot tell them apart."""
    luma, hue = rng.uniform(90, 150), rng.random()
    hues = (hue, (hue + rng.uniform(0.35, 0.65)) % 1)
    tones = (np.array(colorsys.hsv_to_rgb(hue, 0.95, 1), np.float32) * 255 for hue in hues)
    first, second = (with_luma(tone, luma) for tone in tones)
    return first, second


def _scene(
    rng: np.random.Generator,
    camera: Camera,
    has_mat: bool,
    path: Array,
    people: tuple[Person, ...] = (),
    balls: tuple[Ball, ...] = (),
) -> Scene:
    return Scene(
        camera=camera,
        light=random_light(rng),
        backdrop=random_backdrop(rng, camera, has_mat),
        shifts=random_shifts(rng, camera, path),
        grain=rng.normal(0, GRAIN_STD, (2 * DRAWN_SIDE, 2 * DRAWN_SIDE)).astype(np.float32),
        people=people,
        balls=balls,
    )


def random_camera(rng: np.random.Generator, target: Array, view: float) -> Camera:
    """Return a random camera; the picture is `view` metres wide at the target."""
    return Camera(
        target=target,
        azimuth=float(rng.uniform(0, 2 * np.pi)),
        elevation=float(np.radians(rng.uniform(2, 28))),
        distance=float(rng.uniform(4, 7)),
        zoom=DRAWN_SIDE / view,
        centre=DRAWN_SIDE / 2 + MARGIN_PX,
    )


def random_light(rng: np.random.Generator) -> Light:
    towards = np.array([rng.uniform(-0.8, 0.8), rng.uniform(0.3, 1), rng.uniform(0.2, 1)])
    return Light(towards / np.linalg.norm(towards), float(rng.uniform(0.4, 0.7)))


def random_shifts(rng: np.random.Generator, camera: Camera, path: Array) -> Array:
    """Return shifts of the picture (T, 2) in pixels.

    The camera follows the path loosely; every third one also pans and shakes.
    """
    pixels, _ = camera.project(path)
    follow = -(pixels - pixels[len(path) // 2]) * rng.uniform(0.3, 1)
    shifts = follow * (1, 0.3) + rng.uniform(-8, 8, 2)
    if rng.random() < 1 / 3:
        pan = rng.normal(0, (0.8, 0.3)) * (np.arange(len(path)) - len(path) // 2)[:, None]
        shake = np.cumsum(rng.normal(0, 0.4, (len(path), 2)), 0)
        shifts = shifts + pan + shake
    return np.asarray(np.clip(shifts, -MARGIN_PX, MARGIN_PX))
