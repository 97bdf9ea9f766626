"""Find the files that lists name, where the disk spells a name otherwise than the list."""

from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from worker.survey.class_folders import files_below
from worker.survey.video_files import printable
from worker.video.containers import is_video_name


class PathLookup:
    """Looks files up by path or by stem; every folder is read once.

    A path matches whatever its separators (Windows), Unicode form (macOS takes letters apart) and case.
    """

    def __init__(self) -> None:
        self._spellings: dict[Path, dict[str, str]] = {}  # by folder: a name without its form and case -> on disk
        self._stems: dict[Path, dict[str, Path]] = {}
        self._stems_below: dict[Path, dict[str, Path]] = {}

    def find(self, root: Path, written: str) -> Path | None:
        """Return the file that a path means, which may be relative to `root`."""
        for spelling in (written, written.replace("\\", "/")):
            if _is_file(root / spelling):
                return root / spelling
        here = root
        for part in PurePosixPath(written.replace("\\", "/")).parts:
            if part in ("/", ".."):
                here /= part
            elif (name := self._names(here).get(_fold(part))) is not None:
                here /= name
            else:
                return None
        return here if _is_file(here) else None

    def find_stem(self, folders: Iterable[Path], stem: str) -> Path | None:
        """Return the video with this name, whatever its ending, in the first of the folders that has it."""
        for folder in folders:
            if folder not in self._stems:
                paths = (folder / name for name in self._names(folder).values())
                self._stems[folder] = {path.stem: path for path in paths if is_video_name(path)}
            found = self._stems[folder].get(stem)
            if found is not None and _is_file(found):
                return found
        return None

    def find_stem_below(self, folder: Path, stem: str) -> Path | None:
        """Return the video with this name, whatever its ending, in a folder or in those below it."""
        if folder not in self._stems_below:
            paths = (each for each in files_below(folder, within=folder.parent) if isinstance(each, Path))
            self._stems_below[folder] = {path.stem: path for path in paths if is_video_name(path)}
        return self._stems_below[folder].get(stem)

    def _names(self, folder: Path) -> dict[str, str]:
        if folder not in self._spellings:
            try:
                names = sorted((each.name for each in folder.iterdir()), reverse=True)
            except (OSError, ValueError):
                names = []
            self._spellings[folder] = {_fold(name): name for name in names}
        return self._spellings[folder]


def _fold(name: str) -> str:
    return printable(name).casefold()


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # ValueError: a NUL character
        return False
