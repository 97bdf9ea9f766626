"""The networks that KINETOSCOPE_NETWORKS names: `family:weights` or `family:weights:labels`, separated by commas.

Paths hold colons and commas too (`12:30.pt`, `run 3, final.pt`, drive letters of Windows). Which of them separate is
told by the files that are there; where none are, by the first ones.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from app.contract.errors import InvalidRequest

Entry = tuple[str, Path, Path | None]  # family, weights, labels

DRIVE = re.compile(r"(?<=:)([A-Za-z]):(?=[\\/])")  # of a path on Windows


def split_entries(value: str) -> list[str]:
    """Return the entries of the setting, each as it was written."""
    parts = value.split(",")
    entries = []
    while parts:
        candidates = [",".join(parts[:count]).strip() for count in range(1, len(parts) + 1)]
        complete = [count for count, entry in enumerate(candidates, 1) if any(_readings(entry))]
        count = complete[0] if complete else 1
        if candidates[count - 1]:
            entries.append(candidates[count - 1])
        parts = parts[count:]
    return entries


def parse_entry(entry: str) -> Entry:
    """Return family, weights and labels of an entry. Raises InvalidRequest for one that cannot be told apart."""
    for reading in _readings(entry):
        return reading
    family, *paths = (part.replace("\0", ":") for part in DRIVE.sub("\\1\0", entry).split(":"))
    if len(paths) not in (1, 2) or not family or not all(paths):
        raise InvalidRequest(
            f"{entry!r} is not `family:weights` or `family:weights:labels`, or these files are not there."
        )
    return family, Path(paths[0]), Path(paths[1]) if len(paths) == 2 else None


def _readings(entry: str) -> Iterator[Entry]:
    """Yield the ways to cut an entry at two colons or one so that all its files are there, with labels first."""
    parts = entry.split(":")
    for first in range(1, len(parts)):
        family = ":".join(parts[:first])
        if not family or (first > 1 and not Path(family).is_file()):
            continue
        for second in range(first + 1, len(parts) + 1):
            weights, labels = ":".join(parts[first:second]), ":".join(parts[second:])
            if weights and Path(weights).exists() and (not labels or Path(labels).is_file()):
                yield family, Path(weights), Path(labels) if labels else None
