"""A clip from its bytes to an explanation, by the real loop; and clips that mean no good."""

import io
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import torch
from sqlalchemy import func, select

from app.contract.explanation import OwnClip
from app.contract.job import ExplainRequest, JobKind, JobState
from app.contract.result import MediaRole
from app.store.catalog import networks
from app.store.database.engine import Store, open_store
from app.store.database.tables import MediaRow
from app.store.database.upload_tables import ExplanationMediaRow, UploadRow
from app.store.surveys import explanations
from tests.support import LEASE
from tests.worker.video.hostile_files import gif
from worker.loop import WorkerLoop
from worker.networks.load import describe_network
from worker.tasks import make_tasks
from worker.tasks.explain import ExplainTask
from worker.video.limits import DecodeLimits


def video(frames: int = 12, width: int = 64, height: int = 48) -> bytes:
    made = io.BytesIO()
    rng = np.random.default_rng(3)
    picture = rng.integers(0, 255, (height, width, 3), dtype=np.uint8)
    with av.open(made, "w", format="mp4") as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.time_base = Fraction(1, 25)
        for number in range(frames):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.roll(picture, number, 1), format="rgb24")))
        container.mux(stream.encode())
    return made.getvalue()


@pytest.fixture
def store(sqlite_url: str, tiny_two_stream_weights: Path) -> Iterator[Store]:
    store = open_store(sqlite_url)
    card = describe_network(family="tiny_two_stream", weights=tiny_two_stream_weights, slug="tiny")
    with store.transaction() as session:
        networks.add_network(session, card=card, weights=[tiny_two_stream_weights.read_bytes()])
    yield store
    store.close()


def work(store: Store, data: bytes, name: str = "mine.mp4", **limits: Any) -> OwnClip:
    with store.transaction() as session:
        request = ExplainRequest(network="tiny", expected="wave")
        job = explanations.enqueue_file(session, request=request, name=name, data=data)
    device = torch.device("cpu")
    tasks = replace(make_tasks(store, device), explain=ExplainTask(store, device, **limits))
    loop = WorkerLoop(store, tasks=tasks, device="cpu", batch=1, lease=LEASE)
    assert loop.work_once()
    with store.session() as session:
        assert session.scalar(select(func.count()).select_from(UploadRow)) == 0
        return explanations.get_own_clip(session, clip_id=job.id)


@pytest.mark.parametrize("name", ["mine.mp4", "..", "ein schöner / Sprung \u2603.mp4"])
def test_a_clip_is_explained_and_kept_as_the_network_saw_it(store: Store, name: str) -> None:
    clip = work(store, video(), name)
    assert (clip.job.state, clip.job.error, clip.job.kind) == (JobState.DONE, None, JobKind.EXPLAIN)
    actual = clip.explanation
    assert actual is not None
    assert clip.job.answer == actual.predictions[0].model_dump()
    assert actual.expected is not None
    assert actual.expected.label == "wave"
    for shares in (actual.predicted, actual.expected, *actual.contrasts):
        for layer in shares.layers:
            assert sum(unit.share for unit in layer.units) + layer.others + layer.rest == pytest.approx(shares.logit)
    shown = {ref.role: ref for ref in clip.media}
    assert set(shown) == {
        MediaRole.VIDEO,
        MediaRole.POSTER,
        MediaRole.FLOW,
        MediaRole.FLOW_DIRECTION,
        MediaRole.FLOW_XY,
    }
    assert (shown[MediaRole.VIDEO].width, shown[MediaRole.VIDEO].height, shown[MediaRole.VIDEO].frames) == (64, 64, 4)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"\x00\x00\x00\x18ftypisom<html><script>alert(1)</script></html>", "damaged, or not a video"),
        (video()[: len(video()) // 2], "damaged, or not a video"),
        (video(frames=1), "one frame"),
        (b"RIFF\xff\xff\xff\xffAVI LIST" + bytes(200), "."),
        (gif(65535, 1), "65535 x 1: one side may be at most 16 times the other"),
    ],
)
def test_hostile_clips_fail_with_a_reason_and_leave_nothing(store: Store, data: bytes, words: str) -> None:
    clip = work(store, data)
    assert clip.job.state is JobState.FAILED
    assert clip.job.error is not None
    assert clip.job.error.kind == "video_unreadable", clip.job.error.detail
    assert words in clip.job.error.detail
    assert clip.explanation is None
    with store.session() as session:
        for table in (MediaRow, ExplanationMediaRow):
            assert session.scalar(select(func.count()).select_from(table)) == 0


@pytest.mark.parametrize(
    ("limits", "words"), [(DecodeLimits(pixels=64 * 47), "pixels"), (DecodeLimits(seconds=0.2), "longer")]
)
def test_limits_on_pixels_and_seconds(store: Store, limits: DecodeLimits, words: str) -> None:
    clip = work(store, video(), "mine.mp4", limits=limits)
    assert clip.job.error is not None
    assert words in clip.job.error.detail
