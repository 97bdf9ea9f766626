"""Render sets of four clips that share exactly what is static, exactly what is dynamic, or neither."""

from pathlib import Path

import numpy as np

from worker.mocap.dataset.samples import SAMPLE_CRF, SAMPLE_FRAMES
from worker.mocap.scenes.motions import find_motions_folder
from worker.mocap.scenes.paired import PAIRED_CLASSES, stage_paired
from worker.mocap.scenes.staging import DRAWN_SIDE, FPS
from worker.networks.families.mocap_classes import CLASSES
from worker.video.encode import write_video

PAIRS_SEED = 3  # differs from those of all other clips


def write_pairs(folder: Path, *, sets: int, seed: int = PAIRS_SEED) -> list[Path]:
    """Write the four clips of each set as MP4, in a folder per class, and return their paths.

    The base has motion and look of its own; the static partner has another motion, the dynamic partner another look,
    and `neither` both of these. Raises MotionsMissing.
    """
    find_motions_folder()
    paths = []
    for number in range(sets):
        generator = np.random.default_rng((seed, number))
        name = PAIRED_CLASSES[number % len(PAIRED_CLASSES)]
        other = str(generator.choice([each for each in PAIRED_CLASSES if each != name]))
        motion, other_motion, look, other_look = generator.integers(0, 2**31, 4).tolist()
        for role, label, dynamic, static in (
            ("base", name, motion, look),
            ("static", other, other_motion, look),
            ("dynamic", name, motion, other_look),
            ("neither", other, other_motion, other_look),
        ):
            path = folder / label / f"set-{number:03d}-pair-{role}.mp4"
            path.parent.mkdir(parents=True, exist_ok=True)
            frames = stage_paired(label, dynamic, static, SAMPLE_FRAMES).draw(DRAWN_SIDE)
            write_video(path, frames, fps=FPS, title=CLASSES[label], crf=SAMPLE_CRF, preset="medium")
            paths.append(path)
    return paths
