"""The networks that KINETOSCOPE_NETWORKS names: `family:weights` or `family:weights:labels`, separated by commas.

Paths hold colons and commas too (`12:30.pt`, `run 3, final.pt`, drive letters of Windows). Which of them separate is
told by the files that are there; where none are, by the first ones.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path

from app.contract.errors import InvalidRequest
from worker.networks.path_lists import split_list

is_file, is_there = os.path.isfile, os.path.exists  # false for a text that is too long for a path, where Path's raise

Entry = tuple[str, Path, Path | None]  # family, weights, labels

DRIVE = re.compile(r"(?<=:)([A-Za-z]):(?=[\\/])")  # of a path on Windows


def split_entries(value: str) -> list[str]:
    """Return the entries of the setting, each as it was written."""
    return split_list(value, lambda entry: any(_readings(entry)))


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
        if not family or (first > 1 and not is_file(family)):
            continue
        for second in range(first + 1, len(parts) + 1):
            weights, labels = ":".join(parts[first:second]), ":".join(parts[second:])
            if weights and is_there(weights) and (not labels or is_file(labels)):
                yield family, Path(weights), Path(labels) if labels else None
