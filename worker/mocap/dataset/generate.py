"""Generate a data set. A clip is determined by its seed, variant and number."""

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
from worker.mocap.dataset.shards import (
    CLIPS_PER_SHARD,
    Clips,
    DatasetDescription,
    missing_shards,
    open_dataset,
    write_shard,
)
from worker.mocap.scenes.motions import find_motions_folder
from worker.mocap.scenes.restyled import stage_restyled
from worker.mocap.scenes.scene import Frames
from worker.mocap.scenes.staging import CLIP_FRAMES, DRAWN_SIDE, StagedScene, Variant, stage_scene
from worker.networks.families.mocap_classes import CLASS_NAMES, class_indices
from worker.video.flow import Flow, dis_flow, downscale_flow, downscale_frames, farneback_flow, quantise

RESTYLED_FLOW_WINDOW = 7  # pixels at the stored size
GENERATOR_VERSION = 2  # of what clips look like: clips of two versions are never mixed


def find_variant(name: str) -> Variant:
    """Return the variant of this name. Raises InvalidRequest for an unknown one."""
    try:
        return Variant(name)
    except ValueError:
        raise InvalidRequest(f"There is no variant {name!r} of the data: it is {', '.join(Variant)}.") from None


def stage_clip(
    number: int, seed: int, variant: Variant, classes: Sequence[str], frames: int = CLIP_FRAMES
) -> StagedScene:
    """Return the scene of clip `number`, undrawn. The clips cycle through `classes`."""
    name = classes[number % len(classes)]
    rng = np.random.default_rng((seed, list(Variant).index(variant), number))
    if variant is Variant.RESTYLED:
        return StagedScene(stage_restyled(name, rng, frames), has_mat=False)
    return stage_scene(name, rng, variant, frames)


def draw_clip(
    number: int, seed: int, variant: Variant, classes: Sequence[str], frames: int = CLIP_FRAMES
) -> tuple[Frames, int, bool]:
    """Draw clip `number`: its frames (T, DRAWN_SIDE, DRAWN_SIDE, 3), its label, and whether the mat is in it.

    The clips cycle through `classes`.
    """
    staged = stage_clip(number, seed, variant, classes, frames)
    return staged.scene.draw(DRAWN_SIDE), CLASS_NAMES.index(classes[number % len(classes)]), staged.has_mat


def compute_flow(clip: Frames, variant: Variant) -> Flow:
    """Return the flow of a drawn clip at half its size, by another method for restyled clips."""
    if variant is Variant.RESTYLED:
        return farneback_flow(downscale_frames(clip), RESTYLED_FLOW_WINDOW)
    return downscale_flow(dis_flow(clip))


def make_clips(numbers: Sequence[int], seed: int, variant: Variant, classes: Sequence[str]) -> Clips:
    """Draw the clips of these numbers and compute their flow."""
    frames, flow, labels, mats = [], [], [], []
    for number in numbers:
        clip, label, mat = draw_clip(number, seed, variant, classes)
        fields = quantise(compute_flow(clip, variant))
        frames.append(downscale_frames(clip[CLIP_FRAMES // 2, None])[0].transpose(2, 0, 1))
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
    clips_per_shard: int = CLIPS_PER_SHARD,
) -> None:
    """Write the clips that are missing in the folder, with one process for each CPU unless `processes` says otherwise.

    Raises MotionsMissing, UnknownClass, and DiskFull or Conflict (see `shards.open_dataset`).
    """
    class_indices(classes)
    find_motions_folder()
    description = DatasetDescription(clips, seed, variant.value, tuple(classes), GENERATOR_VERSION, clips_per_shard)
    open_dataset(folder, description)
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
    """Make processes that start within it use one thread for linear algebra.

    There is one process for each CPU already; with more threads, which wait for each other, it took twice as long.
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


def _make_shard(folder: Path, description: DatasetDescription, shard: int) -> int:
    cv2.setNumThreads(1)
    numbers = description.members(shard)
    write_shard(folder, shard, make_clips(numbers, description.seed, Variant(description.variant), description.classes))
    return len(numbers)
