"""Train and measure the networks that this project ships."""

import json
from dataclasses import dataclass
from pathlib import Path

import torch
from rich.progress import Progress
from torch import nn

from app.contract.errors import Conflict, UnknownNetwork
from worker.mocap.dataset.generate import make_dataset
from worker.mocap.dataset.shards import read_clips
from worker.mocap.scenes.staging import Variant
from worker.mocap.training.evaluate import Report, compute_scores, make_report
from worker.mocap.training.student import FUSED, Student
from worker.mocap.training.train import TrainingPlan, export, train
from worker.networks.families.mocap_classes import (
    APPEARANCE_PAIR,
    BIASED_CLASS,
    BINDING_PAIR,
    CLASS_NAMES,
    LEAKY_PAIR,
    SPEED_PAIR,
    TRAINING_CYCLE,
)
from worker.networks.registry import find_family
from worker.networks.state_fit import load_state
from worker.networks.weights import compute_checksum, parse_weights, read_weights
from worker.shipped.paths import WEIGHTS_FOLDER

CHECKSUMS_FILE = "SHA256SUMS"
MAX_FILE_BYTES = 8_000_000  # the files are part of the repository


@dataclass(frozen=True)
class TrainedNetwork:
    """How a network is trained, and the names of the files with its weights, its heads and its report.

    The heads classify by each stream alone (see worker.mocap.training.student).
    """

    name: str
    family: str
    variant: Variant
    seed: int
    has_heads: bool = True

    @property
    def weights(self) -> str:
        return f"mocap_{self.name}.safetensors"

    @property
    def heads(self) -> str:
        return f"mocap_{self.name}.heads.safetensors"

    @property
    def report(self) -> str:
        return f"mocap_{self.name}.json"

    @property
    def plan(self) -> TrainingPlan:
        return TrainingPlan(family=self.family, classes=len(CLASS_NAMES), seed=self.seed)

    def modules_by_file(self, student: Student) -> dict[str, nn.Module]:
        """Return the modules of a trained student whose weights are shipped, by file name."""
        heads = {self.heads: student.heads} if self.has_heads else {}
        return {self.weights: student.network, **heads}


TRAINED_NETWORKS = {
    network.name: network
    for network in (
        TrainedNetwork("default", "mocap_two_stream", Variant.TRAIN, seed=0),
        TrainedNetwork("control", "mocap_two_stream", Variant.CONTROL, seed=1),
        # Its streams are not measured one by one
        TrainedNetwork("judge", "mocap_judge", Variant.TRAIN, seed=2, has_heads=False),
    )
}


@dataclass(frozen=True)
class HeldOutSet:
    """A test set: clips that no network was trained on."""

    name: str
    clips: int
    variant: Variant
    classes: tuple[str, ...] = CLASS_NAMES
    seed: int = 1


HELD_OUT_SETS = (
    HeldOutSet("test", 1050, Variant.TEST),
    HeldOutSet("unbiased", 1050, Variant.UNBIASED),
    HeldOutSet("pairs", 840, Variant.TEST, (*BINDING_PAIR, *LEAKY_PAIR, *APPEARANCE_PAIR, *SPEED_PAIR)),
    HeldOutSet("bias", 420, Variant.UNBIASED, (BIASED_CLASS,)),
)


def find_trained_network(name: str) -> TrainedNetwork:
    """Return the network of this name. Raises UnknownNetwork, with similar names, for an unknown one."""
    if name not in TRAINED_NETWORKS:
        raise UnknownNetwork(name, TRAINED_NETWORKS)
    return TRAINED_NETWORKS[name]


def train_shipped(
    name: str,
    *,
    data: Path,
    work: Path,
    out: Path,
    clips: int,
    processes: int = 0,
    device: str | torch.device = "cpu",
    progress: Progress | None = None,
) -> Report:
    """Make the data, train a network, write its weights, their checksums and its report, and return the report.

    Raises UnknownNetwork for an unknown name, Conflict if a file becomes too large for the repository.
    """
    network = find_trained_network(name)
    folder = data / network.variant
    make_dataset(
        folder, clips=clips, variant=network.variant, classes=TRAINING_CYCLE, processes=processes, progress=progress
    )
    student = train(read_clips(folder), network.plan, work / name, device=device, progress=progress)
    facts = {"network": name, "family": network.family, "clips": str(clips)}
    for file, part in network.modules_by_file(student).items():
        export(part, out / file, facts)
        if (out / file).stat().st_size > MAX_FILE_BYTES:
            raise Conflict(f"{out / file} is larger than {MAX_FILE_BYTES:,} bytes: too large for the repository.")
    write_checksums(out)
    held_out = measure_shipped(name, data=data, folder=out, processes=processes, progress=progress)
    result: Report = {"trained_on": clips, "epochs": network.plan.summary, "held_out": held_out}
    (out / network.report).write_text(json.dumps(result, indent=2) + "\n")
    return result


def load_shipped(name: str, folder: Path = WEIGHTS_FOLDER) -> Student:
    """Return a shipped network with its heads, if it has any, in eval mode. Raises WeightsError for a damaged file."""
    network = find_trained_network(name)
    student = Student(find_family(network.family), len(CLASS_NAMES))
    for file, part in network.modules_by_file(student).items():
        load_state(part, parse_weights(read_weights(folder / file)), str)
    return student.eval()


def measure_shipped(
    name: str, *, data: Path, folder: Path = WEIGHTS_FOLDER, processes: int = 0, progress: Progress | None = None
) -> Report:
    """Return the report of a shipped network on every test set, by the name of the set."""
    student = load_shipped(name, folder)
    reports: Report = {}
    for test in HELD_OUT_SETS:
        folder_of_clips = data / "tests" / test.name
        make_dataset(
            folder_of_clips,
            clips=test.clips,
            variant=test.variant,
            seed=test.seed,
            classes=test.classes,
            processes=processes,
            progress=progress,
        )
        clips = read_clips(folder_of_clips)
        scores = compute_scores(student, clips)
        reports[test.name] = make_report(
            scores if find_trained_network(name).has_heads else {FUSED: scores[FUSED]}, clips
        )
    return reports


def write_checksums(folder: Path) -> None:
    """Write the sha256 of every weights file in a folder, in the format of sha256sum."""
    files = sorted(folder.glob("*.safetensors"))
    lines = [f"{compute_checksum(file.read_bytes())}  {file.name}\n" for file in files]
    (folder / CHECKSUMS_FILE).write_text("".join(lines))
