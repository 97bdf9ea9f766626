"""List the videos of a data set on disk, and the label of each.

folders    one folder for each class, as UCF101 and HMDB51 come; with an official split, only the videos it names
kinetics   a CSV of label, youtube_id, time_start, time_end, split; videos are named id_000010_000020.mp4
csv        a CSV of path, label; paths are relative to the CSV's folder
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from app.contract.errors import InvalidRequest, UnknownClass
from worker.survey.list_files import KINETICS_COLUMNS, kinetics_video, read_columns, read_rows
from worker.survey.official_splits import Split, split_videos

VIDEO_SUFFIXES = frozenset(
    {".avi", ".mp4", ".mov", ".mkv", ".webm", ".gif", ".mpg", ".mpeg", ".m4v", ".flv", ".3gp", ".ogv"}
)


class Layout(StrEnum):
    """How a data set lies on disk."""

    FOLDERS = "folders"
    KINETICS = "kinetics"
    CSV = "csv"


@dataclass(frozen=True)
class VideoFile:
    """A labelled video; `name` is unique in its data set."""

    name: str
    label: str
    path: Path


LAYOUT_HINTS = {
    Layout.FOLDERS: "Give a folder with one folder of videos for each class.",
    Layout.KINETICS: f"Give a CSV with the columns {', '.join(sorted(KINETICS_COLUMNS))}, and split if there is one.",
    Layout.CSV: "Give a CSV with the columns path and label.",
}


def read_dataset(
    path: Path, *, layout: Layout | None = None, split: Split | None = None, labels: Sequence[str] = ()
) -> list[VideoFile]:
    """Return the videos of a folder or CSV, all or only those with the given labels; the videos are not opened.

    Folders are sorted by class, lists keep their order. Raises InvalidRequest where there is no data set, and
    UnknownClass for a label that it does not have.
    """
    layout = layout or guess_layout(path)
    videos = list(_labelled_videos(path, layout, split))
    if not videos:
        raise InvalidRequest(f"There is no video in {path}. {LAYOUT_HINTS[layout]}")
    known = list(dict.fromkeys(label for label, _ in videos))
    for label in labels:
        if label not in known:
            raise UnknownClass(label, known)
    chosen = [(label, file) for label, file in videos if not labels or label in labels]
    return [VideoFile(name, label, file) for name, (label, file) in zip(unique_names(chosen), chosen, strict=True)]


def guess_layout(path: Path) -> Layout:
    """Return the layout of a folder or CSV. Raises InvalidRequest for anything else."""
    if path.is_dir():
        return Layout.FOLDERS
    if path.suffix.lower() != ".csv" or not path.is_file():
        raise InvalidRequest(
            f"{path} is neither a folder nor a CSV file. {LAYOUT_HINTS[Layout.FOLDERS]} Or: {LAYOUT_HINTS[Layout.CSV]}"
        )
    return Layout.KINETICS if set(read_columns(path)) >= KINETICS_COLUMNS else Layout.CSV


def _labelled_videos(path: Path, layout: Layout, split: Split | None) -> Iterator[tuple[str, Path]]:
    if layout is Layout.FOLDERS:
        if not path.is_dir():
            raise InvalidRequest(f"{path} is not a folder. {LAYOUT_HINTS[layout]}")
        yield from split_videos(path, split) if split else _folder_videos(path)
        return
    if split and layout is Layout.CSV:
        raise InvalidRequest("A CSV of paths has no split: list the videos that are meant.")
    for row in read_rows(path, KINETICS_COLUMNS if layout is Layout.KINETICS else {"path", "label"}):
        if layout is Layout.CSV:
            yield row["label"], path.parent / row["path"]
        elif split is None or split.part.startswith(row.get("split") or split.part):  # "val" is "validate"
            yield row["label"], kinetics_video(path.parent, row)


def _folder_videos(root: Path) -> Iterator[tuple[str, Path]]:
    for folder in sorted(each for each in root.iterdir() if each.is_dir()):
        for file in sorted(folder.rglob("*")):
            if file.suffix.lower() in VIDEO_SUFFIXES and file.is_file():
                yield folder.name, file


def unique_names(videos: Sequence[tuple[str, Path]]) -> list[str]:
    """Return a name for each (label, path): that of the file, with the class before it where names repeat.

    Raises InvalidRequest where a video is listed twice.
    """
    for make_name in (
        lambda label, file: file.stem,
        lambda label, file: f"{label}/{file.stem}",
        lambda label, file: f"{label}/{file.name}",
    ):
        names = [make_name(label, file) for label, file in videos]
        if len(set(names)) == len(names):
            return names
    repeated = next(name for name, count in Counter(names).items() if count > 1)
    raise InvalidRequest(f"The video {repeated} is listed twice. Name every video once.")
