"""The official splits of UCF101 and HMDB51: which videos are for training and which for testing.

UCF101   trainlist01.txt, testlist01.txt ... with lines `Class/video.avi 1`; the number is the class's in
         classInd.txt, and stands only in lists for training
HMDB51   <class>_test_split1.txt ... with lines `video.avi 2`; 1 is for training, 2 for testing, 0 for neither
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from app.contract.errors import InvalidRequest
from worker.survey.list_files import read_lines
from worker.survey.path_lookup import PathLookup
from worker.survey.video_files import ListedVideo, source_of

HMDB_FILE = re.compile(r"(?P<label>.+)_test_split(\d+)\.txt")
UCF_LINE = re.compile(r"(?P<path>(?P<label>[^/]+)/.+\.\w+)(\s+(?P<number>\d+))?")
HMDB_NUMBERS = {"train": "1", "test": "2"}


class Part(StrEnum):
    """A part of an official split."""

    TRAIN = "train"
    VALIDATE = "validate"  # Kinetics alone
    TEST = "test"


@dataclass(frozen=True)
class Split:
    """A part of an official split: one file of it, or the folder of all its files, with the number of the split.

    Kinetics has a column for the part in its own CSV, so there is no path.
    """

    path: Path | None = None
    part: Part = Part.TEST
    fold: int = 1


def split_videos(root: Path, split: Split) -> Iterator[ListedVideo]:
    """Yield the videos that a split of UCF101 or HMDB51 names, in its order.

    Raises InvalidRequest for a split that is not there or has a line in another format.
    """
    lookup = PathLookup()
    for file in _split_files(split):
        hmdb = HMDB_FILE.fullmatch(file.name)
        named = _hmdb_videos(file, hmdb["label"], split.part) if hmdb else _ucf_videos(file)
        for label, written, place in named:
            path = lookup.find(root, written)
            yield ListedVideo(label, written, path, source_of(path or root / written, root), place)


def _ucf_videos(file: Path) -> Iterator[tuple[str, str, str]]:
    class_numbers = _class_numbers(file.with_name("classInd.txt"))
    for line in read_lines(file):
        match = UCF_LINE.fullmatch(line.text.replace("\\", "/").removeprefix("./"))
        if not match:
            raise InvalidRequest(f"{line.place} is not `Class/video`: {line.text!r}.")
        label, number = match["label"], match["number"]
        if class_numbers and (label not in class_numbers or number not in (None, class_numbers[label])):
            raise InvalidRequest(f"{line.place} does not agree with classInd.txt: {line.text!r}.")
        yield label, match["path"], line.place


def _class_numbers(file: Path) -> dict[str, str]:
    if not file.is_file():
        return {}
    numbers = {}
    for line in read_lines(file):
        number, _, label = line.text.partition(" ")
        numbers[label.strip()] = number
    return numbers


def _hmdb_videos(file: Path, label: str, part: Part) -> Iterator[tuple[str, str, str]]:
    for line in read_lines(file):
        video, _, number = line.text.replace("\t", " ").rpartition(" ")
        if not video.strip() or number not in ("0", "1", "2"):
            raise InvalidRequest(f"{line.place} is not `video 0`, `1` or `2`: {line.text!r}.")
        if number == HMDB_NUMBERS.get(part):
            yield label, f"{label}/{video.strip()}", line.place


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
