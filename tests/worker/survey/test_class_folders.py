"""Folders of classes as they lie on disks: what is a video, what is hidden, and what is left out."""

import os
import shutil
from pathlib import Path

import pytest

from app.contract.errors import InvalidRequest
from tests.worker.survey.test_dataset_files import left_out, listed, touch
from worker.survey.dataset_files import read_dataset


def test_the_endings_that_decoders_read_are_taken(tmp_path: Path, test_data: Path) -> None:
    (tmp_path / "run").mkdir()
    for name in ("c.wmv", "d.mts"):
        shutil.copy(test_data / "cases/what-counts" / name, tmp_path / "run" / name)
    touch(tmp_path, "run/e.MP4")
    assert [path for _, path in listed(tmp_path, tmp_path)] == ["run/c.wmv", "run/d.mts", "run/e.MP4"]


def test_hidden_folders_and_files_are_no_classes_and_no_clips(tmp_path: Path) -> None:
    touch(
        tmp_path,
        "run/a.mp4",
        "run/._a.mp4",
        "run/.ipynb_checkpoints/a-checkpoint.mp4",
        "run/@eaDir/a.mp4",
        ".ipynb_checkpoints/a.mp4",
        "__MACOSX/run/._a.mp4",
        ".DS_Store",
        "README.md",
    )
    listing = read_dataset(tmp_path)
    assert [video.source for video in listing.videos] == ["run/a.mp4"]
    assert listing.left_out == ()


def test_linked_folders_are_followed_without_end(tmp_path: Path) -> None:
    touch(tmp_path, "set/run/a.mp4", "elsewhere/far/b.mp4", "elsewhere/walk/c.mp4")
    root = tmp_path / "set"
    (root / "run/more").symlink_to(tmp_path / "elsewhere/far")
    (root / "walk").symlink_to(tmp_path / "elsewhere/walk")
    (root / "run/d.mp4").symlink_to(tmp_path / "elsewhere/walk/c.mp4")
    (root / "run/around").symlink_to(root)
    (root / "back").symlink_to("..")
    (root / "run/twice").symlink_to(tmp_path / "elsewhere/far")
    (tmp_path / "elsewhere/walk/self").symlink_to(".")
    assert listed(root, root) == [
        ("run", "run/a.mp4"),
        ("run", "run/d.mp4"),
        ("run", "run/more/b.mp4"),
        ("walk", "walk/c.mp4"),
    ]
    assert set(left_out(root)) == {"run/around", "back", "run/twice", "walk/self"}


def test_what_is_left_out_is_listed(tmp_path: Path) -> None:
    touch(tmp_path, "run/a.mp4", "run/b.txt", "run/c.txt", "run/d", "walk/e.txt", "loose.mp4")
    (tmp_path / "empty").mkdir()
    (tmp_path / "run/e.mp4").symlink_to("nowhere")
    (tmp_path / "gone").symlink_to("nowhere")
    os.mkfifo(tmp_path / "run/f.mp4")
    assert left_out(tmp_path) == {
        "run/b.txt": "a name that ends in .txt is not that of a video; nor are 2 more files that end so",
        "run/d": "a name that ends in nothing is not that of a video",
        "loose.mp4": "it lies in no class folder",
        "empty": "there is nothing in it",
        "run/e.mp4": "a broken link",
        "gone": "a broken link",
        "run/f.mp4": "not a file",
    }


def test_a_folder_that_cannot_be_read_is_listed(tmp_path: Path) -> None:
    """It lies so deep that the system takes no path to it, which holds for the superuser too."""
    touch(tmp_path, "run/a.mp4", "walk/b.mp4")
    here = os.open(tmp_path / "run", os.O_RDONLY)
    for _ in range(20):
        os.mkdir("x" * 250, dir_fd=here)
        below = os.open("x" * 250, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(here)
    listing = read_dataset(tmp_path)
    assert [video.source for video in listing.videos] == ["run/a.mp4", "walk/b.mp4"]
    [left] = listing.left_out
    assert left.reason.startswith("the folder cannot be read: ")


def test_a_class_that_cannot_be_looked_at_is_listed(tmp_path: Path) -> None:
    """The path to the root is as long as the system takes, which holds for the superuser too."""
    root = tmp_path
    while len(str(root)) < 3900:
        root /= "x" * 150
    root.mkdir(parents=True)
    folder = os.open(root, os.O_RDONLY)
    os.mkdir("y" * 250, dir_fd=folder)
    os.close(folder)
    with pytest.raises(InvalidRequest, match=r"Left out is y+: it cannot be read: File name too long"):
        read_dataset(root)


def test_a_folder_without_videos_says_what_is_in_it(tmp_path: Path) -> None:
    touch(tmp_path, "run/frame_1.jpg", "run/frame_2.jpg")
    with pytest.raises(
        InvalidRequest, match=r"Left out is run/frame_1\.jpg: a name that ends in \.jpg is not .* 1 more"
    ):
        read_dataset(tmp_path)


def test_names_that_are_no_text_are_shown_as_text(tmp_path: Path) -> None:
    for name in (b"caf\xe9/a\xff.mp4", b"caf\xe9/b\n\x1b[31m.mp4"):
        touch(tmp_path, os.fsdecode(name))
    [first, second] = read_dataset(tmp_path).videos
    assert (first.label, first.source) == ("caf\\xe9", "caf\\xe9/a\\xff.mp4")
    assert second.source == "caf\\xe9/b  [31m.mp4"


def test_of_two_videos_whose_names_look_the_same_one_is_left_out(tmp_path: Path) -> None:
    touch(tmp_path, "caf\u00e9/a.mp4", "cafe\u0301/a.mp4", "cafe\u0301/b.mp4")
    listing = read_dataset(tmp_path)
    assert [(video.label, video.source) for video in listing.videos] == [
        ("caf\u00e9", "caf\u00e9/a.mp4"),
        ("caf\u00e9", "caf\u00e9/b.mp4"),
    ]
    assert [each.reason for each in listing.left_out] == ["another video has this name, written with other characters"]
