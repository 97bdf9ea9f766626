"""Read lists of videos: lines of text, rows of CSV, and the file names of Kinetics."""

import csv
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from app.contract.errors import InvalidRequest

KINETICS_COLUMNS = frozenset({"label", "youtube_id", "time_start", "time_end"})


def read_lines(file: Path) -> list[str]:
    """Return the lines of a file without blank ones. Raises InvalidRequest where it is not text."""
    try:
        return [line.strip() for line in file.read_text("utf-8-sig").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidRequest(f"{file} cannot be read: {error}.") from None


def read_columns(file: Path) -> list[str]:
    """Return the names in the first line of a CSV."""
    first, *_ = read_lines(file) or [""]
    return next(csv.reader([first]), [])


def read_rows(file: Path, columns: Iterable[str]) -> Iterator[dict[str, str]]:
    """Yield the rows of a CSV. Raises InvalidRequest where one of `columns` is missing, or empty in a row."""
    missing = sorted(set(columns) - set(read_columns(file)))
    if missing:
        raise InvalidRequest(f"{file} has no column {', '.join(missing)}. Its first line must name them.")
    for number, row in enumerate(csv.DictReader(read_lines(file)), 2):
        if any(not row[column] for column in columns):
            raise InvalidRequest(f"Line {number} of {file} leaves {', '.join(sorted(columns))} empty.")
        yield row


def kinetics_video(root: Path, row: Mapping[str, str]) -> Path:
    """Return the path of the video of a Kinetics row: beside the CSV, or in the folder of its split or its label.

    Where there is no such file, the path beside the CSV is returned. Raises InvalidRequest for a time that is not a
    whole number of seconds.
    """
    try:
        name = f"{row['youtube_id']}_{int(row['time_start']):06d}_{int(row['time_end']):06d}.mp4"
    except ValueError:
        raise InvalidRequest(f"Times of a Kinetics CSV are whole seconds; {row['youtube_id']} has others.") from None
    paths = [root / folder / name for folder in ("", row.get("split") or "", row["label"])]
    return next((path for path in paths if path.is_file()), paths[0])
