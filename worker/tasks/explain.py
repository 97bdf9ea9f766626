"""Explain jobs: why a network classifies one clip as it does; the clip is uploaded or comes from a data set."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch

from app.contract.errors import VideoError
from app.contract.explanation import OwnClip
from app.contract.job import ExplainJob
from app.contract.network import NetworkCard
from app.store import Session
from app.store.database.engine import Store
from app.store.surveys import explanations
from worker.evidence.explain import MAX_SILENCED_PASSES, explain
from worker.evidence.layer_attribution import UNITS_SILENCED
from worker.graph.inputs import on_device
from worker.job_context import JobContext
from worker.networks.preprocessing import FPS, clip_format, make_inputs, visible_frames
from worker.render.clips import render_clip
from worker.survey.stored_inputs import stored_frames
from worker.tasks.network_cache import NetworkCache
from worker.tasks.progress import ProgressReporter
from worker.video.decoders import read_clip_in_child
from worker.video.flow import Frames, dis_flow, downscale_flow
from worker.video.limits import DecodeLimits

UPLOAD_LIMITS = DecodeLimits(seconds=120)


class ExplainTask:
    """Explains one clip; an uploaded file is untrusted, so a child process decodes it within limits."""

    def __init__(
        self,
        store: Store,
        device: torch.device,
        *,
        limits: DecodeLimits = UPLOAD_LIMITS,
        units_silenced: int = UNITS_SILENCED,
        max_silenced_passes: int = MAX_SILENCED_PASSES,
    ) -> None:
        self.store = store
        self.device = device
        self.limits = limits
        self.units_silenced, self.max_silenced_passes = units_silenced, max_silenced_passes
        self.networks = NetworkCache(store, device, max_networks=1)

    def __call__(self, jobs: Sequence[ExplainJob], context: JobContext) -> None:
        context.run_each(jobs, self._explain)

    def _explain(self, job: ExplainJob, context: JobContext) -> None:
        network = self.networks.load(job.network)
        reporter = ProgressReporter(context, [job])
        with self.store.session() as session:
            clip = explanations.get_own_clip(session, clip_id=job.id)
        frames = self._read_frames(clip, network.card, reporter.keep_alive)
        if len(frames) < 2:
            raise VideoError(f"The clip {clip.name} has one frame; without a second one there is no motion to see.")
        explanation = explain(
            network,
            on_device(make_inputs(network.card, frames), self.device),
            clip.expected,
            reporter.report,
            units_silenced=self.units_silenced,
            max_silenced_passes=self.max_silenced_passes,
        )
        shown = visible_frames(network.card, frames)
        media = render_clip(shown, downscale_flow(dis_flow(shown)), fps=FPS)

        def save(session: Session) -> dict[str, Any]:
            explanations.save_explanation(session, job_id=job.id, explanation=explanation, media=media)
            return explanation.predictions[0].model_dump(mode="json")

        context.finish(job, save)

    def _read_frames(self, clip: OwnClip, card: NetworkCard, keep_alive: Callable[[], None]) -> Frames:
        """Return the middle of the clip as the network sees it, (T, H, W, 3). Raises VideoError."""
        wanted, job = clip_format(card), clip.job
        if job.dataset is not None:
            return stored_frames(self.store, job.dataset, clip.name, wanted.frames)
        with self.store.session() as session:
            data = explanations.read_file(session, job_id=job.id)
        with TemporaryDirectory(prefix="kinetoscope-") as folder:
            path = Path(folder) / (re.sub(r"[^A-Za-z0-9.-]", "_", clip.name).lstrip(".") or "clip")
            path.write_bytes(data)
            return read_clip_in_child(
                path,
                fps=FPS,
                frames=wanted.frames,
                short_side=wanted.short_side,
                crop=wanted.size,
                limits=self.limits,
                loop=False,
                observe=keep_alive,
            )
