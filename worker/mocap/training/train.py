"""Train a network on stored clips; an interrupted training continues from its checkpoint."""

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
from worker.devices import has_fast_bf16
from worker.mocap.dataset.shards import Clips
from worker.mocap.training.adversarial import adversarial_step
from worker.mocap.training.batches import Batch, Inputs, training_batches
from worker.mocap.training.student import FUSED, Logits, Student, initialise_weights
from worker.networks.registry import Family, find_family

CHECKPOINT_FILE = "checkpoint.pt"
STEPS_PER_CHECKPOINT = 50


@dataclass(frozen=True)
class TrainingPlan:
    """Everything that determines a training except the clips. Checkpoints hold it, so fields keep their names."""

    family: str
    classes: int
    seed: int = 0
    epochs: int = 9  # on clips as they are
    robust_epochs: int = 2  # then on adversarial examples of them
    batch: int = 32
    rate: float = 1.5e-3  # learning rate after the warm-up; falls along a cosine, and again in the robust epochs
    robust_rate: float = 2.5e-4
    warm_up: int = 100  # steps
    decay: float = 1e-4  # weight decay
    heads: float = 0.3  # weight of each head's loss

    def learning_rate(self, step: int, steps_an_epoch: int) -> float:
        """Return the learning rate of a step (from 0)."""
        plain = self.epochs * steps_an_epoch
        if step < plain:
            rise = min(1.0, (step + 1) / self.warm_up)
            return self.rate * rise * _cosine(step / plain)
        return self.robust_rate * _cosine((step - plain) / (self.robust_epochs * steps_an_epoch))


@dataclass
class TrainingState:
    """The state of a training after `step` steps."""

    student: Student
    optimizer: torch.optim.Optimizer
    step: int = 0


def train(
    clips: Clips,
    plan: TrainingPlan,
    folder: Path,
    *,
    family: Family | None = None,
    device: str | torch.device = "cpu",
    progress: Progress | None = None,
    steps_per_checkpoint: int = STEPS_PER_CHECKPOINT,
) -> Student:
    """Train and return the student. A training that was interrupted continues from the checkpoint in `folder`.

    `family` stands in for the one that the plan names, which need not be registered then.

    Raises Conflict if the folder holds the training of another plan, NotFinite if the loss becomes NaN or infinite.
    """
    torch.manual_seed(plan.seed)
    state = _new_state(plan, family or find_family(plan.family), torch.device(device))
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
            loss = _train_step(state, plan, batch, torch.device(device), robust)
            state.step += 1
            if not math.isfinite(loss):
                raise NotFinite(f"The loss is {loss} after {state.step} steps: train with a lower learning rate.")
            progress.update(task, advance=1, description=f"{plan.family} {'robust ' * robust}loss {loss:.2f}")
            if state.step % steps_per_checkpoint == 0 or state.step == total:
                _save(state, plan, folder)
    state.student.eval().fold_batch_norm()
    return state.student


def export(module: nn.Module, path: Path, metadata: dict[str, str]) -> None:
    """Write the weights as float16 in safetensors, without the counters that only training needs."""
    state = {
        name: tensor.detach().cpu().half().contiguous()
        for name, tensor in module.state_dict().items()
        if tensor.is_floating_point()
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(state, path, metadata=metadata)


def _cosine(share: float) -> float:
    return 0.5 * (1 + math.cos(math.pi * share))


def _new_state(plan: TrainingPlan, family: Family, device: torch.device) -> TrainingState:
    student = Student(family, plan.classes, batch_norm=True)
    initialise_weights(student)
    student = student.to(device).to(memory_format=torch.channels_last).train()  # type: ignore[call-overload]
    return TrainingState(student, torch.optim.AdamW(student.parameters(), lr=plan.rate, weight_decay=plan.decay))


def _batches(clips: Clips, plan: TrainingPlan, done: int, steps_an_epoch: int) -> Iterator[tuple[bool, Batch]]:
    for epoch in range(done // steps_an_epoch, plan.epochs + plan.robust_epochs):
        first = max(0, done - epoch * steps_an_epoch)
        for batch in training_batches(clips, plan.batch, plan.seed, epoch, first):
            yield epoch >= plan.epochs, batch


def _train_step(state: TrainingState, plan: TrainingPlan, batch: Batch, device: torch.device, robust: bool) -> float:
    """Make one step and return the loss before it.

    The step number seeds the random numbers, so that a resumed training gives the same result.
    """
    torch.manual_seed(plan.seed * 1_000_003 + state.step)
    inputs = {name: values.to(device) for name, values in batch.inputs.items()}
    labels = batch.labels.to(device)
    with torch.autocast(device.type, torch.bfloat16, enabled=has_fast_bf16(device)):
        if robust:
            inputs = _adversarial_inputs(state.student, inputs, labels)
        logits = state.student(inputs)
    loss = _loss(logits, labels, plan.heads)
    state.optimizer.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    nn.utils.clip_grad_norm_(state.student.parameters(), 2.0)
    state.optimizer.step()
    return float(loss.detach())


def _adversarial_inputs(student: Student, inputs: Inputs, labels: Tensor) -> Inputs:
    tracked = {name: values.requires_grad_() for name, values in inputs.items()}
    loss = F.cross_entropy(student.network(tracked).float(), labels, reduction="sum")
    gradients = torch.autograd.grad(loss, list(tracked.values()))
    return adversarial_step(inputs, dict(zip(tracked, gradients, strict=True)))


def _loss(logits: Logits, labels: Tensor, heads: float) -> Tensor:
    losses = {stream: F.cross_entropy(values, labels, label_smoothing=0.05) for stream, values in logits.items()}
    fused = losses.pop(FUSED)
    return fused + heads * torch.stack(list(losses.values())).sum()


def _save(state: TrainingState, plan: TrainingPlan, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    content = {
        "plan": json.dumps(asdict(plan)),
        "step": state.step,
        "student": state.student.state_dict(),
        "optimizer": state.optimizer.state_dict(),
    }
    partial = folder / f"{CHECKPOINT_FILE}.partial"
    torch.save(content, partial)
    partial.rename(folder / CHECKPOINT_FILE)


def _resume(state: TrainingState, plan: TrainingPlan, folder: Path) -> None:
    path = folder / CHECKPOINT_FILE
    if not path.exists():
        return
    content = torch.load(path, map_location="cpu", weights_only=True)
    if content["plan"] != json.dumps(asdict(plan)):
        raise Conflict(f"{folder} holds another training: remove it to start anew, or choose another folder.")
    state.student.load_state_dict(content["student"])
    state.optimizer.load_state_dict(content["optimizer"])
    state.step = content["step"]
