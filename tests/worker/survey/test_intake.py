"""An intake takes what can be read, whatever lies beside it."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from app.store import datasets
from app.store.database.engine import Store, open_store
from tests.worker.video.hostile_files import hostile_files
from worker.survey.intake import add_clip_files
from worker.survey.stored_inputs import stored_samples
from worker.survey.video_files import VideoFile
from worker.video.decoders import PROGRAM, ClipDecoders
from worker.video.encode import write_video


@pytest.fixture
def opened(sqlite_url: str) -> Iterator[Store]:
    store = open_store(sqlite_url)
    yield store
    store.close()


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """Write a clip of four frames."""
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    write_video(tmp_path / "clip.mp4", np.stack([np.roll(noise, index, 1) for index in range(4)]), fps=25)
    return tmp_path / "clip.mp4"


def test_one_bad_file_never_ends_an_intake(opened: Store, clip: Path, tmp_path: Path) -> None:
    (tmp_path / "hostile").mkdir()
    hostile = hostile_files(port=9)[::3]
    for file in hostile:
        file.write(tmp_path / "hostile" / file.name)
    files = [VideoFile("bad", tmp_path / "hostile" / file.name, str(number)) for number, file in enumerate(hostile)]
    files[5:5] = [VideoFile("run", clip, "clip.mp4"), VideoFile("", clip, "a label that the database does not take")]
    report = add_clip_files(opened, "little", "Little", "", files, threads=2)
    assert (report.added, len(report.skipped)) == (1, len(hostile) + 1)
    assert sum("Something unexpected went wrong (ValidationError)" in why for why in report.skipped.values()) == 1


def test_intakes_may_share_the_processes_that_read_files(opened: Store, clip: Path, tmp_path: Path) -> None:
    starts = tmp_path / "starts"
    with ClipDecoders(program=("/bin/sh", "-c", f'echo >> {starts}; exec "$@"', "sh", *PROGRAM)) as decoders:
        for name in ("first", "second"):
            file = VideoFile("run", clip, "clip.mp4")
            add_clip_files(opened, name, name, "", [file], threads=1, decoders=decoders)
    assert starts.read_text() == "\n"


def test_groups_are_stored_with_the_clips_also_with_those_that_were_added_without(opened: Store, clip: Path) -> None:
    for groups in ((None, None), ("anna", None), ("ben", "ben")):
        files = [VideoFile("run", clip, f"{number}.mp4", group) for number, group in enumerate(groups)]
        add_clip_files(opened, "little", "Little", "", files, flow=False, threads=1)
        assert [sample.group for sample in stored_samples(opened, "little")] == list(groups)
    add_clip_files(opened, "little", "Little", "", files[:1], flow=False, threads=1)
    with opened.session() as session:
        assert list(datasets.clip_groups(session, slug="little").values()) == ["ben", "ben"]
