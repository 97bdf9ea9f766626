"""What the measures need and a folder keeps: clips, the judge, the pose estimator, real poses."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import cast

import numpy as np
import torch
from rich.progress import Progress
from torch import Tensor

from app.contract.errors import Conflict
from app.contract.network import StreamName
from benchmarks.legibility.judge import JUDGE, LegibilityJudge, classify
from benchmarks.legibility.pose_network import (
    PoseNetwork,
    PosePlan,
    load_pose_network,
    read_joints,
    stage_joints,
    train_pose_network,
)
from worker.mocap.dataset.generate import make_dataset
from worker.mocap.dataset.shards import CLIPS_PER_SHARD, Clips, read_clips
from worker.mocap.scenes.staging import SCRIPTS, PairScript, Variant
from worker.mocap.training.batches import evaluation_batches
from worker.mocap.training.train import TrainingPlan, export, train
from worker.networks.families.mocap_classes import CLASS_NAMES, SPEED_PAIR, TRAINING_CYCLE
from worker.networks.state_fit import load_state
from worker.networks.weights import parse_weights

HELD_OUT_SEED, POSES_SEED = 4, 5  # differ from those of all other clips
PEOPLE = {
    name: 0 if name not in SCRIPTS else 2 if isinstance(SCRIPTS[name][0], PairScript) else 1 for name in CLASS_NAMES
}
ONE_PERSON = tuple(name for name, people in PEOPLE.items() if people == 1)
POSE_GROUPS = {name: "wave" if name in SPEED_PAIR else name for name in ONE_PERSON}  # which poses tell apart


@dataclass(frozen=True)
class AssetsPlan:
    """What determines the judge, the pose estimator and the real clips of a folder."""

    clips: int = 8280  # restyled, to train on
    held_out: int = 15  # of every class and rendering
    epochs: int = 12
    pose_epochs: int = 10
    poses: int = 40  # real poses of every class


@dataclass(frozen=True)
class ClipSet:
    """N clips or stimuli as the judge takes them, and the class of each."""

    inputs: Mapping[StreamName, Tensor]  # appearance (N, 3, H, W), motion (N, 20, H, W), standard units
    labels: Tensor  # (N,)

    def __getitem__(self, rows: slice) -> "ClipSet":
        return ClipSet({name: values[rows] for name, values in self.inputs.items()}, self.labels[rows])


@dataclass(frozen=True)
class Assets:
    """The judge, the pose estimator, and the real clips that stimuli are compared with."""

    judge: LegibilityJudge
    pose: PoseNetwork
    neutral: ClipSet  # one clip of every class, in the default rendering
    gallery: Tensor  # the judge's features (N, F) of what retrieval searches, in the default rendering
    gallery_labels: Tensor  # (N,)
    probes: Mapping[str, ClipSet]  # other real clips, by rendering
    poses: Mapping[str, np.ndarray]  # (N, J, 2) by pose group


def load_assets(work: Path, plan: AssetsPlan, *, processes: int = 1, progress: Progress | None = None) -> Assets:
    """Return the assets of a folder, making those that are missing.

    Raises Conflict if the folder holds those of another plan, MotionsMissing where clips cannot be drawn.
    """
    work.mkdir(parents=True, exist_ok=True)
    path, wanted = work / "plan.json", json.dumps(asdict(plan), indent=2)
    if path.exists() and path.read_text() != wanted:
        raise Conflict(f"{work} holds judges of another plan (see {path.name} in it): remove it, or choose another.")
    if not path.exists():
        path.write_text(wanted)

    def clips(name: str, count: int, variant: Variant, seed: int, classes: Sequence[str] = CLASS_NAMES) -> Path:
        folder = work / "clips" / name
        make_dataset(
            folder,
            clips=count,
            variant=variant,
            seed=seed,
            classes=classes,
            processes=processes,
            progress=progress,
            clips_per_shard=min(CLIPS_PER_SHARD, count),
        )
        return folder

    count = plan.held_out * len(CLASS_NAMES)
    default = read_set(clips("held-out-default", count, Variant.UNBIASED, HELD_OUT_SEED))
    restyled = read_set(clips("held-out-restyled", count, Variant.RESTYLED, HELD_OUT_SEED))
    judge_path = work / "judge" / "weights.safetensors"
    if not judge_path.exists() or not load_pose_network(work / "pose", plan.pose_epochs):
        folder = clips("train", plan.clips, Variant.RESTYLED, 0, TRAINING_CYCLE)
        data, joints = read_clips(folder), read_joints(folder)
        training = TrainingPlan(JUDGE.name, len(CLASS_NAMES), seed=7, epochs=plan.epochs, clean_epochs=plan.epochs)
        student = train(data, training, work / "judge", family=JUDGE, progress=progress)
        train_pose_network(data, joints, PosePlan(plan.pose_epochs), work / "pose", progress)
        export(student.network, judge_path, {"family": JUDGE.name})
    judge = cast(LegibilityJudge, JUDGE.build(len(CLASS_NAMES)))
    load_state(judge, parse_weights(judge_path.read_bytes()), str)
    pose = load_pose_network(work / "pose", plan.pose_epochs)
    assert pose
    classes, half = len(CLASS_NAMES), len(CLASS_NAMES) * ((1 + plan.held_out) // 2)
    judge.eval()
    gallery = default[slice(half, None)]
    return Assets(
        judge=judge,
        pose=pose,
        neutral=default[slice(0, classes)],
        probes={"default rendering": default[slice(classes, half)], "restyled": restyled[slice(classes, half)]},
        gallery=classify(judge, gallery.inputs)[1],
        gallery_labels=gallery.labels,
        poses=read_poses(work / "poses.npy", plan.poses),
    )


def read_set(folder: Path) -> ClipSet:
    """Return all clips of a folder, cropped in the middle."""
    return make_set(read_clips(folder))


def make_set(clips: Clips) -> ClipSet:
    """Return clips as networks take them."""
    batches = list(evaluation_batches(clips))
    inputs = {name: torch.cat([batch.inputs[name] for batch in batches]) for name in batches[0].inputs}
    return ClipSet(inputs, torch.cat([batch.labels for batch in batches]))


def read_poses(path: Path, each: int) -> dict[str, np.ndarray]:
    """Return `each` real poses of every class with one person, in the default rendering, (N, J, 2) by pose group."""
    if not path.exists():
        numbers = range(each * len(ONE_PERSON))
        np.save(path, stage_joints(numbers, POSES_SEED, Variant.UNBIASED, ONE_PERSON)[:, 0])
    joints = np.load(path)
    of = np.array([POSE_GROUPS[ONE_PERSON[number % len(ONE_PERSON)]] for number in range(len(joints))])
    return {group: joints[of == group] for group in dict.fromkeys(POSE_GROUPS.values())}
