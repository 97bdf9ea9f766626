"""Turn video files into the clips of a data set: decoded, rendered and stored."""

import logging
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np

from app.contract.dataset import MAX_CLIP_FRAMES, ClipSource, NewClip
from app.contract.errors import VideoError
from app.contract.result import MediaRole
from app.settings import settings
from app.store import datasets
from app.store.database.chunks import chunks
from app.store.database.engine import Store
from worker.networks.preprocessing import FPS
from worker.render.clips import render_clip
from worker.survey.clip_flow import needs_flow
from worker.survey.clip_names import NamedVideo, plan_names
from worker.survey.stored_inputs import stored_frames
from worker.survey.video_files import VideoFile
from worker.video.decoders import ClipDecoders
from worker.video.flow import Frames, dis_flow, downscale_flow

SIDE_PX = 240  # flow is computed at this size and stored at half of it, as in the training data of our networks
CLIPS_PER_TRANSACTION = 16

log = logging.getLogger(__name__)


@dataclass
class IntakeReport:
    """How many video files were added, how many were there already, and why others were skipped."""

    added: int = 0
    already_there: int = 0
    skipped: dict[str, str] = field(default_factory=dict)  # name -> why it cannot be read


def add_clip_files(
    store: Store,
    dataset_slug: str,
    title: str,
    summary: str,
    files: Sequence[VideoFile],
    *,
    flow: bool | None = None,
    observe: Callable[[int], None] = lambda done: None,
    threads: int | None = None,
    decoders: ClipDecoders | None = None,
) -> IntakeReport:
    """Add videos to a data set, which is created if it does not exist; clips that are already there stay as they are.

    An intake that was stopped therefore continues where it was, and a data set that has grown is added to. A clip that
    is there already gets the group that its file names now, and its video where it came without one in a bundle. Videos
    that cannot be read are skipped. `observe` is called with the number of files done. Raises VideoError where none can
    be read; then no data set is created.

    Clips get their flow with `flow`, or if that is None where a network with a motion stream can be surveyed with them;
    it is most of the time that a clip takes. `decoders` read the files, by default ones of this call's own.
    """
    if flow is None:
        flow = needs_flow(store, {file.label for file in files})
    with store.session() as session:
        is_new = all(dataset.slug != dataset_slug for dataset in datasets.list_datasets(session))
        known = [] if is_new else datasets.clip_sources(session, slug=dataset_slug)
        without_video = (
            set() if is_new else set(datasets.clips_without(session, slug=dataset_slug, role=MediaRole.VIDEO))
        )
    with (
        nullcontext(decoders) if decoders else ClipDecoders() as reading,
        ThreadPoolExecutor(threads or settings().threads or os.cpu_count()) as pool,
    ):
        plan = plan_names(files, known, partial(_most_alike, store, dataset_slug, reading))
        report = IntakeReport(already_there=len(plan.known))
        without_source = {clip.name: file.source for file, clip in plan.known.items() if clip.source is None}
        other_group = {
            clip.name: file.group for file, clip in plan.known.items() if file.group not in (None, clip.group)
        }
        if without_source or other_group:
            with store.transaction() as session:
                datasets.set_sources(session, slug=dataset_slug, sources=without_source)
                datasets.set_groups(session, slug=dataset_slug, groups=other_group)
        incomplete = [
            NamedVideo(clip.name, clip.label, file) for file, clip in plan.known.items() if clip.name in without_video
        ]
        done = report.already_there - len(incomplete)
        observe(done)
        make = partial(_make_clip_or_error, reading, flow)
        for batch in chunks((*incomplete, *plan.new), CLIPS_PER_TRANSACTION):
            clips = []
            for video, clip in zip(batch, pool.map(make, batch), strict=True):
                if isinstance(clip, NewClip):
                    clips.append(clip)
                else:
                    report.skipped[video.name] = clip.detail
            if clips:
                with store.transaction() as session:
                    if is_new:
                        datasets.add_dataset(session, slug=dataset_slug, title=title, summary=summary)
                    media = {clip.name: clip.media for clip in clips if clip.name in without_video}
                    datasets.add_clip_media(session, slug=dataset_slug, media=media)
                    report.added += datasets.add_clips(session, slug=dataset_slug, clips=clips)
                is_new = False
            done += len(batch)
            observe(done)
    if len(report.skipped) == len(files):
        reason = next(iter(report.skipped.values()), "There is none.")
        raise VideoError(f"None of the {len(files):,} videos can be read. The first: {reason}")
    return report


def _most_alike(
    store: Store, slug: str, decoders: ClipDecoders, clip: ClipSource, files: Sequence[VideoFile]
) -> VideoFile:
    """Return the video whose frames differ least from those of a stored clip; the first where none can be compared."""
    differences: dict[VideoFile, float] = {}
    for file in files:
        try:
            stored = stored_frames(store, slug, clip.name, MAX_CLIP_FRAMES).astype(int)
            frames = _read_middle(decoders, file.path)
        except VideoError:
            continue
        count = min(len(stored), len(frames))
        differences[file] = float(np.abs(stored[:count] - frames[:count]).mean())
    return min(differences or files, key=lambda file: differences.get(file, 0))


def make_clip(
    name: str,
    label: str,
    video: Path,
    decoders: ClipDecoders,
    *,
    flow: bool,
    source: str | None = None,
    group: str | None = None,
) -> NewClip:
    """Return the middle of a video as a clip with its media, with `flow` also those of its flow. Raises VideoError."""
    frames = _read_middle(decoders, video)
    if len(frames) < 2:
        raise VideoError(f"The clip {video.name} has one frame; without a second one there is no motion to see.")
    fields = downscale_flow(dis_flow(frames)) if flow else None
    media = tuple(render_clip(frames, fields, fps=FPS))
    return NewClip(name=name, label=label, source=source, group=group, media=media)


def _read_middle(decoders: ClipDecoders, video: Path) -> Frames:
    return decoders.read_clip(video, fps=FPS, frames=MAX_CLIP_FRAMES, short_side=SIDE_PX, crop=SIDE_PX, loop=False)


def _make_clip_or_error(decoders: ClipDecoders, flow: bool, video: NamedVideo) -> NewClip | VideoError:
    """Return the clip of a file, or why there is none: whatever one file raises, the others are added."""
    try:
        file = video.video
        return make_clip(video.name, video.label, file.path, decoders, flow=flow, source=file.source, group=file.group)
    except VideoError as error:
        return error
    except Exception as error:
        log.exception("The video %a could not be added.", video.name)
        return VideoError(f"Something unexpected went wrong ({type(error).__name__}); the log says what.")
