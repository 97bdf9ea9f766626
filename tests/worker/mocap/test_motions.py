import json
import sys
from pathlib import Path

import numpy as np
import pytest

from app.contract.errors import MotionsMissing
from worker.mocap.scenes.body import forward_kinematics
from worker.mocap.scenes.motions import (
    InPlaceMotion,
    WavingMotion,
    find_motions_folder,
    motion_names,
    parse_motion,
    read_motion,
    standing_pose,
)

RECORDINGS = (
    "backflip cartwheel crawl dance_a dance_b getup_facedown getup_faceup jump kick punch roll run spin spinkick walk"
)

recorded = pytest.mark.usefixtures("recordings")


@recorded
def test_there_are_fifteen_recordings() -> None:
    assert motion_names() == RECORDINGS.split()


@recorded
@pytest.mark.parametrize("name", RECORDINGS.split())
def test_every_recording_is_of_a_person_on_the_floor(name: str) -> None:
    motion = read_motion(name)
    body = forward_kinematics(motion.pose(np.arange(0, motion.seconds, 0.04)))
    heights = np.stack([position[:, 1] for position in body.positions.values()])
    assert 0.7 < motion.seconds < 6
    assert heights.min() == pytest.approx(0, abs=0.1)
    assert 0.4 < heights.max() < 2


@recorded
def test_a_walk_goes_on_from_where_it_ended() -> None:
    walk = read_motion("walk")
    before, after = walk.pose(np.array([0.3, 0.3 + walk.seconds])).root
    stride = walk.frames.root[-1] - walk.frames.root[0]
    assert stride[0] > 1
    assert after - before == pytest.approx([stride[0], 0, stride[2]], abs=1e-9)


@recorded
def test_a_recording_that_does_not_wrap_rests_at_its_ends() -> None:
    kick = read_motion("kick")
    early, first, last, late = kick.pose(np.array([-1, 0, kick.seconds, kick.seconds + 1])).rotations
    assert np.array_equal(early, first)
    assert np.array_equal(late, last)


@recorded
def test_between_two_frames_the_pose_is_between() -> None:
    run = read_motion("run")
    a, middle, b = run.pose(np.array([run.frame_times[3], run.frame_times[3:5].mean(), run.frame_times[4]])).root
    assert middle == pytest.approx((a + b) / 2)


@recorded
def test_on_the_spot_keeps_only_up_and_down() -> None:
    times = np.linspace(0, 3, 7)
    there = InPlaceMotion(read_motion("walk")).pose(times).root
    assert not there[:, [0, 2]].any()
    assert np.array_equal(there[:, 1], read_motion("walk").pose(times).root[:, 1])


@recorded
@pytest.mark.parametrize(("side", "sign"), [("right", 1), ("left", -1)])
def test_a_wave_moves_one_hand_above_the_shoulder(side: str, sign: int) -> None:
    body = forward_kinematics(WavingMotion(standing_pose(), rate=1, side=side).pose(np.linspace(0, 1, 25)))
    shoulder, wrist = body.positions[f"{side}_shoulder"], body.positions[f"{side}_wrist"]
    assert np.ptp(wrist, axis=0).max() > 0.3
    assert wrist[:, 1].max() > shoulder[:, 1].max() + 0.2
    assert ((wrist - shoulder)[:, 2] * sign > 0).all()
    other = "left" if side == "right" else "right"
    assert np.ptp(body.positions[f"{other}_wrist"], axis=0).max() < 1e-9


@pytest.mark.parametrize("text", ["{}", "[", json.dumps({"Frames": [[0.1] * 43] * 3})])
def test_what_is_no_motion_is_not_read(text: str) -> None:
    with pytest.raises((ValueError, KeyError)):
        parse_motion(text)


def test_a_damaged_recording_says_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "humanoid3d_hop.txt").write_text("{")
    with pytest.raises(MotionsMissing, match=r"pip install .*pybullet"):
        read_motion("hop", tmp_path)


def test_without_the_package_the_error_names_it_and_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "pybullet_data", raising=False)
    monkeypatch.setattr(sys, "path", [])
    with pytest.raises(MotionsMissing, match=r"pybullet.*pip install 'kinetoscope\[train\]'"):
        find_motions_folder()
