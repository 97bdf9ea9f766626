"""Read lists of videos: lines of text, tables with a header, and lines of a path and a label."""

import codecs
import csv
import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from app.contract.errors import InvalidRequest
from worker.video.containers import is_video_name

LIST_ENDINGS = frozenset({".csv", ".tsv", ".txt", ".list"})
DELIMITERS = (",", ";", "\t")
PAIR_SEPARATOR = re.compile(r"\s*[,;]\s*|\s+")


@dataclass(frozen=True)
class Line:
    """A line of a list, or a row of a table by column, and its place for messages: `Line 3 of list.csv`."""

    text: str
    fields: dict[str, str]
    place: str


def read_text(file: Path) -> str:
    """Return the text of a file, UTF-8 or, with its mark, UTF-16. Raises InvalidRequest for anything else."""
    try:
        data = file.read_bytes()
    except OSError as error:
        raise InvalidRequest(f"{file} cannot be read: {error.strerror}.") from None
    is_utf16 = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        return data.decode("utf-16" if is_utf16 else "utf-8-sig")
    except UnicodeDecodeError as error:
        number = data.count(b"\n", 0, error.start) + 1
        raise InvalidRequest(f"Line {number} of {file} is not UTF-8 text. Save the file as UTF-8.") from None


def read_lines(file: Path) -> list[Line]:
    """Return the lines of a file without blank ones. Raises InvalidRequest where it is not text."""
    lines = enumerate(re.split(r"\r\n|\r|\n", read_text(file)), 1)
    return [Line(text.strip(), {}, f"Line {number} of {file.name}") for number, text in lines if text.strip()]


def read_columns(file: Path) -> list[str]:
    """Return the names in the first line of a table, in small letters."""
    first = next(iter(read_lines(file)), None)
    return _split_header(first.text)[1] if first else []


def read_table(file: Path, columns: Iterable[str]) -> Iterator[Line]:
    """Yield the rows of a table whose first line names its columns, with commas, semicolons or tabs between them.

    Raises InvalidRequest where one of `columns` is missing, where it is empty in a row, and for a row that does not fit
    the first line.
    """
    lines = read_lines(file)
    delimiter, names = _split_header(lines[0].text) if lines else (",", [])
    if missing := sorted(set(columns) - set(names)):
        found = f"; it names {', '.join(names)}" if names else ""
        raise InvalidRequest(f"{file} has no column {', '.join(missing)}. Its first line must name them{found}.")
    text = io.StringIO(read_text(file), newline="")
    reader = csv.reader(text, delimiter=delimiter, skipinitialspace=True, strict=True)
    header_is_read = False
    try:
        for row in reader:
            values = [value.strip() for value in row]
            if not any(values):
                continue
            if not header_is_read:
                header_is_read = True
                continue
            place = f"Line {reader.line_num} of {file.name}"
            if any(values[len(names) :]):
                raise InvalidRequest(
                    f"{place} has {len(values)} fields, the first line {len(names)}: "
                    'write a field that holds a separator "in quotes".'
                )
            filled = values[: len(names)] + [""] * (len(names) - len(values))
            fields = dict(zip(reversed(names), reversed(filled), strict=True))
            if empty := [column for column in sorted(columns) if not fields[column]]:
                raise InvalidRequest(f"{place} leaves {', '.join(empty)} empty.")
            yield Line("", fields, place)
    except csv.Error as error:
        raise InvalidRequest(f"Line {reader.line_num} of {file.name} cannot be read as CSV: {error}.") from None


def has_header(file: Path) -> bool:
    """Return whether a list names columns in its first line, rather than a video."""
    first = next(iter(read_lines(file)), None)
    return first is None or _split_pair(first.text) is None


def read_pairs(file: Path) -> Iterator[Line]:
    """Yield the lines of a list without a header, `path label`, as rows of path and label.

    Labels that are numbers, as training code writes them, are replaced by the folders of the videos where every number
    has one folder and every folder one number. Raises InvalidRequest for other numbers, and for a line without a label.
    """
    rows = []
    for line in read_lines(file):
        pair = _split_pair(line.text)
        if pair is None:
            raise InvalidRequest(f"{line.place} is not a video and its label: {line.text!r}.")
        rows.append(Line(line.text, {"path": pair[0], "label": pair[1]}, line.place))
    if not all(row.fields["label"].isdecimal() for row in rows):
        yield from rows
        return
    folders = [PurePosixPath(row.fields["path"].replace("\\", "/")).parent.name for row in rows]
    pairs = {(folder, row.fields["label"]) for folder, row in zip(folders, rows, strict=True)}
    if not all(folders) or len(pairs) > len(set(folders)) or len(pairs) > len({number for _, number in pairs}):
        raise InvalidRequest(
            f"The labels in {file} are numbers, and folders do not tell their names. Write the names of the classes."
        )
    for row, folder in zip(rows, folders, strict=True):
        yield Line(row.text, {"path": row.fields["path"], "label": folder}, row.place)


def _split_header(line: str) -> tuple[str, list[str]]:
    """Return the delimiter of a table and the names in its first line."""
    delimiter = max(DELIMITERS, key=line.count)
    return delimiter, [name.strip().strip('"').strip().lower() for name in line.split(delimiter)]


def _split_pair(line: str) -> tuple[str, str] | None:
    """Return the path and the label of a line; the path ends where the first word ends as a video's name does."""
    for separator in PAIR_SEPARATOR.finditer(line):
        path, label = line[: separator.start()].strip("\"'"), line[separator.end() :].strip("\"'")
        if is_video_name(path) and label:
            return path, label
    return None
