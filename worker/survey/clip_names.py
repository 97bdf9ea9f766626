"""Name the clips of a data set: a clip that was added keeps its name, whatever is added later."""

import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from app.contract.dataset import MAX_CLIP_NAME_LENGTH, ClipSource
from worker.survey.video_files import VideoFile, printable

NAME_CHOICES = 5  # see `_name_choices`
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


# Chooses, of several videos that a clip may have been made of, the one that it was made of.
ChooseVideo = Callable[[ClipSource, Sequence[VideoFile]], VideoFile]


def plan_names(
    videos: Sequence[VideoFile],
    known: Sequence[ClipSource],
    choose: ChooseVideo = lambda clip, videos: videos[0],
) -> NamingPlan:
    """Find the videos whose clips the data set has, and name the others.

    A video is known by its label and its path in the data set; a path may begin at another folder than it did when the
    clip was added. Clips from before paths were stored are known by name; `choose` decides between videos of one name.
    A new clip is named after its file; where another has that name, with the class before it, then with the ending,
    then with its whole path.
    """
    spellings = {printable(clip.label): clip.label for clip in reversed(known)}
    found = _find_known(videos, known, choose)
    taken = {printable(clip.name) for clip in known}
    names: dict[VideoFile, str] = {}
    unnamed = [video for video in videos if video not in found]
    for choice in range(NAME_CHOICES):
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


def _find_known(
    videos: Sequence[VideoFile], known: Sequence[ClipSource], choose: ChooseVideo
) -> dict[VideoFile, ClipSource]:
    by_source = {(printable(clip.label), clip.source): clip for clip in known if clip.source is not None}
    found = {
        video: by_source[video.label, video.source] for video in videos if (video.label, video.source) in by_source
    }
    claimed = {clip.name for clip in found.values()}
    by_file = defaultdict(list)
    for (label, source), clip in by_source.items():
        if clip.name not in claimed:
            by_file[label, _file_name(source)].append(clip)
    for video in videos:
        moved = [clip for clip in by_file[video.label, _file_name(video.source)] if _is_tail(clip.source, video.source)]
        if video not in found and len(moved) == 1 and moved[0].name not in claimed:
            found[video] = moved[0]
            claimed.add(moved[0].name)
    return found | _find_by_name([video for video in videos if video not in found], known, choose)


def _find_by_name(
    videos: Sequence[VideoFile], known: Sequence[ClipSource], choose: ChooseVideo
) -> dict[VideoFile, ClipSource]:
    """Find clips from before paths were stored by the names that they may have had, the longest first."""
    clips = {(printable(clip.label), printable(clip.name)): clip for clip in known if clip.source is None}
    found: dict[VideoFile, ClipSource] = {}
    choices = {video: _name_choices(video) for video in videos} if clips else {}
    for choice in reversed(range(NAME_CHOICES)):
        contenders = defaultdict(list)
        for video, names in choices.items():
            if video not in found and (key := (video.label, names[choice])) in clips:
                contenders[key].append(video)
        for key, several in contenders.items():
            clip = clips.pop(key)
            found[several[0] if len(several) == 1 else choose(clip, several)] = clip
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
