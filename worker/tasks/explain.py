"""Jobs of the kind `explain`: one clip, as a person sent it or from a data set, and why it is taken for what it is."""

import logging
import re
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch

from app.contract.errors import KinetoscopeError, VideoError
from app.contract.explanation import OwnClip
from app.contract.job import ExplainJob, Progress
from app.contract.network import NetworkCard
from app.store import Session
from app.store.database.engine import Store
from app.store.surveys import explanations
from worker.evidence.explain import explain
from worker.graph.inputs import on_device
from worker.loop import Desk
from worker.networks.preprocessing import FPS, make_inputs, seen, view
from worker.render.clips import render_clip
from worker.survey.stored_inputs import stored_frames
from worker.tasks.resident import Resident
from worker.tasks.survey import Dropped
from worker.video.decode import read_clip
from worker.video.flow import Frames, consecutive_flow, reduce_flow

log = logging.getLogger(__name__)

MAX_PIXELS = 4096 * 2304  # a frame
MAX_SECONDS = 120.0
PAUSE = 0.2  # seconds between two looks at the desk


class Explain:
    def __init__(self, store: Store, device: torch.device) -> None:
        self.store = store
        self.device = device
        self.resident = Resident(store, device, kept=1)

    def __call__(self, jobs: Sequence[ExplainJob], desk: Desk) -> None:
        for job in jobs:
            try:
                self._explain(job, desk)
            except Dropped:
                log.info("job %s (a clip for %s) was dropped", job.id, job.network)
            except KinetoscopeError as error:
                desk.fail(job, error)

    def _explain(self, job: ExplainJob, desk: Desk) -> None:
        network = self.resident.network(job.network)
        reports = _Reports(job, desk)
        with self.store.session() as session:
            clip = explanations.get_own_clip(session, clip_id=job.id)
        frames = self._frames(clip, network.card, reports.alive)
        if len(frames) < 2:
            raise VideoError(f"The clip {clip.name} has one frame; without a second one there is no motion to see.")
        inputs = on_device(make_inputs(network.card, frames), self.device)
        found = explain(network, inputs, clip.expected, reports.observe)
        pictures = seen(network.card, frames)
        media = render_clip(pictures, reduce_flow(consecutive_flow(pictures)), fps=FPS)

        def save(session: Session) -> dict[str, Any]:
            explanations.save_explanation(session, job_id=job.id, explanation=found, media=media)
            return found.predictions[0].model_dump(mode="json")

        desk.complete(job, save)

    def _frames(self, clip: OwnClip, card: NetworkCard, alive: Callable[[], None]) -> Frames:
        look, job = view(card), clip.job
        if job.dataset is not None:
            return stored_frames(self.store, job.dataset, clip.name, look.frames)
        with self.store.session() as session:
            data = explanations.read_file(session, job_id=job.id)
        with TemporaryDirectory(prefix="kinetoscope-") as folder:
            path = Path(folder) / (re.sub(r"[^A-Za-z0-9.-]", "_", clip.name).lstrip(".") or "clip")
            path.write_bytes(data)
            return read_clip(
                path,
                fps=FPS,
                frames=look.frames,
                short_side=look.side,
                crop=look.side,
                max_pixels=MAX_PIXELS,
                max_seconds=MAX_SECONDS,
                loop=False,
                observe=alive,
            )


class _Reports:
    """Tells the desk of each pass, and meanwhile that the job is alive."""

    def __init__(self, job: ExplainJob, desk: Desk) -> None:
        self.job, self.desk = job, desk
        self.told = 0.0
        self.started: float | None = None

    def alive(self) -> None:
        if time.monotonic() - self.told > PAUSE:
            self._tell(Progress(step=0, steps=1))

    def observe(self, done: int, most: int) -> None:
        if self.started is None:
            self.started = time.monotonic()
        elapsed = time.monotonic() - self.started
        seconds_left = elapsed / (done - 1) * (most - done) if done > 1 else None
        self._tell(Progress(step=done, steps=most, seconds_left=seconds_left))

    def _tell(self, progress: Progress) -> None:
        self.told = time.monotonic()
        if self.job.id in self.desk.report({self.job.id: progress}, {}):
            raise Dropped
