"""Pairs of scenes that share exactly what is static, or exactly what is dynamic."""

from pathlib import Path

import numpy as np
import pytest

from worker.mocap.dataset.pairs import write_pairs
from worker.mocap.scenes.paired import PAIRED_CLASSES, stage_paired
from worker.survey.clip_pairs import find_sets

pytestmark = pytest.mark.usefixtures("recordings")


def test_a_dynamic_part_decides_motion_and_view_alone() -> None:
    one, other = (stage_paired("kick", 5, look) for look in (1, 2))
    assert (one.camera.azimuth, one.camera.zoom) == (other.camera.azimuth, other.camera.zoom)
    assert np.array_equal(one.shifts, other.shifts)
    joints = [scene.people[0].body.positions["left_ankle"] for scene in (one, other)]
    assert np.corrcoef(joints[0].ravel(), joints[1].ravel())[0, 1] > 0.99
    assert not np.array_equal(one.backdrop.floor, other.backdrop.floor)
    assert not np.array_equal(one.people[0].style.wardrobe["shirt"], other.people[0].style.wardrobe["shirt"])


def test_a_static_part_decides_the_look_alone() -> None:
    one, other = stage_paired("kick", 5, 1), stage_paired("walk", 6, 1)
    assert np.array_equal(one.backdrop.floor, other.backdrop.floor)
    assert np.array_equal(one.backdrop.wall, other.backdrop.wall)
    wardrobes = [scene.people[0].style.wardrobe for scene in (one, other)]
    assert all(np.array_equal(wardrobes[0][part], wardrobes[1][part]) for part in wardrobes[0])
    assert not np.array_equal(one.shifts, other.shifts)


def test_a_set_has_four_clips_in_the_folders_of_their_motions(tmp_path: Path) -> None:
    paths = write_pairs(tmp_path, sets=1)
    assert [path.stem for path in paths] == [
        f"set-000-pair-{role}" for role in ("base", "static", "dynamic", "neither")
    ]
    base, static, dynamic, neither = (path.parent.name for path in paths)
    assert base == dynamic != static == neither
    assert {base, static} <= set(PAIRED_CLASSES)
    assert len(find_sets([path.stem for path in paths])) == 1
