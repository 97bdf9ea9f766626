"""Data sets from the command line, with real videos."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import text

from app.contract.result import MediaRole
from app.settings import settings
from app.store import datasets, media
from app.store.database.engine import Store, open_store
from tests.worker.conftest import Invoke
from worker.survey.intake import add_clip_files
from worker.survey.video_files import VideoFile
from worker.video.decode import read_clip
from worker.video.encode import write_video

FLOW_ROLES = {MediaRole.FLOW, MediaRole.FLOW_DIRECTION, MediaRole.FLOW_XY}


def video(path: Path, seed: int, frames: int = 6) -> Path:
    """Write a video of a small moving texture."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rough = np.random.default_rng(seed).integers(0, 255, (8, 8, 3), np.uint8).repeat(8, 0).repeat(8, 1)
    write_video(path, np.stack([np.roll(rough, 2 * t, 1) for t in range(frames)]), fps=25)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "videos"
    for seed, label in enumerate(("Jump", "run", "run")):
        video(root / label / f"{label}_{seed}.mp4", seed)
    video(root / "run" / "still.mp4", 9, frames=1)
    (root / "run" / "torn.avi").write_bytes(b"RIFF")
    return root


@pytest.fixture
def opened(sqlite_url: str) -> Store:
    return open_store(sqlite_url)


def store() -> Store:
    return open_store(settings().sqlalchemy_url)


def test_a_folder_becomes_a_data_set_and_bad_videos_are_listed(invoke: Invoke, folder: Path) -> None:
    output = invoke("datasets", "add", "little", folder, "--title", "A little set").output
    assert "Added 3 clips to little" in output
    assert "skipped still" in output
    assert "skipped torn" in output
    with store().session() as session:
        actual = datasets.get_dataset(session, slug="little")
        clip = datasets.get_clip(session, slug="little", name="Jump_0")
        shown = clip.medium(MediaRole.VIDEO)
        assert shown is not None
        data = media.get_medium(session, sha256=shown.sha256).data
    assert (actual.title, actual.classes, actual.clips) == ("A little set", ("Jump", "run"), 3)
    assert (shown.frames, shown.width, shown.height) == (6, 240, 240)
    copy = folder / "copy.mp4"
    copy.write_bytes(data)
    assert read_clip(copy, frames=6, short_side=240, crop=240).shape == (6, 240, 240, 3)
    assert "A little set" in invoke("datasets", "list").output


def test_adding_again_continues_where_it_was(invoke: Invoke, folder: Path) -> None:
    invoke("datasets", "add", "little", folder, "--label", "run")
    assert "2 were there already" in invoke("datasets", "add", "little", folder).output
    with store().session() as session:
        assert datasets.get_dataset(session, slug="little").classes == ("run", "Jump")
    invoke("datasets", "remove", "little", "--yes")
    with store().session() as session:
        assert datasets.list_datasets(session) == []


def test_a_data_set_grows_by_what_is_new(invoke: Invoke, folder: Path) -> None:
    """A new file has the name of a known one; then the set comes from before sources, then from a list."""
    invoke("datasets", "add", "little", folder)
    shutil.copy(folder / "run" / "run_1.mp4", folder / "run" / "run_1.avi")
    assert "Added 1 clips to little. 3 were there already" in invoke("datasets", "add", "little", folder).output
    with store().transaction() as session:
        assert {name for name, _ in datasets.clip_names(session, slug="little")} == {
            "Jump_0",
            "run_1",
            "run_2",
            "run/run_1",
        }
        session.execute(text("UPDATE clips SET source = NULL"))
    for _ in range(2):
        assert "Added 0 clips to little. 4 were there already" in invoke("datasets", "add", "little", folder).output
    with store().session() as session:
        assert {clip.source for clip in datasets.clip_sources(session, slug="little")} == {
            "Jump/Jump_0.mp4",
            "run/run_1.avi",
            "run/run_1.mp4",
            "run/run_2.mp4",
        }
    (folder / "list.csv").write_text("path,label\nrun/run_1.avi,run\nrun/gone.mp4,run\n")
    output = invoke("datasets", "add", "little", folder / "list.csv").output
    assert "Added 0 clips to little. 1 were there already" in output
    assert "left out run/gone.mp4: Line 3 of list.csv: there is no such file" in output


def test_an_old_clip_is_that_of_the_file_with_its_pictures(invoke: Invoke, folder: Path) -> None:
    invoke("datasets", "add", "little", folder)
    with store().transaction() as session:
        session.execute(text("UPDATE clips SET source = NULL"))
    shutil.copy(folder / "Jump" / "Jump_0.mp4", folder / "run" / "run_1.avi")  # listed before the file of the clip
    assert "Added 1 clips to little. 3 were there already" in invoke("datasets", "add", "little", folder).output
    with store().session() as session:
        sources = {clip.name: clip.source for clip in datasets.clip_sources(session, slug="little")}
    assert (sources["run_1"], sources["run/run_1"]) == ("run/run_1.mp4", "run/run_1.avi")


def test_one_file_never_ends_an_intake(invoke: Invoke, folder: Path, test_data: Path) -> None:
    for case in ("no-decoder/unknown_codec.mp4", "what-counts/c.wmv", "what-counts/d.mts"):
        shutil.copy(test_data / "cases" / case, folder / "run")
    odd = folder / os.fsdecode(b"caf\xe9")
    odd.mkdir()
    shutil.copy(folder / "Jump" / "Jump_0.mp4", odd / os.fsdecode(b"\xff.mp4"))
    (odd / os.fsdecode(b"torn\xff.mp4")).write_bytes(b"torn")
    video(folder / "run" / f"{'a' * 240}.mp4", 7)
    output = invoke("datasets", "add", "little", folder).output
    assert "Added 7 clips to little" in output
    assert "no decoder for zzzz" in output
    assert "skipped torn\\xff: " in output
    with store().session() as session:
        assert datasets.get_clip(session, slug="little", name="\\xff").label == "caf\\xe9"


def flows(slug: str) -> list[int]:
    """Return how many media of flow each clip of a data set has."""
    with store().session() as session:
        clips = datasets.list_clips(session, slug=slug).items
    return [sum(medium.role in FLOW_ROLES for medium in clip.media) for clip in clips]


def test_flow_is_computed_where_a_network_may_need_it_or_on_request(
    invoke: Invoke, folder: Path, tiny_two_stream_weights: Path, tiny_clip_weights: Path
) -> None:
    invoke("networks", "add", "tiny_clip", "--weights", tiny_clip_weights, "--slug", "clips")
    invoke("datasets", "add", "little", folder)
    assert flows("little") == [0, 0, 0], "a network of clips alone needs none"
    assert "Computed the motion of 3 clips of little" in invoke("datasets", "flow", "little").output
    assert flows("little") == [3, 3, 3]
    assert "Computed the motion of 0 clips" in invoke("datasets", "flow", "little").output
    invoke("networks", "add", "tiny_two_stream", "--weights", tiny_two_stream_weights, "--slug", "tiny")
    invoke("datasets", "add", "auto", folder)
    assert flows("auto") == [3, 3, 3]
    invoke("datasets", "add", "without", folder, "--no-flow")
    assert flows("without") == [0, 0, 0]
    (folder / "Jump").rename(folder / "a class of no network")
    invoke("datasets", "add", "other", folder)
    assert flows("other") == [0, 0, 0]
    assert "There is no data set 'litle'" in invoke("datasets", "flow", "litle", ok=False).output


def test_labels_are_checked_against_a_network_before_anything_is_decoded(
    invoke: Invoke, folder: Path, tiny_two_stream_weights: Path
) -> None:
    invoke("networks", "add", "tiny_two_stream", "--weights", tiny_two_stream_weights, "--slug", "tiny")
    assert "Added 3 clips" in invoke("datasets", "add", "little", folder, "--network", "tiny").output
    shutil.copytree(folder / "run", folder / "runn")
    refused = invoke("datasets", "add", "other", folder, "--network", "tiny", ok=False).output
    assert "There is no class 'runn'. Near: run" in refused


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("add", "little", "nowhere"), "neither a folder nor a list"),
        (("add", "Little Set", "videos"), "cannot stand in an address"),
        (("add", "little", "videos", "--title", "x" * 121), "The title has 121 characters"),
        (("add", "little", "videos", "--label", "jmup"), "There is no class 'jmup'. Near: Jump"),
        (("add", "little", "videos", "--network", "none"), "There is no network 'none'"),
        (("remove", "litle"), "There is no data set 'litle'"),
    ],
)
def test_bad_input_is_reported_without_a_traceback(
    invoke: Invoke,
    folder: Path,
    arguments: tuple[str, ...],
    words: str,
) -> None:
    result = invoke("datasets", *arguments, ok=False)
    assert words in result.output
    assert "Traceback" not in result.output


def test_a_data_set_without_a_readable_video_is_not_made(invoke: Invoke, tmp_path: Path) -> None:
    (tmp_path / "bad" / "run").mkdir(parents=True)
    (tmp_path / "bad" / "run" / "torn.avi").write_bytes(b"RIFF")
    assert "None of the 1 videos can be read" in invoke("datasets", "add", "bad", tmp_path / "bad", ok=False).output
    with store().session() as session:
        assert datasets.list_datasets(session) == []


def test_the_middle_of_real_clips_is_stored(test_data: Path, opened: Store) -> None:
    """Each of another kind: an avi, a gif, a clip shorter than 64 frames."""
    names = ("v_SoccerJuggling_g23_c01.avi", "v_CricketShot_g04_c01_rgb.gif", "TrumanShow_wave_f_nm_np1_fr_med_26.avi")
    files = [VideoFile("sport", test_data / "clips" / name, name) for name in names]
    heard: list[int] = []
    made = add_clip_files(opened, "real", "Real clips", "", files, observe=heard.append, threads=2)
    assert (made.added, made.already_there, made.skipped, heard) == (3, 0, {}, [0, 3])
    with opened.session() as session:
        clips = [datasets.get_clip(session, slug="real", name=file.path.stem) for file in files]
    videos = [clip.medium(MediaRole.VIDEO) for clip in clips]
    assert [(shown.width, shown.frames) for shown in videos if shown] == [(240, 64), (240, 64), (240, 41)]
    posters = [clip.medium(MediaRole.POSTER) for clip in clips]
    assert all(poster and poster.size < 10_000 for poster in posters)
    opened.close()
