"""How people look: proportions, skin, hair, face and clothes, and the capsules that they are drawn from."""

from dataclasses import dataclass

import numpy as np

from worker.mocap.scenes.body import Body
from worker.mocap.scenes.patterns import Colour, Pixels, add_folds, random_cloth, random_colour
from worker.mocap.scenes.rotations import Array, multiply, rotate
from worker.mocap.scenes.solids import BallTexture, DrawLimb, Plane, draw_capsule

SKIN_COLOURS = ((244, 208, 177), (224, 172, 134), (198, 134, 94), (141, 88, 58), (92, 58, 40))
HAIR_COLOURS = ((30, 24, 20), (70, 45, 28), (120, 78, 40), (200, 165, 95), (150, 60, 30), (140, 140, 140))
EYE_RADIUS = 0.16  # as a chord of the unit sphere


@dataclass(frozen=True)
class Limb:
    """A capsule between two joints, with a radius in metres at each, covered by a part of the wardrobe."""

    start: str
    end: str
    radii: tuple[float, float]
    part: str


def limbs_of(side: str) -> tuple[Limb, ...]:
    """Return the capsules of the arm and leg on the side `left` or `right`."""
    return (
        Limb(f"{side}_shoulder", f"{side}_elbow", (0.062, 0.048), "sleeve"),
        Limb(f"{side}_elbow", f"{side}_wrist", (0.046, 0.036), "cuff"),
        Limb(f"{side}_wrist", f"{side}_wrist", (0.048, 0.048), "skin"),
        Limb(f"{side}_hip", f"{side}_knee", (0.092, 0.064), "trousers"),
        Limb(f"{side}_knee", f"{side}_ankle", (0.062, 0.042), "shins"),
        Limb(f"{side}_heel", f"{side}_toe", (0.048, 0.040), "shoes"),
    )


LIMBS = (
    *limbs_of("right"),
    *limbs_of("left"),
    Limb("right_hip", "left_hip", (0.098, 0.098), "trousers"),
    Limb("root", "chest", (0.125, 0.140), "shirt"),
    Limb("chest", "neck", (0.148, 0.105), "shirt"),
    Limb("right_shoulder", "left_shoulder", (0.068, 0.068), "shirt"),
    Limb("neck", "head", (0.050, 0.050), "skin"),
)
HEAD_RADIUS = 0.118  # metres


@dataclass(frozen=True)
class PersonStyle:
    """How one person looks: clothes by part of the body, skin, hair, and breadth (1 is average)."""

    wardrobe: dict[str, Pixels]
    skin: Colour
    hair: Colour
    breadth: float

    def head_texture(self, head: Array, axes: Array) -> BallTexture:
        """Return the colours of a head with the rotation `head` (4,), seen by a camera with `axes` (3, 3)."""
        return HeadTexture(self.skin, self.hair, head, axes)


@dataclass(frozen=True)
class HeadTexture:
    """The colours of a head with the rotation `head` (4,), seen by a camera with `axes` (3, 3)."""

    skin: Colour
    hair: Colour
    head: Array
    axes: Array

    def __call__(self, normals: Plane) -> Pixels:
        into_head = rotate(self.head * (1, -1, -1, -1), self.axes).astype(np.float32)
        x, y, z = np.moveaxis(normals @ into_head, -1, 0)  # forward, up, right
        hairy = (y > 0.5) | ((x < 0.05) & (y > -0.45))
        painted = np.where(hairy[..., None], self.hair, self.skin)
        for side in (-0.36, 0.36):
            near = (x > 0) & ((y - 0.12) ** 2 + (z - side) ** 2 < EYE_RADIUS**2)
            painted[near] = (25, 20, 20)
        painted[(x > 0) & (np.abs(y + 0.42) < 0.07) & (np.abs(z) < 0.28)] = (150, 60, 60)
        return np.asarray(painted, np.float32)


def random_style(rng: np.random.Generator, shirt: Colour | None = None) -> PersonStyle:
    """Return the looks of a random person. A given `shirt` colour comes with long sleeves and neutral trousers."""
    skin = np.array(SKIN_COLOURS[rng.integers(len(SKIN_COLOURS))], np.float32) * np.float32(rng.uniform(0.9, 1.05))
    bare = add_folds(rng, np.broadcast_to(skin, (16, 16, 3)).copy(), 0.05)
    if shirt is None:
        top = random_cloth(rng)
        trousers = random_cloth(rng)
    else:
        top = add_folds(rng, np.broadcast_to(shirt, (16, 16, 3)).copy())
        trousers = random_cloth(rng, random_colour(rng, saturation=0.12, low=0.15, high=0.8))
    wardrobe = {
        "shirt": top,
        "sleeve": top,
        "cuff": top if shirt is not None or rng.random() < 0.5 else bare,
        "trousers": trousers,
        "shins": trousers if rng.random() < 0.75 else bare,
        "shoes": random_cloth(rng, random_colour(rng, saturation=0.3, low=0.1, high=0.95)),
        "skin": bare,
    }
    hair = np.array(HAIR_COLOURS[rng.integers(len(HAIR_COLOURS))], np.float32)
    return PersonStyle(wardrobe, skin, hair, float(rng.uniform(0.9, 1.25)))


@dataclass(frozen=True)
class Person:
    """A moving body and how it looks; `draw_limb` draws each limb between its joints."""

    body: Body
    style: PersonStyle
    limbs: tuple[Limb, ...] = LIMBS
    head_radius: float = HEAD_RADIUS  # metres
    draw_limb: DrawLimb = draw_capsule


def place_body(body: Body, middle: Array, at: Array, rotation: Array, height: float) -> Body:
    """Scale a body by `height`, rotate it by the quaternion `rotation`, and move the point `middle` to `at`."""
    positions = {name: rotate(rotation, (position - middle) * height) + at for name, position in body.positions.items()}
    return Body(positions, multiply(np.broadcast_to(rotation, body.head_rotation.shape), body.head_rotation))
