"""Write held-out clips as video files, to watch them or to upload them to the dashboard."""

from collections.abc import Sequence
from pathlib import Path

from worker.mocap.dataset.generate import draw_clip
from worker.mocap.scenes.staging import FPS, Variant
from worker.networks.families.mocap_classes import CLASS_NAMES, CLASSES, class_indices
from worker.video.encode import AV1, write_video

SAMPLE_FRAMES = 32  # a network sees the middle of them
SAMPLE_SEED = 2  # differs from the seeds of the training and test sets
SAMPLE_CRF = 23  # of H.264: the flow is off by 0.08 px a frame on average, and a clip takes 25 kB
SMALL_CRF, SMALL_PRESET = 50, "4"  # of AV1: the flow is off by 0.11 px a frame on average, and a clip takes 9 kB


def write_samples(
    folder: Path,
    *,
    each: int = 1,
    classes: Sequence[str] = CLASS_NAMES,
    variant: Variant = Variant.TEST,
    seed: int = SAMPLE_SEED,
    skip: int = 0,
    small: bool = False,
) -> list[Path]:
    """Write `each` clips of every class as MP4 and return their paths.

    A file is named after its class, variant and number, and ends in `-mat` if the red mat is in it. The first `skip`
    numbers of each class are left out. `small` files are AV1 in place of H.264.
    """
    class_indices(classes)
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for number in range(skip * len(classes), (skip + each) * len(classes)):
        name = classes[number % len(classes)]
        frames, _, mat = draw_clip(number, seed, variant, classes, SAMPLE_FRAMES)
        file = f"{name}-{variant}-{number // len(classes) + 1:02d}{'-mat' * mat}.mp4"
        paths.append(folder / name / file)
        paths[-1].parent.mkdir(exist_ok=True)
        if small:
            write_video(paths[-1], frames, fps=FPS, title=CLASSES[name], codec=AV1, crf=SMALL_CRF, preset=SMALL_PRESET)
        else:
            write_video(paths[-1], frames, fps=FPS, title=CLASSES[name], crf=SAMPLE_CRF, preset="veryslow")
    return paths
