"""Name the clips of a data set: a clip that was added keeps its name, whatever is added later."""

import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from app.contract.dataset import MAX_CLIP_NAME_LENGTH, ClipSource
from worker.survey.video_files import VideoFile, printable

LENGTH_OF_HASH = 10  # at the end of names that were cut


@dataclass(frozen=True)
class NamedVideo:
    """A video that is to be added, with the name that its clip gets and the label as the data set spells it."""

    name: str
    label: str
    video: VideoFile


@dataclass(frozen=True)
class NamingPlan:
    """Which videos are to be added, and which clips are there already, by their video."""

    new: tuple[NamedVideo, ...]
    known: dict[VideoFile, ClipSource]


def plan_names(videos: Sequence[VideoFile], known: Sequence[ClipSource]) -> NamingPlan:
    """Find the videos whose clips the data set has, and name the others.

    A video is known by its label and its path in the data set; a path may begin at another folder than it did when the
    clip was added. Clips from before paths were stored are known by name. A new clip is named after its file; where
    another has that name, with the class before it, then with the ending, then with its whole path.
    """
    spellings = {printable(clip.label): clip.label for clip in reversed(known)}
    found = _find_known(videos, known)
    taken = {printable(clip.name) for clip in known}
    names: dict[VideoFile, str] = {}
    unnamed = [video for video in videos if video not in found]
    for choice in range(len(_name_choices(unnamed[0])) if unnamed else 0):
        choices = {video: _name_choices(video)[choice] for video in unnamed}
        counts = Counter(choices.values())
        settled = {video: name for video, name in choices.items() if counts[name] == 1 and name not in taken}
        names |= settled
        taken |= set(settled.values())
        unnamed = [video for video in unnamed if video not in settled]
    new = [
        NamedVideo(names[video], spellings.get(video.label, video.label), video) for video in videos if video in names
    ]
    return NamingPlan(tuple(new), found)


def _find_known(videos: Sequence[VideoFile], known: Sequence[ClipSource]) -> dict[VideoFile, ClipSource]:
    by_source = {(printable(clip.label), clip.source): clip for clip in known if clip.source is not None}
    found = {
        video: by_source[video.label, video.source] for video in videos if (video.label, video.source) in by_source
    }
    claimed = {clip.name for clip in found.values()}
    by_file = defaultdict(list)
    for (label, source), clip in by_source.items():
        if clip.name not in claimed:
            by_file[label, _file_name(source)].append(clip)
    by_name = {(printable(clip.label), printable(clip.name)): clip for clip in known if clip.source is None}
    for video in videos:
        if video in found:
            continue
        moved = [clip for clip in by_file[video.label, _file_name(video.source)] if _is_tail(clip.source, video.source)]
        named = [by_name[key] for name in _name_choices(video) if (key := (video.label, name)) in by_name]
        candidates = moved if len(moved) == 1 else named
        for clip in candidates:
            if clip.name not in claimed:
                found[video] = clip
                claimed.add(clip.name)
                break
    return found


def _is_tail(a: str | None, b: str) -> bool:
    """Return whether one path is the end of the other, and they may be the same path from two folders."""
    parts, others = PurePosixPath(a or "").parts, PurePosixPath(b).parts
    length = min(len(parts), len(others))
    return length > 0 and parts[-length:] == others[-length:]


def _file_name(source: str) -> str:
    return PurePosixPath(source).name


def _name_choices(video: VideoFile) -> list[str]:
    """Return the names that a clip may have, the simplest first; the last is no other clip's."""
    stem, name = printable(video.path.stem), printable(video.path.name)
    whole = video.source if video.source.startswith(f"{video.label}/") else f"{video.label}/{video.source}"
    unique = f"{whole}-{_hash(f'{video.label}/{video.source}')}"
    return [_as_name(each) for each in (stem, f"{video.label}/{stem}", f"{video.label}/{name}", whole, unique)]


def _as_name(text: str) -> str:
    """Return a name that can stand in an address: without empty parts, `.` and `..`, and not too long."""
    parts = [part for part in re.split("/+", text) if part not in ("", ".", "..")]
    name = "/".join(parts) or f"clip-{_hash(text)}"
    if len(name) <= MAX_CLIP_NAME_LENGTH:
        return name
    return f"{name[: MAX_CLIP_NAME_LENGTH - LENGTH_OF_HASH - 1]}-{_hash(name)}"


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:LENGTH_OF_HASH]
