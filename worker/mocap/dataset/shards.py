"""Store clips as arrays in files (shards), so that an interrupted run continues with the files that are missing."""

import json
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from app.contract.errors import Conflict, DiskFull, Missing

Bytes = npt.NDArray[np.uint8]

STORED_SIDE = 120  # pixels; networks see crops of this
FLOW_FIELDS = 10
CLIPS_PER_SHARD = 105
DESCRIPTION_FILE = "clips.json"


@dataclass(frozen=True)
class Clips:
    """N clips, with the channels in the order that networks expect: R G B, and u1 v1 u2 v2 ...

    Flow is quantised over [-20, 20] px (see worker.video.flow).
    """

    frames: Bytes  # (N, 3, STORED_SIDE, STORED_SIDE): the middle frame of each clip
    flow: Bytes  # (N, 2 FLOW_FIELDS, STORED_SIDE, STORED_SIDE)
    labels: npt.NDArray[np.int64]  # (N,)
    has_mat: npt.NDArray[np.bool_]  # (N,): whether the red mat is in the clip

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class DatasetDescription:
    """The settings that determine the clips of a folder, stored beside them."""

    clips: int
    seed: int
    variant: str
    classes: tuple[str, ...]
    version: int  # of the generator
    clips_per_shard: int = CLIPS_PER_SHARD

    def to_json(self) -> str:
        """Return the settings as JSON; the default shard size is left out, as in folders of earlier versions."""
        content = asdict(self)
        if self.clips_per_shard == CLIPS_PER_SHARD:
            del content["clips_per_shard"]
        return json.dumps(content, indent=2)

    @property
    def shards(self) -> int:
        """Return the number of files."""
        return -(-self.clips // self.clips_per_shard)

    def members(self, shard: int) -> range:
        """Return the numbers of the clips in a file."""
        first = shard * self.clips_per_shard
        return range(first, min(first + self.clips_per_shard, self.clips))


def open_dataset(folder: Path, description: DatasetDescription) -> None:
    """Create the folder of a data set, or continue one.

    Raises Conflict if it holds clips of other settings, DiskFull if there is no room for the clips.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / DESCRIPTION_FILE
    wanted = description.to_json()
    if path.exists() and path.read_text() != wanted:
        raise Conflict(
            f"{folder} holds clips of other settings (see {DESCRIPTION_FILE} in it): remove it, or choose another."
        )
    missing = sum(len(description.members(shard)) for shard in missing_shards(folder, description))
    needed = missing * STORED_SIDE * STORED_SIDE * (3 + 2 * FLOW_FIELDS)
    free = shutil.disk_usage(folder).free
    if needed * 1.05 > free:
        raise DiskFull(
            f"The clips take {needed / 1e9:.1f} GB and {folder} has {free / 1e9:.1f} GB free: "
            "make room, choose another folder, or ask for fewer clips."
        )
    path.write_text(wanted)


def missing_shards(folder: Path, description: DatasetDescription) -> list[int]:
    """Return the numbers of the files that have not been written."""
    return [shard for shard in range(description.shards) if not _path(folder, shard).exists()]


def write_shard(folder: Path, shard: int, clips: Clips) -> None:
    """Write a file; it appears under its name only when it is complete."""
    path = _path(folder, shard)
    partial = path.with_suffix(".partial")
    with partial.open("wb") as file:
        np.savez(file, frames=clips.frames, flow=clips.flow, labels=clips.labels, mats=clips.has_mat)
    partial.rename(path)


def read_clips(folder: Path) -> Clips:
    """Read all clips of the folder into memory. Raises Missing if some have not been made."""
    description = read_description(folder)
    missing = missing_shards(folder, description)
    if missing:
        raise Missing(f"{len(missing)} of {description.shards} files of {folder} are missing: make them first.")
    frames = np.empty((description.clips, 3, STORED_SIDE, STORED_SIDE), np.uint8)
    flow = np.empty((description.clips, 2 * FLOW_FIELDS, STORED_SIDE, STORED_SIDE), np.uint8)
    labels = np.empty(description.clips, np.int64)
    mats = np.empty(description.clips, np.bool_)
    for shard in range(description.shards):
        members = description.members(shard)
        with np.load(_path(folder, shard)) as arrays:
            for name, whole in (("frames", frames), ("flow", flow), ("labels", labels), ("mats", mats)):
                whole[members.start : members.stop] = arrays[name]
    return Clips(frames, flow, labels, mats)


def read_description(folder: Path) -> DatasetDescription:
    """Return the settings of the clips in a folder. Raises Missing if there are none."""
    path = folder / DESCRIPTION_FILE
    if not path.exists():
        raise Missing(f"There are no clips in {folder}: make them with `kinetoscope-worker mocap make --out {folder}`.")
    content = json.loads(path.read_text())
    return DatasetDescription(**{**content, "classes": tuple(content["classes"])})


def _path(folder: Path, shard: int) -> Path:
    return folder / f"{shard:05d}.npz"
