"""List the videos of a data set on disk, and the label of each.

folders    one folder for each class, as UCF101 and HMDB51 come; with an official split, only the videos it names
kinetics   a CSV of label, youtube_id, time_start, time_end, split; videos are named id_000010_000020.mp4
csv        a table of path, label and, if known, group, or lines `path label`; paths are relative to the list's folder
"""

import os
from collections.abc import Iterator, Sequence
from enum import StrEnum
from pathlib import Path

from app.contract.errors import InvalidRequest, UnknownClass
from worker.survey.class_folders import read_class_folders
from worker.survey.kinetics import KINETICS_COLUMNS, kinetics_videos
from worker.survey.list_files import LIST_ENDINGS, has_header, read_columns, read_pairs, read_table
from worker.survey.official_splits import Split, split_videos
from worker.survey.path_lookup import PathLookup
from worker.survey.video_files import LeftOut, ListedVideo, Listing, VideoFile, printable, source_of, take_listed

GROUP_COLUMN = "group"  # may be in a table: clips of one group are not independent

is_file, is_folder = os.path.isfile, os.path.isdir  # false for a name that is too long, where Path's raise


class Layout(StrEnum):
    """How a data set lies on disk."""

    FOLDERS = "folders"
    KINETICS = "kinetics"
    CSV = "csv"


LAYOUT_HINTS = {
    Layout.FOLDERS: "Give a folder with one folder of videos for each class.",
    Layout.KINETICS: f"Give a CSV with the columns {', '.join(sorted(KINETICS_COLUMNS))}, and split if there is one.",
    Layout.CSV: "Give a list with the columns path and label.",
}


def read_dataset(
    path: Path,
    *,
    layout: Layout | None = None,
    split: Split | None = None,
    labels: Sequence[str] = (),
    videos: Path | None = None,
) -> Listing:
    """Return the videos of a folder or list, all or only those with the given labels, and what is left out.

    `videos` is the folder of the videos of a list, if it is not that of the list. The videos are not opened. Folders
    are sorted by class, lists keep their order. Raises InvalidRequest where there is no data set or a list cannot be
    read, and UnknownClass for a label that the data set does not have.
    """
    layout = layout or guess_layout(path)
    if videos is not None and (layout is Layout.FOLDERS or not is_folder(videos)):
        reason = "is not a folder" if not is_folder(videos) else "is for lists: a folder of classes has its own videos"
        raise InvalidRequest(f"The folder of videos {printable(videos)} {reason}.")
    found = list(_read_layout(path, layout, split, videos))
    known = list(dict.fromkeys(each.label for each in found if each.label is not None))
    wanted = [printable(label) for label in labels]
    for label in wanted:
        if label not in known:
            raise UnknownClass(label, known)
    chosen = [each for each in found if not wanted or each.label is None or each.label in wanted]
    listing = Listing(
        tuple(each for each in chosen if isinstance(each, VideoFile)),
        tuple(each for each in chosen if isinstance(each, LeftOut)),
    )
    if not listing.videos:
        first = next((f" Left out is {each.name}: {each.reason}." for each in listing.left_out), "")
        raise InvalidRequest(f"There is no video in {printable(path)}.{first} {LAYOUT_HINTS[layout]}")
    return listing


def guess_layout(path: Path) -> Layout:
    """Return the layout of a folder or list. Raises InvalidRequest for anything else."""
    if is_folder(path):
        return Layout.FOLDERS
    if path.suffix.lower() not in LIST_ENDINGS or not is_file(path):
        raise InvalidRequest(
            f"{printable(path)} is neither a folder nor a list. {LAYOUT_HINTS[Layout.FOLDERS]} "
            f"Or: {LAYOUT_HINTS[Layout.CSV]}"
        )
    return Layout.KINETICS if set(read_columns(path)) >= KINETICS_COLUMNS else Layout.CSV


def _read_layout(path: Path, layout: Layout, split: Split | None, videos: Path | None) -> Iterator[VideoFile | LeftOut]:
    if layout is Layout.FOLDERS:
        if not is_folder(path):
            raise InvalidRequest(f"{printable(path)} is not a folder. {LAYOUT_HINTS[layout]}")
        yield from take_listed(split_videos(path, split)) if split else read_class_folders(path)
    elif layout is Layout.KINETICS:
        if split and split.path is not None:
            raise InvalidRequest("A Kinetics CSV names the split of each video itself: give the part alone.")
        yield from take_listed(kinetics_videos(path, split.part if split else None, videos))
    elif split:
        raise InvalidRequest("A CSV of paths has no split: list the videos that are meant.")
    else:
        yield from take_listed(_table_videos(path, videos or path.parent))


def _table_videos(file: Path, root: Path) -> Iterator[ListedVideo]:
    lookup = PathLookup()
    for line in read_table(file, {"path", "label"}) if has_header(file) else read_pairs(file):
        written = line.fields["path"]
        path = lookup.find(root, written)
        source, group = source_of(path or root / written, root), line.fields.get(GROUP_COLUMN)
        yield ListedVideo(line.fields["label"], written, path, source, line.place, group)
