"""Clips as arrays on disk: written shard by shard, so that a making that was cut short goes on where it was."""

import json
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from app.contract.errors import Conflict, DiskFull, Missing

Bytes = npt.NDArray[np.uint8]

SIDE = 120  # pixels a side kept; networks take crops of it
FLOWS = 10
SHARD = 105  # clips of a file
DESCRIPTION = "clips.json"


@dataclass(frozen=True)
class Clips:
    """N clips. Channels as networks take them: R G B, and u1 v1 u2 v2 ... quantised over [-20, 20] px."""

    frames: Bytes  # (N, 3, SIDE, SIDE): the middle frame of each clip
    flow: Bytes  # (N, 2 FLOWS, SIDE, SIDE)
    labels: npt.NDArray[np.int64]  # (N,)
    mats: npt.NDArray[np.bool_]  # (N,): whether the red mat is there

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class Description:
    """What a folder of shards holds; everything else follows from it."""

    clips: int
    seed: int
    variant: str
    classes: tuple[str, ...]
    version: int  # of the generator

    @property
    def shards(self) -> int:
        return -(-self.clips // SHARD)

    def members(self, shard: int) -> range:
        return range(shard * SHARD, min((shard + 1) * SHARD, self.clips))


def open_cache(folder: Path, description: Description) -> None:
    """Makes the folder ready, or finds it begun.

    Raises Conflict if it holds other clips, DiskFull where there is no room for them.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / DESCRIPTION
    wanted = json.dumps(asdict(description), indent=2)
    if path.exists() and path.read_text() != wanted:
        raise Conflict(
            f"{folder} holds clips of other settings (see {DESCRIPTION} in it): remove it, or choose another."
        )
    missing = sum(len(description.members(shard)) for shard in missing_shards(folder, description))
    needed = missing * SIDE * SIDE * (3 + 2 * FLOWS)
    free = shutil.disk_usage(folder).free
    if needed * 1.05 > free:
        raise DiskFull(
            f"The clips take {needed / 1e9:.1f} GB and {folder} has {free / 1e9:.1f} GB free: "
            "make room, choose another folder, or ask for fewer clips."
        )
    path.write_text(wanted)


def missing_shards(folder: Path, description: Description) -> list[int]:
    return [shard for shard in range(description.shards) if not _path(folder, shard).exists()]


def write_shard(folder: Path, shard: int, clips: Clips) -> None:
    """All or nothing: a file that is there is whole."""
    path = _path(folder, shard)
    partial = path.with_suffix(".partial")
    with partial.open("wb") as file:
        np.savez(file, frames=clips.frames, flow=clips.flow, labels=clips.labels, mats=clips.mats)
    partial.rename(path)


def read_clips(folder: Path) -> Clips:
    """All clips of the folder in memory. Raises Missing where some have not been made."""
    description = read_description(folder)
    missing = missing_shards(folder, description)
    if missing:
        raise Missing(f"{len(missing)} of {description.shards} files of {folder} are missing: make them first.")
    frames = np.empty((description.clips, 3, SIDE, SIDE), np.uint8)
    flow = np.empty((description.clips, 2 * FLOWS, SIDE, SIDE), np.uint8)
    labels = np.empty(description.clips, np.int64)
    mats = np.empty(description.clips, np.bool_)
    for shard in range(description.shards):
        place = description.members(shard)
        with np.load(_path(folder, shard)) as arrays:
            for name, whole in (("frames", frames), ("flow", flow), ("labels", labels), ("mats", mats)):
                whole[place.start : place.stop] = arrays[name]
    return Clips(frames, flow, labels, mats)


def read_description(folder: Path) -> Description:
    path = folder / DESCRIPTION
    if not path.exists():
        raise Missing(f"There are no clips in {folder}: make them with `kinetoscope-worker mocap make --out {folder}`.")
    content = json.loads(path.read_text())
    return Description(**{**content, "classes": tuple(content["classes"])})


def _path(folder: Path, shard: int) -> Path:
    return folder / f"{shard:05d}.npz"
