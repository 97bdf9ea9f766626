"""Data sets as people have them on disk: which videos there are, and what each shows.

folders    one folder a class, as UCF101 and HMDB51 come; with an official split, only the videos it names
kinetics   a CSV of label, youtube_id, time_start, time_end, split; videos are named id_000010_000020.mp4
csv        a CSV of path, label; paths from the CSV's own folder
"""

import csv
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from app.contract.errors import InvalidRequest, UnknownClass

ENDINGS = frozenset({".avi", ".mp4", ".mov", ".mkv", ".webm", ".gif", ".mpg", ".mpeg", ".m4v", ".flv", ".3gp", ".ogv"})
KINETICS = frozenset({"label", "youtube_id", "time_start", "time_end"})
HMDB_LIST = re.compile(r"(?P<label>.+)_test_split(\d+)\.txt")
HMDB_PARTS = {"train": "1", "test": "2"}  # 0: used by neither


class Layout(StrEnum):
    FOLDERS = "folders"
    KINETICS = "kinetics"
    CSV = "csv"


class Part(StrEnum):
    """Of an official split."""

    TRAIN = "train"
    VALIDATE = "validate"  # Kinetics alone
    TEST = "test"


@dataclass(frozen=True)
class VideoFile:
    name: str
    label: str
    path: Path


@dataclass(frozen=True)
class Split:
    """An official split of UCF101 or HMDB51: a file of it, or the folder of all its files and which of them is
    meant. The lists of Kinetics have a column for it: there only the part counts.
    """

    path: Path | None = None
    part: Part = Part.TEST
    fold: int = 1


def read_dataset(
    path: Path, *, layout: Layout | None = None, split: Split | None = None, labels: Sequence[str] = ()
) -> list[VideoFile]:
    """The videos of a folder or CSV, class by class where folders say the class, else in the order of the list;
    with `labels`, only those. Whether they can be read is not looked at.

    Raises InvalidRequest for what is no data set, UnknownClass for a label that it does not have.
    """
    layout = layout or guess_layout(path)
    rows = list(_rows(path, layout, split))
    if not rows:
        raise InvalidRequest(f"There is no video in {path}. {HINTS[layout]}")
    known = list(dict.fromkeys(label for label, _ in rows))
    for label in labels:
        if label not in known:
            raise UnknownClass(label, known)
    chosen = [(label, file) for label, file in rows if not labels or label in labels]
    return [VideoFile(name, label, file) for name, (label, file) in zip(unique_names(chosen), chosen, strict=True)]


HINTS = {
    Layout.FOLDERS: "Give a folder with one folder of videos for each class.",
    Layout.KINETICS: f"Give a CSV with the columns {', '.join(sorted(KINETICS))}, and split if there is one.",
    Layout.CSV: "Give a CSV with the columns path and label.",
}


def guess_layout(path: Path) -> Layout:
    if path.is_dir():
        return Layout.FOLDERS
    if path.suffix.lower() != ".csv" or not path.is_file():
        raise InvalidRequest(
            f"{path} is neither a folder nor a CSV file. {HINTS[Layout.FOLDERS]} Or: {HINTS[Layout.CSV]}"
        )
    columns = set(_columns(path))
    return Layout.KINETICS if columns >= KINETICS else Layout.CSV


def _rows(path: Path, layout: Layout, split: Split | None) -> Iterator[tuple[str, Path]]:
    if layout is Layout.FOLDERS:
        if not path.is_dir():
            raise InvalidRequest(f"{path} is not a folder. {HINTS[layout]}")
        yield from _split_rows(path, split) if split else _folders(path)
        return
    if split and layout is Layout.CSV:
        raise InvalidRequest("A CSV of paths has no split: list the videos that are meant.")
    for row in _read_csv(path, KINETICS if layout is Layout.KINETICS else {"path", "label"}):
        if layout is Layout.CSV:
            yield row["label"], path.parent / row["path"]
        elif split is None or split.part.startswith(row.get("split") or split.part):  # val is validate
            yield row["label"], _kinetics_file(path.parent, row)


def _folders(root: Path) -> Iterator[tuple[str, Path]]:
    for folder in sorted(each for each in root.iterdir() if each.is_dir()):
        for file in sorted(folder.rglob("*")):
            if file.suffix.lower() in ENDINGS and file.is_file():
                yield folder.name, file


def _split_rows(root: Path, split: Split) -> Iterator[tuple[str, Path]]:
    """What the files of the split name, as they are. UCF101: `Class/video.avi 1`, the number as in classInd.txt
    and only in lists for training. HMDB51: `video.avi 2`.
    """
    for file in _split_files(split):
        hmdb = HMDB_LIST.fullmatch(file.name)
        classes = _class_numbers(file.with_name("classInd.txt"))
        for number, line in enumerate(_lines(file), 1):
            words = line.split()
            if not hmdb:
                label, slash, _ = words[0].partition("/")
                if not slash:
                    raise InvalidRequest(f"Line {number} of {file} is not `Class/video`: {line!r}.")
                if classes and (label not in classes or words[1:] not in ([], [classes[label]])):
                    raise InvalidRequest(f"Line {number} of {file} does not agree with classInd.txt: {line!r}.")
                yield label, root / words[0]
            elif len(words) != 2 or words[1] not in ("0", "1", "2"):
                raise InvalidRequest(f"Line {number} of {file} is not `video 0`, `1` or `2`: {line!r}.")
            elif words[1] == HMDB_PARTS[split.part]:
                yield hmdb["label"], root / hmdb["label"] / words[0]


def _class_numbers(file: Path) -> dict[str, str]:
    if not file.is_file():
        return {}
    pairs = (line.split() for line in _lines(file))
    return {words[-1]: words[0] for words in pairs}


def _split_files(split: Split) -> list[Path]:
    if split.path is None:
        raise InvalidRequest("Folders do not tell which videos are of that part: give the official split too.")
    if split.path.is_file():
        return [split.path]
    if not split.path.is_dir():
        raise InvalidRequest(f"There is no split {split.path}: give a file of it, or the folder of its files.")
    ucf = split.path / f"{split.part}list{split.fold:02d}.txt"
    if ucf.is_file():
        return [ucf]
    hmdb = sorted(split.path.glob(f"*_test_split{split.fold}.txt"))
    if not hmdb:
        raise InvalidRequest(f"{split.path} has neither {ucf.name} (UCF101) nor *_test_split{split.fold}.txt (HMDB51).")
    return hmdb


def _kinetics_file(root: Path, row: dict[str, str]) -> Path:
    """Where such a video lies: beside the CSV, or in the folder of its split or label. Of one that is nowhere, where
    it was looked for first.
    """
    try:
        name = f"{row['youtube_id']}_{int(row['time_start']):06d}_{int(row['time_end']):06d}.mp4"
    except ValueError:
        raise InvalidRequest(f"Times of a Kinetics CSV are whole seconds; {row['youtube_id']} has others.") from None
    places = [root / folder / name for folder in ("", row.get("split") or "", row["label"])]
    return next((place for place in places if place.is_file()), places[0])


def _lines(file: Path) -> list[str]:
    try:
        return [line.strip() for line in file.read_text("utf-8-sig").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidRequest(f"{file} cannot be read: {error}.") from None


def _columns(file: Path) -> list[str]:
    first, *_ = _lines(file) or [""]
    return next(csv.reader([first]), [])


def _read_csv(file: Path, columns: Iterable[str]) -> Iterator[dict[str, str]]:
    missing = sorted(set(columns) - set(_columns(file)))
    if missing:
        raise InvalidRequest(f"{file} has no column {', '.join(missing)}. Its first line must name them.")
    for number, row in enumerate(csv.DictReader(_lines(file)), 2):
        if any(not row[column] for column in columns):
            raise InvalidRequest(f"Line {number} of {file} leaves {', '.join(sorted(columns))} empty.")
        yield row


def unique_names(rows: Sequence[tuple[str, Path]]) -> list[str]:
    """A video's name is that of its file, as far as that tells it from all others; else the class stands before."""
    for name in (
        lambda label, file: file.stem,
        lambda label, file: f"{label}/{file.stem}",
        lambda label, file: f"{label}/{file.name}",
    ):
        names = [name(label, file) for label, file in rows]
        if len(set(names)) == len(names):
            return names
    twice = next(name for name, count in Counter(names).items() if count > 1)
    raise InvalidRequest(f"The video {twice} is listed twice. Name every video once.")
