import shutil
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from rich.progress import Progress

from app.contract.errors import Conflict, DiskFull, InvalidRequest, Missing, UnknownClass
from worker.mocap.dataset.generate import find_variant, make_clips, make_dataset
from worker.mocap.dataset.shards import CLIPS_PER_SHARD, FLOW_FIELDS, STORED_SIDE, Clips, read_clips
from worker.mocap.scenes.staging import Variant
from worker.networks.families.mocap_classes import CLASS_NAMES
from worker.video.flow import dequantise

pytestmark = pytest.mark.usefixtures("recordings")


def same(one: Clips, other: Clips) -> bool:
    pairs = (
        (one.frames, other.frames),
        (one.flow, other.flow),
        (one.labels, other.labels),
        (one.has_mat, other.has_mat),
    )
    return all(np.array_equal(a, b) for a, b in pairs)


def test_clips_are_as_networks_take_them(eight_clips: Clips) -> None:
    assert eight_clips.frames.shape == (8, 3, STORED_SIDE, STORED_SIDE)
    assert eight_clips.flow.shape == (8, 2 * FLOW_FIELDS, STORED_SIDE, STORED_SIDE)
    assert [CLASS_NAMES[label] for label in eight_clips.labels] == list(CLASS_NAMES[:8])
    flow = dequantise(eight_clips.flow)
    assert 1 < np.abs(flow).max() < 20
    assert np.median(np.abs(flow)) < 2


def test_a_clip_follows_from_its_seed_and_number(eight_clips: Clips) -> None:
    again = make_clips([3], seed=0, variant=Variant.TRAIN, classes=CLASS_NAMES)
    assert np.array_equal(again.frames[0], eight_clips.frames[3])
    assert np.array_equal(again.flow[0], eight_clips.flow[3])


@pytest.mark.parametrize(("seed", "variant"), [(1, Variant.TRAIN), (0, Variant.TEST)])
def test_another_seed_or_variant_is_another_clip(eight_clips: Clips, seed: int, variant: Variant) -> None:
    other = make_clips([3], seed=seed, variant=variant, classes=CLASS_NAMES)
    assert not np.array_equal(other.frames[0], eight_clips.frames[3])


class StopsAfterTheFirstFile(Progress):
    """A progress bar that interrupts the run, as Ctrl-C does."""

    def advance(self, *arguments: Any, **options: Any) -> None:
        raise KeyboardInterrupt


def test_a_making_that_was_cut_short_goes_on(tmp_path: Path) -> None:
    def run(folder: Path, progress: Progress | None = None) -> None:
        make_dataset(
            folder,
            clips=5,
            variant=Variant.TEST,
            classes=("wave_slow", "striped_ball"),
            processes=1,
            progress=progress,
            clips_per_shard=2,
        )

    def written(folder: Path) -> dict[str, int]:
        return {path.stem: path.stat().st_mtime_ns for path in folder.glob("*.npz")}

    run(tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "cut", StopsAfterTheFirstFile(disable=True))
    with pytest.raises(Missing, match="2 of 3 files"):
        read_clips(tmp_path / "cut")
    before = written(tmp_path / "cut")
    run(tmp_path / "cut")
    changed = written(tmp_path / "cut").items() - before.items()
    assert sorted(name for name, _ in changed) == ["00001", "00002"]
    assert same(read_clips(tmp_path / "cut"), read_clips(tmp_path / "whole"))
    with pytest.raises(Conflict, match="other settings"):
        make_dataset(tmp_path / "cut", clips=6, variant=Variant.TEST, processes=1)


@pytest.mark.slow
def test_more_processes_make_the_same_clips(tmp_path: Path, eight_clips: Clips) -> None:
    make_dataset(tmp_path, clips=CLIPS_PER_SHARD + 2, variant=Variant.TRAIN, classes=("striped_ball",), processes=2)
    alone = make_clips([0, CLIPS_PER_SHARD + 1], seed=0, variant=Variant.TRAIN, classes=("striped_ball",))
    together = read_clips(tmp_path)
    assert np.array_equal(together.flow[[0, -1]], alone.flow)


class Usage(NamedTuple):
    free: int


def test_no_room_for_the_clips(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(free=1_000_000))
    with pytest.raises(DiskFull, match=r"take 3\.3 GB .* 0\.0 GB free"):
        make_dataset(tmp_path, clips=10_000, variant=Variant.TRAIN, processes=1)
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_class_lists_the_near_ones(tmp_path: Path) -> None:
    with pytest.raises(UnknownClass) as raised:
        make_dataset(tmp_path, clips=2, variant=Variant.TRAIN, classes=("wave_fats",))
    near = raised.value.extra["near"]
    assert isinstance(near, list | tuple)
    assert near[0] == "wave_fast"


def test_an_unknown_variant() -> None:
    assert find_variant("unbiased") is Variant.UNBIASED
    with pytest.raises(InvalidRequest, match="train, test, unbiased, control"):
        find_variant("traning")


def test_clips_that_were_never_made(tmp_path: Path) -> None:
    with pytest.raises(Missing, match="mocap make"):
        read_clips(tmp_path)
