"""Find the videos of a Kinetics list: `id_000010_000020`, in one of the folders that people keep them in."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from app.contract.errors import InvalidRequest
from worker.survey.list_files import Line, read_table
from worker.survey.official_splits import Part
from worker.survey.path_lookup import PathLookup
from worker.survey.video_files import ListedVideo

KINETICS_COLUMNS = frozenset({"label", "youtube_id", "time_start", "time_end"})
PART_NAMES = {
    Part.TRAIN: ("train", "training"),
    Part.VALIDATE: ("val", "validate", "validation"),
    Part.TEST: ("test", "testing"),
}


def kinetics_videos(file: Path, part: Part | None, videos: Path | None) -> Iterator[ListedVideo]:
    """Yield the rows of a Kinetics CSV, all or those of one part, with their videos.

    Videos lie in the folder `videos` or below it; if it is not given, beside the CSV or beside its folder, in a folder
    of their part or of their label. Raises InvalidRequest for a time that is not a whole number of seconds.
    """
    lookup = PathLookup()
    roots = [videos] if videos else [file.parent, file.absolute().parent.parent]
    for line in read_table(file, KINETICS_COLUMNS):
        row = line.fields
        if part is not None and row.get("split") and _part_names(row["split"]) != PART_NAMES[part]:
            continue
        stem = f"{row['youtube_id']}_{_seconds(line, 'time_start'):06d}_{_seconds(line, 'time_end'):06d}"
        folders = [root / folder for root in roots for folder in _folders(row)]
        path = lookup.find_stem(folders, stem) or (lookup.find_stem_below(videos, stem) if videos else None)
        yield ListedVideo(row["label"], stem, path, stem, line.place, row["youtube_id"])


def _seconds(line: Line, column: str) -> int:
    try:
        value = float(line.fields[column])
        if value.is_integer():
            return int(value)
    except (ValueError, OverflowError):
        pass
    raise InvalidRequest(f"{line.place}: times of a Kinetics CSV are whole seconds, not {line.fields[column]!r}.")


def _part_names(written: str) -> tuple[str, ...]:
    folded = written.lower()
    return next((names for names in PART_NAMES.values() if folded in names), (written,))


def _folders(row: Mapping[str, str]) -> list[str]:
    parts = [row["split"], *_part_names(row["split"])] if row.get("split") else []
    labels = [row["label"], row["label"].replace(" ", "_")]
    return ["", *parts, *labels, *(f"{part}/{label}" for part in parts for label in labels)]
