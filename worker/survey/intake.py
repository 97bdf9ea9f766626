"""From video files to the clips of a data set: decoded, their flow computed, rendered, stored."""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from app.contract.errors import VideoError
from app.contract.evidence import NewClip
from app.settings import settings
from app.store import datasets
from app.store.database.engine import Store
from worker.render.clips import render_clip
from worker.video.decode import read_clip
from worker.video.flow import consecutive_flow, reduce_flow

FPS = 25
FRAMES = 64  # at most: what the longest-sighted network here sees
SIDE = 240  # pixels; flow is computed at this size and kept at half of it, as the data of our networks
AT_ONCE = 16  # clips made before they are stored together

Files = Sequence[tuple[str, str, Path]]  # name, label, video


@dataclass
class Intake:
    """What became of the files."""

    added: int = 0
    kept: int = 0  # there already
    skipped: dict[str, str] = field(default_factory=dict)  # name -> why it cannot be read


def add_clip_files(
    store: Store,
    dataset_slug: str,
    title: str,
    summary: str,
    files: Files,
    *,
    observe: Callable[[int], None] = lambda done: None,
    threads: int | None = None,
) -> Intake:
    """Make a data set of these videos, or add to the one of that slug what it does not have yet, so that an intake
    that was stopped goes on. `observe` hears how many files are done. Videos that cannot be read are skipped.

    Raises VideoError where none can be read; then a set that was not there before is not there after.
    """
    with store.session() as session:
        is_new = all(each.slug != dataset_slug for each in datasets.list_datasets(session))
        known = set() if is_new else {name for name, _ in datasets.clip_names(session, slug=dataset_slug)}
    missing = [file for file in files if file[0] not in known]
    intake = Intake(kept=len(files) - len(missing))
    done = intake.kept
    observe(done)
    with ThreadPoolExecutor(threads or settings().threads or os.cpu_count()) as pool:
        for some in _in_parts(missing):
            clips = []
            for file, made in zip(some, pool.map(_try, some), strict=True):
                if isinstance(made, NewClip):
                    clips.append(made)
                else:
                    intake.skipped[file[0]] = made.detail
            if clips:
                with store.transaction() as session:
                    if is_new:
                        datasets.add_dataset(session, slug=dataset_slug, title=title, summary=summary)
                    intake.added += datasets.add_clips(session, slug=dataset_slug, clips=clips)
                is_new = False
            done += len(some)
            observe(done)
    if not intake.added and not intake.kept:
        first = next(iter(intake.skipped.values()), "There is none.")
        raise VideoError(f"None of the {len(files):,} videos can be read. The first: {first}")
    return intake


def make_clip(name: str, label: str, video: Path) -> NewClip:
    """Raises VideoError."""
    frames = read_clip(video, fps=FPS, frames=FRAMES, short_side=SIDE, crop=SIDE, loop=False)
    if len(frames) < 2:
        raise VideoError(f"The clip {video.name} has one frame; without a second one there is no motion to see.")
    flow = reduce_flow(consecutive_flow(frames))
    return NewClip(name=name, label=label, media=tuple(render_clip(frames, flow, fps=FPS)))


def _try(file: tuple[str, str, Path]) -> NewClip | VideoError:
    try:
        return make_clip(*file)
    except VideoError as error:
        return error


def _in_parts(files: Files) -> Iterator[Files]:
    for start in range(0, len(files), AT_ONCE):
        yield files[start : start + AT_ONCE]
