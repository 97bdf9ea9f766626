"""The pose estimator: a small U-shaped network that finds the joints of one or two people in a clip.

Trained on restyled clips, whose joints the renderer knows. A joint is where its heat map has its mean (Sun et al. 2018,
arXiv 1711.08229). Two people have two sets of maps, from left to right.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from rich.progress import Progress
from torch import Tensor, nn

from app.contract.network import StreamName
from benchmarks.legibility.pose_distance import JOINT_NAMES, SWAPPED
from worker.devices import has_fast_bf16
from worker.mocap.dataset.generate import stage_clip
from worker.mocap.dataset.shards import STORED_SIDE, Clips, read_description
from worker.mocap.scenes.staging import CLIP_FRAMES, DRAWN_SIDE, Variant
from worker.mocap.training.batches import CROP_SIDE, make_batch

MAX_PEOPLE = 2
MIDDLE_FLOW = slice(8, 12)  # channels of the two fields around the picture's moment
WIDTHS = (24, 48, 96, 128)  # on maps of 56, 28, 14 and 7 pixels a side
CHECKPOINT_FILE = "pose.pt"


def read_joints(folder: Path) -> np.ndarray:
    """Return the joints (N, MAX_PEOPLE, J, 2) of the clips in a folder, in stored pixels, from left to right.

    NaN where there are fewer people. They are computed again from the scenes, and kept beside the clips.
    """
    path = folder / "joints.npy"
    if not path.exists():
        what = read_description(folder)
        joints = stage_joints(range(what.clips), what.seed, Variant(what.variant), what.classes)
        np.save(path, joints)
    return np.asarray(np.load(path))


def stage_joints(numbers: Sequence[int], seed: int, variant: Variant, classes: Sequence[str]) -> np.ndarray:
    """Return the joints (N, MAX_PEOPLE, J, 2) of clips that need not be drawn; see `read_joints`."""
    joints = np.full((len(numbers), MAX_PEOPLE, len(JOINT_NAMES), 2), np.nan)
    for row, number in enumerate(numbers):
        scene = stage_clip(number, seed, variant, classes).scene
        if scene.people:
            found = scene.joints(JOINT_NAMES, CLIP_FRAMES // 2, DRAWN_SIDE) * (STORED_SIDE / DRAWN_SIDE)
            joints[row, : len(found)] = found[np.argsort(found[:, 0, 0])]
    return joints


def _block(inputs: int, units: int, stride: int = 1) -> nn.Sequential:
    convolution = nn.Conv2d(inputs, units, 3, stride, padding=1, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(units), nn.ReLU())


class PoseNetwork(nn.Module):
    """A network from appearance and the two middle flow fields to joints and the number of people."""

    def __init__(self) -> None:
        super().__init__()
        first, second, third, last = WIDTHS
        self.down1 = nn.Sequential(nn.Conv2d(7, first, 5, 2, 2, bias=False), nn.BatchNorm2d(first), nn.ReLU())
        self.down2 = nn.Sequential(_block(first, second, 2), _block(second, second))
        self.down3 = nn.Sequential(_block(second, third, 2), _block(third, third))
        self.down4 = nn.Sequential(_block(third, last, 2), _block(last, last))
        self.up3 = _block(last + third, third)
        self.up2 = _block(third + second, second * 2)
        self.maps = nn.Conv2d(second * 2, MAX_PEOPLE * len(JOINT_NAMES), 1)
        self.people = nn.Linear(last, MAX_PEOPLE + 1)

    def forward(self, inputs: Mapping[StreamName, Tensor]) -> tuple[Tensor, Tensor]:
        """Return joints (B, MAX_PEOPLE, J, 2) in pixels of the input, and scores (B, 3) of 0, 1 and 2 people."""
        flow = inputs[StreamName.MOTION][:, MIDDLE_FLOW]
        x1 = self.down1(torch.cat([inputs[StreamName.APPEARANCE] * 2, flow * 10], 1))
        x2 = self.down2(x1)
        x3 = self.down3(x2)
        x4 = self.down4(x3)
        up3 = self.up3(torch.cat([F.interpolate(x4, scale_factor=2.0), x3], 1))
        maps = self.maps(self.up2(torch.cat([F.interpolate(up3, scale_factor=2.0), x2], 1))).float()
        weights = maps.flatten(2).softmax(2).view_as(maps)
        step = CROP_SIDE / maps.shape[-1]
        at = (torch.arange(maps.shape[-1], device=maps.device) + 0.5) * step
        joints = torch.stack([(weights.sum(2) * at).sum(2), (weights.sum(3) * at).sum(2)], 2)
        return joints.view(-1, MAX_PEOPLE, len(JOINT_NAMES), 2), self.people(x4.mean((2, 3))).float()


def load_pose_network(folder: Path, epochs: int) -> PoseNetwork | None:
    """Return the estimator whose training of so many epochs has finished in a folder; None where it has not."""
    path = folder / CHECKPOINT_FILE
    if not path.exists():
        return None
    content = torch.load(path, map_location="cpu", weights_only=True)
    if content["epoch"] != epochs:
        return None
    network = PoseNetwork()
    network.load_state_dict(content["network"])
    return network.eval()


@dataclass(frozen=True)
class PosePlan:
    """Everything that determines the training of a pose estimator except the clips."""

    epochs: int = 10
    batch: int = 32
    rate: float = 2e-3
    seed: int = 6


def train_pose_network(
    clips: Clips, joints: np.ndarray, plan: PosePlan, folder: Path, progress: Progress | None = None
) -> PoseNetwork:
    """Return the trained estimator; a finished epoch is not repeated when the training was interrupted."""
    torch.manual_seed(plan.seed)
    network = PoseNetwork()
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimizer = torch.optim.AdamW(network.parameters(), lr=plan.rate, weight_decay=1e-3)
    path, first = folder / CHECKPOINT_FILE, 0
    if path.exists():
        content = torch.load(path, map_location="cpu", weights_only=True)
        network.load_state_dict(content["network"])
        optimizer.load_state_dict(content["optimizer"])
        first = content["epoch"]
    steps = math.ceil(len(clips) / plan.batch)
    progress = progress or Progress(disable=True)
    task = progress.add_task("pose estimator", total=plan.epochs * steps, completed=first * steps)
    fast = has_fast_bf16(torch.device("cpu"))
    for epoch in range(first, plan.epochs):
        network.train()
        for number, (inputs, targets) in enumerate(_batches(clips, joints, plan, epoch)):
            done = (epoch * steps + number) / (plan.epochs * steps)
            for group in optimizer.param_groups:
                group["lr"] = plan.rate * min(1, (epoch * steps + number + 1) / 50) * (1 + math.cos(math.pi * done)) / 2
            with torch.autocast("cpu", torch.bfloat16, enabled=fast):
                found, people = network(inputs)
            loss = pose_loss(found, people, targets)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(network.parameters(), 2.0)
            optimizer.step()
            progress.update(task, advance=1, description=f"pose estimator loss {float(loss.detach()):.2f}")
        folder.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".partial")
        torch.save({"network": network.state_dict(), "optimizer": optimizer.state_dict(), "epoch": epoch + 1}, partial)
        partial.rename(path)
    return network.eval()


def pose_loss(found: Tensor, people: Tensor, targets: Tensor) -> Tensor:
    """Return the mean error of the joints in tenths of the side, plus the cross-entropy of the number of people.

    Joints outside the input and of people who are not there do not count.
    """
    inside = ((targets >= 0) & (targets <= CROP_SIDE)).all(-1)  # False for NaN
    error = F.smooth_l1_loss(found[inside], targets[inside].float(), beta=2.0)
    number = (~targets[:, :, 0, 0].isnan()).sum(1)
    return error / (CROP_SIDE / 10) + 0.2 * F.cross_entropy(people, number)


def _batches(
    clips: Clips, joints: np.ndarray, plan: PosePlan, epoch: int
) -> Iterator[tuple[Mapping[StreamName, Tensor], Tensor]]:
    rng = np.random.default_rng((plan.seed, epoch))
    order, corners = rng.permutation(len(clips)), rng.integers(0, STORED_SIDE - CROP_SIDE + 1, (len(clips), 2))
    mirrored = rng.random(len(clips)) < 0.5
    for start in range(0, len(clips), plan.batch):
        chosen = order[start : start + plan.batch]
        inputs = make_batch(clips, chosen, corners[chosen], mirrored[chosen]).inputs
        targets = crop_joints(joints[chosen], corners[chosen], mirrored[chosen])
        yield inputs, torch.from_numpy(targets)


def crop_joints(joints: np.ndarray, corners: np.ndarray, mirrored: np.ndarray) -> np.ndarray:
    """Return joints (N, MAX_PEOPLE, J, 2) in pixels of a crop at `corners` (N, 2) of (y, x), some of them mirrored."""
    moved = joints - corners[:, None, None, ::-1]
    flipped = moved[:, :, SWAPPED] * (-1, 1) + (CROP_SIDE - 1, 0)
    two = ~np.isnan(flipped[:, 1, 0, 0])
    flipped[two] = flipped[two][:, ::-1]  # still from left to right
    return np.asarray(np.where(mirrored[:, None, None, None], flipped, moved))


@torch.inference_mode()
def find_poses(network: PoseNetwork, inputs: Mapping[StreamName, Tensor]) -> tuple[list[np.ndarray], np.ndarray]:
    """Return the poses that are found in each of N clips, (F, J, 2) with F = 1 or 2, and the numbers of people (N,).

    Where nobody is found, F is 1: the pose that the estimator would give a person.
    """
    joints, scores = network(inputs)
    people = scores.argmax(1).numpy()
    return [pose[: max(1, count)] for pose, count in zip(joints.double().numpy(), people, strict=True)], people
