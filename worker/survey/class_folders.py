"""Read a folder that has one folder of videos for each class, as UCF101 and HMDB51 come."""

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from app.contract.errors import InvalidRequest
from worker.survey.video_files import LeftOut, VideoFile, label_problem, printable, source_of
from worker.video.containers import is_video_name

# Folders that systems put beside what people put there. Names that begin with a dot are hidden everywhere.
SYSTEM_FOLDERS = frozenset({"__MACOSX", "@eaDir", "$RECYCLE.BIN", "System Volume Information", "lost+found"})

FileId = tuple[int, int]  # device and inode: one for all paths to a folder


@dataclass(frozen=True)
class Unreadable:
    """A path that is no file and no folder that can be read, and why."""

    path: Path
    reason: str


def is_hidden(name: str) -> bool:
    """Return whether a file or folder is not meant to be seen: `.ipynb_checkpoints`, `__MACOSX`, `._x.mp4`."""
    return name.startswith(".") or name in SYSTEM_FOLDERS


def read_class_folders(root: Path) -> Iterator[VideoFile | LeftOut]:
    """Yield the videos of each class, folder by folder, and what is left out; links to folders are followed.

    Hidden files and folders are passed over. Raises InvalidRequest where the folder cannot be read.
    """
    try:
        paths = sorted(root.iterdir())
    except OSError as error:
        raise InvalidRequest(f"{root} cannot be read: {error.strerror}.") from None
    foreign: Counter[str] = Counter()  # files that are no videos, by ending
    examples: dict[str, str] = {}
    sources: set[str] = set()
    for path in paths:
        name = path.name
        if is_hidden(name):
            continue
        try:
            is_folder = path.is_dir()
        except OSError as error:
            yield LeftOut(printable(name), f"it cannot be read: {error.strerror}")
            continue
        if not is_folder:
            if is_video_name(name) or path.is_symlink():
                yield LeftOut(printable(name), _file_problem(path) or "it lies in no class folder")
            continue
        label = printable(name)
        is_empty = True
        for found in files_below(path, within=root):
            is_empty = False
            if isinstance(found, Unreadable):
                yield LeftOut(source_of(found.path, root), found.reason, label)
                continue
            source = source_of(found, root)
            if not is_video_name(found):
                foreign[found.suffix.lower()] += 1
                examples.setdefault(found.suffix.lower(), source)
            elif problem := label_problem(label):
                yield LeftOut(source, problem, label)
            elif source in sources:
                yield LeftOut(source, "another video has this name, written with other characters", label)
            else:
                sources.add(source)
                yield VideoFile(label, found, source)
        if is_empty:
            yield LeftOut(label, "there is nothing in it", label)
    for ending, count in foreign.items():
        more = f"; nor are {count - 1:,} more files that end so" if count > 1 else ""
        yield LeftOut(examples[ending], f"a name that ends in {ending or 'nothing'} is not that of a video{more}")


def files_below(folder: Path, *, within: Path) -> Iterator[Path | Unreadable]:
    """Yield the files in a folder and in those below it, and what cannot be read.

    `within` is the folder where reading began. A link that leads back to a folder that it lies in, or to one that was
    read already, is not followed.
    """
    base = within.resolve()
    seen = {_file_id(each) for each in (base, *base.parents)}
    problems: list[OSError] = []
    for here, folders, files in os.walk(folder, followlinks=True, onerror=problems.append):
        yield from map(_unreadable, problems)
        problems.clear()
        identity = _file_id(Path(here))
        if identity in seen:
            yield Unreadable(Path(here), "a link to a folder that is read already")
            folders.clear()
            continue
        seen.add(identity)
        folders[:] = sorted(name for name in folders if not is_hidden(name))
        for name in sorted(files):
            if not is_hidden(name):
                path = Path(here, name)
                problem = _file_problem(path)
                yield Unreadable(path, problem) if problem else path
    yield from map(_unreadable, problems)


def _unreadable(error: OSError) -> Unreadable:
    return Unreadable(Path(error.filename), f"the folder cannot be read: {error.strerror}")


def _file_problem(path: Path) -> str:
    try:
        is_file = path.is_file()
    except OSError as error:
        return f"it cannot be read: {error.strerror}"
    if is_file:
        return ""
    return "a broken link" if path.is_symlink() else "not a file"


def _file_id(path: Path) -> FileId | str:
    try:
        status = path.stat()
    except OSError:
        return str(path)
    return status.st_dev, status.st_ino
