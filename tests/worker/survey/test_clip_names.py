"""Names of clips: short, unique, fit for addresses, and kept for good."""

from pathlib import Path

import pytest

from app.contract.dataset import MAX_CLIP_NAME_LENGTH, ClipSource
from worker.survey.clip_names import plan_names
from worker.survey.video_files import VideoFile, printable


def video(source: str, label: str = "") -> VideoFile:
    return VideoFile(label or source.partition("/")[0], Path("/data") / source, source)


def names(*videos: VideoFile, known: tuple[ClipSource, ...] = ()) -> dict[str, str]:
    return {each.video.source: each.name for each in plan_names(videos, known).new}


def added(*videos: VideoFile, known: tuple[ClipSource, ...] = ()) -> tuple[ClipSource, ...]:
    """Return the clips of a data set after these videos were added."""
    new = plan_names(videos, known).new
    return (*known, *(ClipSource(name=each.name, label=each.label, source=each.video.source) for each in new))


def without_sources(clips: tuple[ClipSource, ...]) -> tuple[ClipSource, ...]:
    """Return the clips as a database has them that is older than sources."""
    return tuple(clip.model_copy(update={"source": None}) for clip in clips)


def test_a_clip_has_the_name_of_its_file_and_more_where_another_has_it() -> None:
    videos = ("run/a.mp4", "run/b.mp4", "walk/b.mp4", "run/c.avi", "run/c.mp4", "run/x/d.mp4", "run/y/d.mp4")
    assert names(*map(video, videos)) == {
        "run/a.mp4": "a",
        "run/b.mp4": "run/b",
        "walk/b.mp4": "walk/b",
        "run/c.avi": "run/c.avi",
        "run/c.mp4": "run/c.mp4",
        "run/x/d.mp4": "run/x/d.mp4",
        "run/y/d.mp4": "run/y/d.mp4",
    }


def test_a_file_in_two_classes_is_two_clips() -> None:
    plan = plan_names([video("a.mp4", "run"), video("a.mp4", "walk")], ())
    assert [(each.name, each.label) for each in plan.new] == [("run/a", "run"), ("walk/a", "walk")]


@pytest.mark.parametrize("is_old", [False, True], ids=["with sources", "from before there were sources"])
@pytest.mark.parametrize(
    ("first", "later", "name"),
    [
        (("run/a.mp4", "run/b.mp4"), "walk/a.mp4", "walk/a"),
        (("run/a.mp4", "run/b.mp4"), "run/a.webm", "run/a"),
        (("run/a.mp4", "run/b.mp4"), "run/more/a.mp4", "run/a"),
        (("run/a.mp4", "walk/a.mp4", "run/b.mp4"), "run/c.mp4", "c"),
    ],
)
def test_a_set_that_grows_keeps_its_names_and_adds_what_is_new(
    first: tuple[str, ...], later: str, name: str, is_old: bool
) -> None:
    known = added(*map(video, first))
    if is_old:
        known = without_sources(known)
    grown = [video(source) for source in (*first, later)]
    plan = plan_names(grown, known)
    assert {each.video.source: each.name for each in plan.new} == {later: name}
    assert {each.source: clip.name for each, clip in plan.known.items()} == dict(
        zip(first, (clip.name for clip in known), strict=True)
    )


def test_an_old_set_that_was_doubled_grows_no_more() -> None:
    """A former version named all clips anew when a file with a known stem came: 5 clips for 3 files."""
    doubled = ("a", "b", "run/a.avi", "run/a.mp4", "run/b")
    old = tuple(ClipSource(name=name, label="run", source=None) for name in doubled)
    assert names(video("run/a.avi"), video("run/a.mp4"), video("run/b.mp4"), known=old) == {}


def test_of_two_files_with_the_name_of_an_old_clip_one_is_chosen() -> None:
    old = (ClipSource(name="a", label="run", source=None),)
    plan = plan_names([video("run/a.avi"), video("run/a.mp4")], old, choose=lambda clip, videos: videos[1])
    assert [(each.name, each.video.source) for each in plan.new] == [("run/a", "run/a.avi")]


def test_a_set_is_known_from_another_folder_and_in_another_spelling() -> None:
    composed, apart = "run/caf\u00e9.mp4", "run/cafe\u0301.mp4"
    known = added(video(composed), video("run/more/a.mp4"))
    old = (ClipSource(name="cafe\u0301", label="run", source=None),)
    assert names(video(printable(apart)), known=old) == {}
    assert names(video(f"set/{composed}", "run"), video("more/a.mp4", "run"), known=known) == {}
    assert names(video("other/a.mp4", "run"), known=known) == {"other/a.mp4": "run/a"}


def test_a_label_is_spelled_as_the_set_does() -> None:
    known = (ClipSource(name="a", label="cafe\u0301", source="cafe/a.mp4"),)
    [new] = plan_names([video("b.mp4", "caf\u00e9")], known).new
    assert new.label == "cafe\u0301"


@pytest.mark.parametrize(
    ("source", "label", "name"),
    [
        ("run/...mp4", "run", "clip-"),
        ("run/a.mp4", "../run", "run/a"),
        ("run/a.mp4", "/run//fast/", "run/fast/a"),
    ],
)
def test_names_can_stand_in_addresses(source: str, label: str, name: str) -> None:
    other = ClipSource(name="a", label="other", source="other/a.mp4")
    [new] = plan_names([video(source, label)], [other]).new
    assert new.name.startswith(name)


def test_long_names_are_cut_and_stay_unique() -> None:
    long = "\u3042" * 80
    videos = [video(f"{long}/{number}/{long}{number}/{long}.mp4", long) for number in (1, 2)]
    first, second = (each.name for each in plan_names(videos, ()).new)
    assert first != second
    assert max(len(first), len(second)) <= MAX_CLIP_NAME_LENGTH
    assert names(*videos, known=added(*videos)) == {}
