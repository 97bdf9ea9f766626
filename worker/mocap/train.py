"""Trains a network on stored clips; a training that was killed goes on from its checkpoint."""

import json
import math
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from rich.progress import Progress
from safetensors.torch import save_file
from torch import Tensor, nn

from app.contract.errors import Conflict, NotFinite
from worker.mocap.attack import step_against
from worker.mocap.batches import Batch, Inputs, training_batches
from worker.mocap.cache import Clips
from worker.mocap.student import FUSED, Logits, Student, initialise
from worker.networks.registry import find_family

CHECKPOINT = "checkpoint.pt"
SAVED_EVERY = 50  # steps


@dataclass(frozen=True)
class Plan:
    """Everything that determines a training, besides the clips."""

    family: str
    classes: int
    seed: int = 0
    epochs: int = 9  # on clips as they are
    robust_epochs: int = 2  # then on adversarial examples of them
    batch: int = 32
    rate: float = 1.5e-3  # of learning, after the warm-up; falls as a cosine, anew for the robust epochs
    robust_rate: float = 2.5e-4
    warm_up: int = 100  # steps
    decay: float = 1e-4  # of weights
    heads: float = 0.3  # weight of each stream's own loss

    def learning_rate(self, step: int, steps_an_epoch: int) -> float:
        plain = self.epochs * steps_an_epoch
        if step < plain:
            rise = min(1.0, (step + 1) / self.warm_up)
            return self.rate * rise * _cosine(step / plain)
        return self.robust_rate * _cosine((step - plain) / (self.robust_epochs * steps_an_epoch))


@dataclass
class Progressed:
    """Where a training stands."""

    student: Student
    optimizer: torch.optim.Optimizer
    step: int = 0


def train(
    clips: Clips, plan: Plan, folder: Path, *, device: str | torch.device = "cpu", progress: Progress | None = None
) -> Student:
    """The trained student. `folder` keeps the checkpoint; the same plan in the same folder goes on where it was.

    Raises Conflict if the folder holds the training of another plan, NotFinite if the loss does not stay finite.
    """
    torch.manual_seed(plan.seed)
    state = _begin(plan, torch.device(device))
    _resume(state, plan, folder)
    steps_an_epoch = math.ceil(len(clips) / plan.batch)
    total = steps_an_epoch * (plan.epochs + plan.robust_epochs)
    with ExitStack() as stack:
        if progress is None:
            progress = stack.enter_context(Progress(disable=True))
        task = progress.add_task(plan.family, total=total, completed=state.step)
        for robust, batch in _batches(clips, plan, state.step, steps_an_epoch):
            for group in state.optimizer.param_groups:
                group["lr"] = plan.learning_rate(state.step, steps_an_epoch)
            loss = _learn(state, plan, batch, torch.device(device), robust)
            state.step += 1
            if not math.isfinite(loss):
                raise NotFinite(f"The loss is {loss} after {state.step} steps: train with a lower learning rate.")
            progress.update(task, advance=1, description=f"{plan.family} {'robust ' * robust}loss {loss:.2f}")
            if state.step % SAVED_EVERY == 0 or state.step == total:
                _save(state, plan, folder)
    state.student.eval().fold()
    return state.student


def export(module: nn.Module, path: Path, metadata: dict[str, str]) -> None:
    """Weights as 16 bits in safetensors; counters that only training needs stay out."""
    state = {
        name: tensor.detach().cpu().half().contiguous()
        for name, tensor in module.state_dict().items()
        if tensor.is_floating_point()
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(state, path, metadata=metadata)


def _cosine(share: float) -> float:
    return 0.5 * (1 + math.cos(math.pi * share))


def _begin(plan: Plan, device: torch.device) -> Progressed:
    student = Student(find_family(plan.family), plan.classes, normalised=True)
    initialise(student)
    student = student.to(device).to(memory_format=torch.channels_last).train()  # type: ignore[call-overload]
    return Progressed(student, torch.optim.AdamW(student.parameters(), lr=plan.rate, weight_decay=plan.decay))


def _batches(clips: Clips, plan: Plan, done: int, steps_an_epoch: int) -> Iterator[tuple[bool, Batch]]:
    for epoch in range(done // steps_an_epoch, plan.epochs + plan.robust_epochs):
        first = max(0, done - epoch * steps_an_epoch)
        for batch in training_batches(clips, plan.batch, plan.seed, epoch, first):
            yield epoch >= plan.epochs, batch


def _learn(state: Progressed, plan: Plan, batch: Batch, device: torch.device, robust: bool) -> float:
    """One step; the loss before it. Its random numbers follow from its number, so that resuming changes nothing."""
    torch.manual_seed(plan.seed * 1_000_003 + state.step)
    inputs = {name: values.to(device) for name, values in batch.inputs.items()}
    labels = batch.labels.to(device)
    with torch.autocast(device.type, torch.bfloat16, enabled=pays_in_bfloat16(device)):
        if robust:
            inputs = _attacked(state.student, inputs, labels)
        logits = state.student(inputs)
    loss = _loss(logits, labels, plan.heads)
    state.optimizer.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    nn.utils.clip_grad_norm_(state.student.parameters(), 2.0)
    state.optimizer.step()
    return float(loss.detach())


def _attacked(student: Student, inputs: Inputs, labels: Tensor) -> Inputs:
    watched = {name: values.requires_grad_() for name, values in inputs.items()}
    loss = F.cross_entropy(student.network(watched).float(), labels, reduction="sum")
    found = torch.autograd.grad(loss, list(watched.values()))
    return step_against(inputs, dict(zip(watched, found, strict=True)))


def _loss(logits: Logits, labels: Tensor, heads: float) -> Tensor:
    losses = {stream: F.cross_entropy(values, labels, label_smoothing=0.05) for stream, values in logits.items()}
    fused = losses.pop(FUSED)
    return fused + heads * torch.stack(list(losses.values())).sum()


def pays_in_bfloat16(device: torch.device) -> bool:
    """Whether the device multiplies 16 bits faster than 32: any GPU, and CPUs with instructions for it."""
    if device.type != "cpu":
        return device.type == "cuda"
    can = torch.cpu.get_capabilities()
    return bool(can.get("avx512_bf16") or can.get("amx_bf16"))


def _save(state: Progressed, plan: Plan, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    content = {
        "plan": json.dumps(asdict(plan)),
        "step": state.step,
        "student": state.student.state_dict(),
        "optimizer": state.optimizer.state_dict(),
    }
    partial = folder / f"{CHECKPOINT}.partial"
    torch.save(content, partial)
    partial.rename(folder / CHECKPOINT)


def _resume(state: Progressed, plan: Plan, folder: Path) -> None:
    path = folder / CHECKPOINT
    if not path.exists():
        return
    content = torch.load(path, map_location="cpu", weights_only=True)
    if content["plan"] != json.dumps(asdict(plan)):
        raise Conflict(f"{folder} holds another training: remove it to start anew, or choose another folder.")
    state.student.load_state_dict(content["student"])
    state.optimizer.load_state_dict(content["optimizer"])
    state.step = content["step"]
