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
from worker.mocap.training.adversarial import ADVERSARIAL_NORMS, adversarial_examples
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
    epochs: int = 7
    clean_epochs: int = 2  # on clips as they are; the others are on adversarial examples
    ramp_epochs: int = 2  # in which the adversarial examples go farther and farther, up to `strength`
    strength: float = 1.5  # of the adversarial examples, in ADVERSARIAL_NORMS
    attack_steps: int = 2
    batch: int = 32
    rate: float = 1.5e-3  # learning rate after the warm-up; falls along a cosine
    warm_up: int = 100  # steps
    decay: float = 1e-4  # weight decay
    heads: float = 0.3  # weight of each head's loss

    @property
    def summary(self) -> str:
        """Return the epochs in words."""
        attacked = self.epochs - self.clean_epochs
        if not attacked:
            return f"{self.epochs} epochs"
        return f"{self.clean_epochs} epochs, then {attacked} on adversarial examples of {self.attack_steps} steps"

    def learning_rate(self, step: int, steps_an_epoch: int) -> float:
        """Return the learning rate of a step (from 0)."""
        return self.rate * min(1.0, (step + 1) / self.warm_up) * _cosine(step / (self.epochs * steps_an_epoch))

    def attack_strength(self, step: int, steps_an_epoch: int) -> float:
        """Return how far the adversarial examples of a step (from 0) go, in ADVERSARIAL_NORMS; 0: none are made."""
        epochs = (step + 1) / steps_an_epoch - self.clean_epochs
        return self.strength * min(1.0, max(0.0, epochs) / max(self.ramp_epochs, 1e-9))


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
    total = steps_an_epoch * plan.epochs
    with ExitStack() as stack:
        if progress is None:
            progress = stack.enter_context(Progress(disable=True))
        task = progress.add_task(plan.family, total=total, completed=state.step)
        for batch in _batches(clips, plan, state.step, steps_an_epoch):
            for group in state.optimizer.param_groups:
                group["lr"] = plan.learning_rate(state.step, steps_an_epoch)
            strength = plan.attack_strength(state.step, steps_an_epoch)
            loss = _train_step(state, plan, batch, torch.device(device), strength)
            state.step += 1
            if not math.isfinite(loss):
                raise NotFinite(f"The loss is {loss} after {state.step} steps: train with a lower learning rate.")
            progress.update(task, advance=1, description=f"{plan.family} loss {loss:.2f}")
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


def _batches(clips: Clips, plan: TrainingPlan, done: int, steps_an_epoch: int) -> Iterator[Batch]:
    for epoch in range(done // steps_an_epoch, plan.epochs):
        first = max(0, done - epoch * steps_an_epoch)
        yield from training_batches(clips, plan.batch, plan.seed, epoch, first)


def _train_step(state: TrainingState, plan: TrainingPlan, batch: Batch, device: torch.device, strength: float) -> float:
    """Make one step and return the loss before it.

    The step number seeds the random numbers, so that a resumed training gives the same result.
    """
    torch.manual_seed(plan.seed * 1_000_003 + state.step)
    inputs = {name: values.to(device) for name, values in batch.inputs.items()}
    labels = batch.labels.to(device)
    with torch.autocast(device.type, torch.bfloat16, enabled=has_fast_bf16(device)):
        if strength:
            inputs = _attacked(state.student.network, inputs, labels, strength, plan.attack_steps)
        logits = state.student(inputs)
    loss = _loss(logits, labels, plan.heads)
    state.optimizer.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    nn.utils.clip_grad_norm_(state.student.parameters(), 2.0)
    state.optimizer.step()
    return float(loss.detach())


def _attacked(network: nn.Module, inputs: Inputs, labels: Tensor, strength: float, steps: int) -> Inputs:
    def loss(moved: Inputs) -> Tensor:
        return F.cross_entropy(network(moved).float(), labels, reduction="sum")

    epsilon = {name: strength * norm for name, norm in ADVERSARIAL_NORMS.items()}
    return adversarial_examples(inputs, loss, epsilon, steps)


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
