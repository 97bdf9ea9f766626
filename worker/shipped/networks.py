"""The networks that this project ships: how each is trained, where its weights lie, how it is measured."""

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
from worker.networks.weights import compute_checksum, load_state, parse_weights, read_weights

WEIGHTS = Path(__file__).resolve().parent / "weights"
CHECKSUMS = "SHA256SUMS"
LARGEST = 8_000_000  # bytes of one file: they lie in the repository


@dataclass(frozen=True)
class Shipped:
    """`weights` and `heads` are files; the heads tell what each stream alone would know."""

    name: str
    family: str
    variant: Variant
    seed: int
    robust_epochs: int = 2
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
        return TrainingPlan(
            family=self.family, classes=len(CLASS_NAMES), seed=self.seed, robust_epochs=self.robust_epochs
        )

    def parts(self, student: Student) -> dict[str, nn.Module]:
        """What is shipped of a trained student, by file."""
        heads = {self.heads: student.heads} if self.has_heads else {}
        return {self.weights: student.network, **heads}


SHIPPED = {
    network.name: network
    for network in (
        Shipped("default", "mocap_two_stream", Variant.TRAIN, seed=0),
        # measured, never looked at: it needs no robust epochs
        Shipped("control", "mocap_two_stream", Variant.CONTROL, seed=1, robust_epochs=0),
        # its streams are not judged one by one
        Shipped("judge", "mocap_judge", Variant.TRAIN, seed=2, has_heads=False),
    )
}


@dataclass(frozen=True)
class HeldOut:
    """Clips that no training saw."""

    name: str
    clips: int
    variant: Variant
    classes: tuple[str, ...] = CLASS_NAMES
    seed: int = 1


HELD_OUT = (
    HeldOut("test", 1050, Variant.TEST),
    HeldOut("unbiased", 1050, Variant.UNBIASED),
    HeldOut("pairs", 840, Variant.TEST, (*BINDING_PAIR, *LEAKY_PAIR, *APPEARANCE_PAIR, *SPEED_PAIR)),
    HeldOut("bias", 420, Variant.UNBIASED, (BIASED_CLASS,)),
)


def find_shipped(name: str) -> Shipped:
    if name not in SHIPPED:
        raise UnknownNetwork(name, SHIPPED)
    return SHIPPED[name]


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
    """Makes the data, trains, writes weights and their checksums, measures them."""
    shipped = find_shipped(name)
    folder = data / shipped.variant
    make_dataset(
        folder, clips=clips, variant=shipped.variant, classes=TRAINING_CYCLE, processes=processes, progress=progress
    )
    student = train(read_clips(folder), shipped.plan, work / name, device=device, progress=progress)
    facts = {"network": name, "family": shipped.family, "clips": str(clips)}
    for file, part in shipped.parts(student).items():
        export(part, out / file, facts)
        if (out / file).stat().st_size > LARGEST:
            raise Conflict(f"{out / file} is larger than {LARGEST:,} bytes: too large for the repository.")
    write_checksums(out)
    held_out = measure_shipped(name, data=data, folder=out, processes=processes, progress=progress)
    found: Report = {"trained_on": clips, "held_out": held_out}
    (out / shipped.report).write_text(json.dumps(found, indent=2) + "\n")
    return found


def load_shipped(name: str, folder: Path = WEIGHTS) -> Student:
    """The network, and its heads if it has any, as shipped, in eval mode. Raises WeightsError for a damaged file."""
    shipped = find_shipped(name)
    student = Student(find_family(shipped.family), len(CLASS_NAMES))
    for file, part in shipped.parts(student).items():
        load_state(part, parse_weights(read_weights(folder / file)), str)
    return student.eval()


def measure_shipped(
    name: str, *, data: Path, folder: Path = WEIGHTS, processes: int = 0, progress: Progress | None = None
) -> Report:
    """The report of every test set, by its name."""
    student = load_shipped(name, folder)
    found: Report = {}
    for test in HELD_OUT:
        where = data / "tests" / test.name
        make_dataset(
            where,
            clips=test.clips,
            variant=test.variant,
            seed=test.seed,
            classes=test.classes,
            processes=processes,
            progress=progress,
        )
        clips = read_clips(where)
        scores = compute_scores(student, clips)
        found[test.name] = make_report(scores if find_shipped(name).has_heads else {FUSED: scores[FUSED]}, clips)
    return found


def write_checksums(folder: Path) -> None:
    files = sorted(folder.glob("*.safetensors"))
    lines = [f"{compute_checksum(file.read_bytes())}  {file.name}\n" for file in files]
    (folder / CHECKSUMS).write_text("".join(lines))
