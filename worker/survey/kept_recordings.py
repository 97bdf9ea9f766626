"""Recordings of published surveys: kept on the worker's disk, so that parts can be added without every clip again.

A recording goes when its survey is replaced or removed, and the oldest go where all together take too much room.
Without it a part can still be added; then the clips alone are shown to the network again.
"""

import json
import shutil
from collections.abc import Collection
from dataclasses import asdict, dataclass
from pathlib import Path

from worker.survey.finished_parts import discard_finished

KEPT_FILE = "published.json"  # in a checkpoint's folder, once its survey is published
MAX_KEPT_BYTES = 2_000_000_000  # of all kept recordings: 60 surveys of 840 clips and 3,157 units with their controls


@dataclass(frozen=True)
class PublishedSurvey:
    """The survey that a recording belongs to; ids may be used again, and so count only with the names."""

    network: str
    dataset: str
    survey: int


def keep_recording(folder: Path, survey: PublishedSurvey) -> None:
    """Mark a checkpoint's folder as that of a published survey, whose parts can only be measured anew."""
    discard_finished(folder)
    (folder / KEPT_FILE).write_text(json.dumps(asdict(survey)))


def discard_recording(folder: Path) -> None:
    """Remove the recording of a published survey, if there is one; that of a survey under way stays."""
    if (folder / KEPT_FILE).exists():
        shutil.rmtree(folder)


def prune_recordings(root: Path, published: Collection[PublishedSurvey], max_bytes: int = MAX_KEPT_BYTES) -> None:
    """Remove recordings whose survey is not among the published ones, then the oldest beyond `max_bytes`."""
    if not root.is_dir():
        return
    kept = sorted(root.glob(f"*/{KEPT_FILE}"), key=lambda file: -file.stat().st_mtime)
    total = 0
    for file in kept:
        try:
            survey = PublishedSurvey(**json.loads(file.read_text()))
        except (OSError, ValueError, TypeError):
            survey = None
        total += sum(each.stat().st_size for each in file.parent.rglob("*") if each.is_file())
        if survey not in published or total > max_bytes:
            shutil.rmtree(file.parent, ignore_errors=True)
