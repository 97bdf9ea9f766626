"""Stage a scene from two independent parts: what is dynamic (a motion and its view) and what is static (the look).

Two scenes with one dynamic part show the same motion, phase and view of another body, in other clothes elsewhere. Two
scenes with one static part show the same body, clothes and place with another motion, from another side. The view is
dynamic because it decides the motion in the picture. The red mat is in none of them.
"""

import numpy as np

from worker.mocap.scenes.backdrop import random_backdrop
from worker.mocap.scenes.body import forward_kinematics
from worker.mocap.scenes.people import Person, place_body, random_style
from worker.mocap.scenes.rotations import axis_rotation
from worker.mocap.scenes.scene import GRAIN_STD, Scene
from worker.mocap.scenes.staging import (
    CLIP_FRAMES,
    DRAWN_SIDE,
    SCRIPTS,
    VIEW_WIDTH_METRES,
    PairScript,
    frame_times,
    random_camera,
    random_light,
    random_shifts,
)

PAIRED_CLASSES = tuple(name for name, scripts in SCRIPTS.items() if not isinstance(scripts[0], PairScript))


def stage_paired(name: str, dynamic_seed: int, static_seed: int, frames: int = CLIP_FRAMES) -> Scene:
    """Return a scene of one person; `name` is the class of the motion, one of PAIRED_CLASSES."""
    dynamic, static = (np.random.default_rng((seed, part)) for part, seed in enumerate((dynamic_seed, static_seed)))
    times = frame_times(frames)
    scripts = SCRIPTS[name]
    (performance,) = scripts[dynamic.integers(len(scripts))].performances(dynamic)
    camera = random_camera(dynamic, np.array([0, dynamic.uniform(0.75, 0.95), 0]), dynamic.uniform(*VIEW_WIDTH_METRES))
    rotation = axis_rotation((0, 1, 0), dynamic.uniform(0, 2 * np.pi))
    body = forward_kinematics(performance.motion.pose(performance.start + performance.speed * times))
    middle = body.positions["root"][len(times) // 2] * (1, 0, 1)
    height = static.uniform(0.9, 1.08)
    person = Person(place_body(body, middle, np.zeros(3), rotation, height), random_style(static))
    unscaled = place_body(body, middle, np.zeros(3), rotation, 1)  # the camera follows the motion, not the body's size
    return Scene(
        camera=camera,
        light=random_light(static),
        backdrop=random_backdrop(static, camera, mat=False),
        shifts=random_shifts(dynamic, camera, unscaled.positions["root"]),
        grain=static.normal(0, GRAIN_STD, (2 * DRAWN_SIDE, 2 * DRAWN_SIDE)).astype(np.float32),
        people=(person,),
    )
