"""The shipped sample: held-out clips of the default network, in the order in which a fresh dashboard takes them."""

import re
from itertools import zip_longest
from pathlib import Path

from worker.shipped.paths import CLIPS_FOLDER
from worker.survey.video_files import VideoFile, source_of

FIRST_PER_CLASS = 10  # added and surveyed before the rest: half with the training data's bias, half without
NUMBER = re.compile(r"-(\d+)(-mat)?$")  # in a file's name


def list_sample(folder: Path = CLIPS_FOLDER, per_class: int | None = None) -> list[VideoFile]:
    """Return the clips of the sample, or the first `per_class` of each class: a clip of every class, then the next.

    Each is a group of its own: it was drawn with a person, clothes, a place and a camera of its own. (The recorded
    motions are shared: docs/default-network.md.)
    """
    by_class = [sorted(clips.glob("*.mp4"), key=_order) for clips in sorted(folder.iterdir()) if clips.is_dir()]
    rounds = list(zip_longest(*(files[:per_class] for files in by_class)))
    files = [file for files in rounds for file in files if file is not None]
    return [VideoFile(file.parent.name, file, source_of(file, folder), file.stem) for file in files]


def _order(file: Path) -> tuple[int, str]:
    """Sort by number, so that clips with and without the bias take turns."""
    number = NUMBER.search(file.stem)
    return int(number[1]) if number else 0, file.name
