"""Makes the data set: a clip follows from its seed, variant and number alone, whoever makes it and when."""

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import ExitStack, contextmanager
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import cv2
import numpy as np
from rich.progress import Progress

from app.contract.errors import InvalidRequest
from worker.mocap.cache import Clips, Description, missing_shards, open_cache, write_shard
from worker.mocap.motions import motions_folder
from worker.mocap.scene import Frames
from worker.mocap.staging import FRAMES, SIZE, Variant, stage
from worker.networks.families.mocap_classes import CLASS_NAMES, class_indices
from worker.video.flow import dis_flow, downscale_flow, downscale_frames, quantise

VERSION = 2  # of what clips look like: caches of another are not mixed


def find_variant(name: str) -> Variant:
    try:
        return Variant(name)
    except ValueError:
        raise InvalidRequest(f"There is no variant {name!r} of the data: it is {', '.join(Variant)}.") from None


def make_scene(
    number: int, seed: int, variant: Variant, classes: Sequence[str], frames: int = FRAMES
) -> tuple[Frames, int, bool]:
    """Clip `number` (T, SIZE, SIZE, 3), its label, and whether the mat is there. Classes take turns."""
    name = classes[number % len(classes)]
    rng = np.random.default_rng((seed, list(Variant).index(variant), number))
    staged = stage(name, rng, variant, frames)
    return staged.scene.draw(SIZE), CLASS_NAMES.index(name), staged.mat


def make_clips(numbers: Sequence[int], seed: int, variant: Variant, classes: Sequence[str]) -> Clips:
    frames, flow, labels, mats = [], [], [], []
    for number in numbers:
        clip, label, mat = make_scene(number, seed, variant, classes)
        fields = quantise(downscale_flow(dis_flow(clip)))
        frames.append(downscale_frames(clip[FRAMES // 2, None])[0].transpose(2, 0, 1))
        flow.append(fields.transpose(0, 3, 1, 2).reshape(-1, *fields.shape[1:3]))
        labels.append(label)
        mats.append(mat)
    return Clips(np.stack(frames), np.stack(flow), np.array(labels, np.int64), np.array(mats, np.bool_))


def make_dataset(
    folder: Path,
    *,
    clips: int,
    variant: Variant,
    seed: int = 0,
    classes: Sequence[str] = CLASS_NAMES,
    processes: int | None = None,
    progress: Progress | None = None,
) -> None:
    """Writes what is missing of the clips, with as many processes as there are CPUs unless told otherwise.

    Raises MotionsMissing, UnknownClass, DiskFull, Conflict (see worker.mocap.cache).
    """
    class_indices(classes)
    motions_folder()
    description = Description(clips, seed, variant.value, tuple(classes), VERSION)
    open_cache(folder, description)
    missing = missing_shards(folder, description)
    make = partial(_make_shard, folder, description)
    count = min(processes or os.cpu_count() or 1, len(missing) or 1)
    with ExitStack() as stack:
        if progress is None:
            progress = stack.enter_context(Progress(disable=True))
        done = clips - sum(len(description.members(shard)) for shard in missing)
        task = progress.add_task(f"{variant} clips", total=clips, completed=done)
        if count == 1:
            for shard in missing:
                progress.advance(task, make(shard))
            return
        stack.enter_context(_one_thread_each())
        pool = stack.enter_context(ProcessPoolExecutor(count, get_context("spawn")))
        for future in as_completed([pool.submit(make, shard) for shard in missing]):
            progress.advance(task, future.result())


@contextmanager
def _one_thread_each() -> Iterator[None]:
    """Processes started within do linear algebra on one thread: one process a CPU already, and threads that wait
    for each other took twice the time.
    """
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    before = {name: os.environ.get(name) for name in names}
    os.environ.update(dict.fromkeys(names, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _make_shard(folder: Path, description: Description, shard: int) -> int:
    cv2.setNumThreads(1)
    numbers = description.members(shard)
    write_shard(folder, shard, make_clips(numbers, description.seed, Variant(description.variant), description.classes))
    return len(numbers)
