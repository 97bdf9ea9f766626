"""The videos of a data set on disk: files that are taken, and what is left out with the reason."""

import os
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

MAX_LABEL_LENGTH = 200  # characters that the database has for a label
UNPRINTABLE = frozenset({"Cc", "Cs", "Zl", "Zp"})  # Unicode categories: controls, halves of characters, line ends


@dataclass(frozen=True)
class VideoFile:
    """A labelled video.

    `source` is its path in the data set. With the label it tells a video from all others, also when the data set is
    read again after it has grown. `group` names what it shares with videos that are not independent of it (the
    recording, the person), None where that is not known.
    """

    label: str
    path: Path
    source: str
    group: str | None = None


@dataclass(frozen=True)
class LeftOut:
    """Something in a data set that is not taken as a video; `label` is None where it has none."""

    name: str
    reason: str
    label: str | None = None


@dataclass(frozen=True)
class Listing:
    """What a data set on disk holds."""

    videos: tuple[VideoFile, ...]
    left_out: tuple[LeftOut, ...]


@dataclass(frozen=True)
class ListedVideo:
    """A line of a list: the label, the path as it is written there, and the file, None where there is none.

    `place` names the line for messages: `Line 3 of list.csv`.
    """

    label: str
    written: str
    path: Path | None
    source: str
    place: str
    group: str | None = None


def printable(text: str | os.PathLike[str]) -> str:
    """Return a file's name as text that can be shown and stored, in composed Unicode.

    Bytes that are not UTF-8 are written in hexadecimal digits, control characters become spaces.
    """
    decoded = os.fsencode(text).decode("utf-8", "backslashreplace")
    composed = unicodedata.normalize("NFC", decoded)
    return "".join(" " if unicodedata.category(letter) in UNPRINTABLE else letter for letter in composed).strip()


def source_of(path: Path, root: Path) -> str:
    """Return the path of a video in its data set: relative to the set's folder, or whole where it lies elsewhere."""
    whole = Path(os.path.normpath(path))
    base = Path(os.path.normpath(root))
    return printable((whole.relative_to(base) if whole.is_relative_to(base) else whole).as_posix())


def take_listed(listed: Iterator[ListedVideo]) -> Iterator[VideoFile | LeftOut]:
    """Turn the lines of a list into videos; a line that names no file, or one that is listed already, is left out."""
    first_places: dict[tuple[str, str], str] = {}
    for each in listed:
        label = printable(each.label)
        problem = label_problem(label)
        if each.path is None:
            problem = "there is no such file"
        first = first_places.setdefault((label, each.source), each.place)
        if not problem and first != each.place:
            problem = f"the same video as {first}"
        if problem or each.path is None:
            yield LeftOut(printable(each.written), f"{each.place}: {problem}", label)
        else:
            yield VideoFile(label, each.path, each.source, printable(each.group or "") or None)


def label_problem(label: str) -> str:
    """Return why a label cannot be stored, or an empty text."""
    if not label:
        return "it has no label"
    if len(label) > MAX_LABEL_LENGTH:
        return f"its label has {len(label)} characters; {MAX_LABEL_LENGTH} are taken"
    return ""
