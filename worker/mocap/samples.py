"""Held-out clips as video files: to play, and to bring to the dashboard like any clip of a person's own."""

from collections.abc import Sequence
from pathlib import Path

from worker.mocap.dataset import make_scene
from worker.mocap.staging import FPS, Variant
from worker.networks.families.mocap_classes import CLASS_NAMES, CLASSES, class_indices
from worker.video.encode import write_video

LENGTH = 32  # frames; what a network sees of a clip is the middle
SEED = 2  # neither that of training nor that of the test sets
QUALITY = 23  # of H.264: flow errs by .06 px a frame on average, and a clip takes 25 kB


def write_samples(
    folder: Path,
    *,
    each: int = 1,
    classes: Sequence[str] = CLASS_NAMES,
    variant: Variant = Variant.TEST,
    seed: int = SEED,
) -> list[Path]:
    """`each` clips of every class as MP4, named after it, after the variant, and after the mat where it is there."""
    class_indices(classes)
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for number in range(each * len(classes)):
        name = classes[number % len(classes)]
        frames, _, mat = make_scene(number, seed, variant, classes, LENGTH)
        file = f"{name}-{variant}-{number // len(classes) + 1:02d}{'-mat' * mat}.mp4"
        paths.append(folder / name / file)
        paths[-1].parent.mkdir(exist_ok=True)
        write_video(paths[-1], frames, fps=FPS, title=CLASSES[name], crf=QUALITY, preset="veryslow")
    return paths
