"""Held-out clips as video files: to play, and to bring to the dashboard like any clip of a person's own."""

from collections.abc import Sequence
from pathlib import Path

import av

from worker.mocap.classes import CLASSES, NAMES, class_indices
from worker.mocap.dataset import make_scene
from worker.mocap.scene import Frames
from worker.mocap.staging import FPS, Variant

LENGTH = 48  # frames; what a network sees of a clip is the middle
SEED = 2  # neither that of training nor that of the test sets


def write_samples(folder: Path, *, each: int = 1, classes: Sequence[str] = NAMES, seed: int = SEED) -> list[Path]:
    """`each` clips of every class as MP4, named after it."""
    class_indices(classes)
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for number in range(each * len(classes)):
        name = classes[number % len(classes)]
        frames, _, _ = make_scene(number, seed, Variant.TEST, classes, LENGTH)
        paths.append(folder / f"{name}_{number // len(classes) + 1}.mp4")
        write_video(paths[-1], frames, title=CLASSES[name])
    return paths


def write_video(path: Path, frames: Frames, *, fps: int = FPS, title: str = "") -> None:
    """(T, H, W, 3) RGB as H.264, playable in browsers; sides must be even."""
    with av.open(str(path), "w") as container:
        container.metadata["title"] = title
        stream = container.add_stream("libx264", rate=fps, options={"crf": "18", "preset": "medium"})
        stream.height, stream.width = frames.shape[1:3]
        stream.pix_fmt = "yuv420p"
        for image in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode(None))
