"""The measures of legibility on made-up arrays, and the whole benchmark on a few random clips."""

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import torch

from app.contract.errors import Conflict
from app.contract.interval import Interval
from app.contract.network import StreamName
from benchmarks.class_stimuli import describe_variant, parse_variants
from benchmarks.legibility.__main__ import main
from benchmarks.legibility.assets import ONE_PERSON, PEOPLE, POSE_GROUPS, AssetsPlan, load_assets
from benchmarks.legibility.judge import LegibilityJudge, classify, classify_stream
from benchmarks.legibility.measures import CHANCE, SHARES, find_failures, mean_interval, retrieve
from benchmarks.legibility.pose_distance import (
    JOINT_NAMES,
    SWAPPED,
    class_distances,
    mirror,
    normalise,
    rank_of,
    ratio_of,
)
from benchmarks.legibility.pose_network import PoseNetwork, crop_joints, pose_loss
from benchmarks.motion_reality import coupling, moving_share
from worker.mocap.dataset.generate import GENERATOR_VERSION
from worker.mocap.dataset.shards import FLOW_FIELDS, STORED_SIDE, Clips, DatasetDescription, open_dataset, write_shard
from worker.mocap.scenes.staging import Variant
from worker.mocap.training.batches import CROP_SIDE
from worker.networks.families.mocap_classes import CLASS_NAMES, TRAINING_CYCLE

RNG = np.random.default_rng(0)
POSES = {name: RNG.normal(size=(3, len(JOINT_NAMES), 2)) for name in ("kick", "run", "walk")}


def test_the_nearest_pose_is_that_of_its_class_at_any_place_size_and_side() -> None:
    moved = POSES["run"][1] * 7 + (30, -4)
    for pose in (moved, mirror(normalise(moved))):
        distances = class_distances(pose[None], POSES)
        assert distances["run"] == pytest.approx(0, abs=1e-6)
        assert rank_of("run", distances) == 1
        assert ratio_of("run", distances) == pytest.approx(0, abs=1e-6)
        assert rank_of("walk", distances) > 1
        assert ratio_of("walk", distances) > 1


def test_the_distance_is_the_mean_over_joints_in_sizes_of_the_pose() -> None:
    line = np.zeros((1, 4, 2))
    line[0, 1:, 0] = (2, -2, 2)
    bent = line.copy()
    bent[0, 1] = (0, 2)
    size = np.sqrt(3)  # of both: 2 px times the root of 3/4
    expected = np.sqrt(8) / size / 4
    direct = np.linalg.norm(normalise(line) - normalise(bent), axis=-1).mean()
    assert direct == pytest.approx(expected)


def test_of_two_figures_the_nearer_counts_and_equal_classes_share_the_rank() -> None:
    both = np.concatenate([RNG.normal(size=(1, len(JOINT_NAMES), 2)), POSES["kick"][:1]])
    assert class_distances(both, POSES)["kick"] == pytest.approx(0, abs=1e-6)
    assert rank_of("a", {"a": 1.0, "b": 1.0}) == 2


def test_a_mirror_swaps_sides() -> None:
    assert JOINT_NAMES[SWAPPED[JOINT_NAMES.index("left_knee")]] == "right_knee"
    assert JOINT_NAMES[SWAPPED[0]] == "root"
    assert mirror(mirror(POSES["run"])) == pytest.approx(POSES["run"])


def test_joints_follow_the_crop_and_the_mirror() -> None:
    joints = np.full((2, 2, len(JOINT_NAMES), 2), np.nan)
    joints[0, 0], joints[0, 1], joints[1, 0] = (20, 40), (90, 41), (10, 10)
    corners = np.array([[3, 5], [0, 0]])
    moved = crop_joints(joints, corners, np.array([False, True]))
    assert moved[0, :, 0].tolist() == [[15, 37], [85, 38]]
    assert moved[1, 0, 0].tolist() == [CROP_SIDE - 11, 10]
    flipped = crop_joints(joints, corners, np.array([True, False]))
    assert flipped[0, :, 0, 0].tolist() == [CROP_SIDE - 86, CROP_SIDE - 16], "still from left to right"


def test_the_estimator_learns_where_joints_are() -> None:
    torch.manual_seed(0)
    network = PoseNetwork()
    inputs = {StreamName.APPEARANCE: torch.randn(2, 3, 112, 112) / 4, StreamName.MOTION: torch.zeros(2, 20, 112, 112)}
    targets = torch.rand(2, 2, len(JOINT_NAMES), 2) * 80 + 16
    targets[0, 1] = torch.nan
    optimizer = torch.optim.Adam(network.parameters(), 1e-2)
    losses = []
    for _ in range(8):
        found, people = network(inputs)
        loss = pose_loss(found, people, targets)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.7 * losses[0]


def test_motion_of_what_is_seen_is_coupled_and_of_the_rest_is_not() -> None:
    checks = np.indices((112, 112)).sum(0) % 2 * 2.0 - 1
    image = np.zeros((3, 1, 112, 112))
    image[:, 0, 20:60, 20:60] = checks[20:60, 20:60]
    seen, unseen = np.zeros((2, 2, 10, 112, 112))
    seen[0, :, 20:60, 20:60] = 2 / 20
    unseen[0, :, 70:110, 70:110] = 2 / 20
    assert coupling(image, seen) > 0.8
    assert coupling(image, unseen) < 0
    assert moving_share(seen) == pytest.approx(40 * 40 / 112**2)
    assert moving_share(seen + 5 / 20) == pytest.approx(40 * 40 / 112**2), "a camera that pans does not count"
    assert moving_share(seen * 0.2) == 0


def test_retrieval_finds_the_nearest_direction() -> None:
    gallery = torch.tensor([[1.0, 0, 0], [0, 1, 0], [0, 0, 1], [-1, -1, -1]])
    labels = torch.tensor([5, 6, 7, 8])
    assert retrieve(gallery * 1.1, gallery, labels).tolist() == [5, 6, 7, 8]


def test_means_leave_out_what_has_no_value() -> None:
    actual = mean_interval(np.array([1.0, 2.0, np.nan, 3.0]))
    assert actual.value == 2
    assert 1 <= actual.low < 2 < actual.high <= 3
    assert np.isnan(mean_interval(np.array([np.nan])).value)


def test_one_stream_is_judged_whatever_the_other_is() -> None:
    torch.manual_seed(1)
    judge = LegibilityJudge(5).eval()
    shapes = {StreamName.APPEARANCE: (3, 112, 112), StreamName.MOTION: (20, 112, 112)}
    clips, neutral = ({name: torch.randn(3, *shape) for name, shape in shapes.items()} for _ in range(2))
    other = clips | {StreamName.MOTION: torch.randn(3, 20, 112, 112)}
    alone = [classify_stream(judge, x, StreamName.APPEARANCE, neutral) for x in (clips, other)]
    assert torch.equal(*alone)
    named, features = classify(judge, clips)
    assert torch.equal(named, judge(clips).argmax(1))
    assert features.shape[0] == 3


def row(value: float) -> dict[str, Interval]:
    return {name: Interval(value=value, low=value - 0.1, high=value + 0.1) for name in SHARES}


def test_a_measure_that_cannot_tell_floors_fails() -> None:
    assert find_failures({"real": row(0.9)}, {"noise": row(0.1)}, 0.7) == []
    assert len(find_failures({"real": row(0.6)}, {"noise": row(0.1)}, 0.7)) == 1
    assert len(find_failures({"real": row(0.9)}, {"noise": row(0.75)}, 0.7)) == len(SHARES)


def test_classes_of_the_pose_measure() -> None:
    assert PEOPLE["kick"] == 1
    assert PEOPLE["red_run_blue_walk"] == 2
    assert PEOPLE["dotted_ball"] == 0
    assert POSE_GROUPS["wave_slow"] == POSE_GROUPS["wave_fast"]
    assert CHANCE["pose"] == 1 / 14


def test_variants() -> None:
    assert parse_variants([]) == [{}]
    assert [describe_variant(fields) for fields in parse_variants(["a=1,2 b=3", ""])] == [
        "a=1 b=3",
        "a=2 b=3",
        "default",
    ]


TINY = AssetsPlan(clips=4, held_out=3, epochs=1, pose_epochs=1, poses=1)


def write_random_clips(folder: Path, count: int, variant: Variant, seed: int, classes: tuple[str, ...]) -> None:
    """Write clips of noise where the benchmark would draw real ones, which takes longer than this test may."""
    rng = np.random.default_rng(seed)
    labels = np.array([CLASS_NAMES.index(classes[number % len(classes)]) for number in range(count)])
    shape = (STORED_SIDE, STORED_SIDE)
    frames, flow = (rng.integers(0, 256, (count, depth, *shape), np.uint8) for depth in (3, 2 * FLOW_FIELDS))
    open_dataset(folder, DatasetDescription(count, seed, variant.value, classes, GENERATOR_VERSION, count))
    write_shard(folder, 0, Clips(frames, flow, labels, np.zeros(count, np.bool_)))


@pytest.mark.slow
def test_the_whole_on_a_few_clips(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("pybullet_data")  # the recorded motions
    clips = tmp_path / "clips"
    write_random_clips(clips / "train", 4, Variant.RESTYLED, 0, TRAINING_CYCLE)
    write_random_clips(clips / "held-out-default", 63, Variant.UNBIASED, 4, CLASS_NAMES)
    write_random_clips(clips / "held-out-restyled", 63, Variant.RESTYLED, 4, CLASS_NAMES)
    np.save(tmp_path / "poses.npy", RNG.normal(size=(len(ONE_PERSON), len(JOINT_NAMES), 2)))
    plan = [f"--{name.replace('_', '-')}={value}" for name, value in asdict(TINY).items()]
    arguments = ["--work", str(tmp_path), "--seeds", "1", "--batch", "21", "--vary", "steps=1 jitter=0", *plan]
    assert main(arguments) == 1, "a judge of noise names nothing"
    printed = capsys.readouterr().out
    rows = [line for line in printed.splitlines() if line.startswith("|")]
    assert len(rows) == (2 + 2 + 1) + (2 + 2 + 5 + 1), "real clips first, then all"
    assert "The judge names" in printed
    files = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.suffix != ".json"}
    load_assets(tmp_path, TINY)
    assert {path: path.stat().st_mtime_ns for path in files} == files, "nothing is made again"
    assert json.loads((tmp_path / "plan.json").read_text())["clips"] == 4
    with pytest.raises(Conflict, match="another plan"):
        load_assets(tmp_path, AssetsPlan())
