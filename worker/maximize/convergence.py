"""Which items take no more steps: those without a gradient, and those that have converged."""

from collections.abc import Sequence
from statistics import median

import torch
from torch import Tensor

from app.contract.errors import NoGradient
from worker.maximize.batch import Batch
from worker.maximize.canvas import InputName
from worker.maximize.diagnostics import capitalized
from worker.maximize.settings import Schedule

RESTART_RMS = (0.3, 1.0)  # of stronger start noise, in units of the bound, where the first noise gives no gradient
MAX_ZERO_GRADIENT_STEPS = 8  # in a row, after which an item is frozen
MIN_WINDOW_STEPS = 8  # of the windows over which J is compared


def restart_dead(batch: Batch) -> None:
    """Restart items without a gradient at the first step from stronger noise.

    Items that have none on any noise are dead: they fail here, before any step is spent on them.
    """
    state, diagnostics = batch.state, batch.diagnostics
    dead = [item for item in batch.working if diagnostics.zero_gradient_steps[item]]
    for rms in RESTART_RMS:
        if not dead:
            return
        rows = [batch.members.active.index(item) for item in dead]
        noise = {name: state.project(name, state.noise(name, dead, rms)) for name in state.canvases}
        has_gradient = _has_gradient(batch, torch.tensor(rows, device=state.like.device), noise)
        for index, item in enumerate(dead):
            if has_gradient[index]:
                diagnostics.zero_gradient_steps[item] = 0
                for name, x in state.x.items():
                    x[rows[index]] = noise[name][index]
        dead = [item for item, revived in zip(dead, has_gradient, strict=True) if not revived]
    for item in dead:
        diagnostics.errors[item] = NoGradient(
            f"{capitalized(diagnostics.names[item])} has no gradient at all: it is constant on faint, medium and "
            "strong noise alike, as a dead unit is. Another seed may find a way in; if none does, nothing can "
            "maximize it."
        )


def _has_gradient(batch: Batch, rows: Tensor, noise: dict[InputName, Tensor]) -> list[bool]:
    """Return for each of these rows whether J has a gradient at the noise, through the view of the first step."""

    def work(part: slice) -> list[bool]:
        x = {name: value[part] for name, value in noise.items()}
        view, items = batch.state.view(0, rows[part]), batch.members.items[rows[part]]
        evaluated = batch.function.value_and_grad(x, view, items, with_bn_prior=False)
        has_gradient: list[bool] = evaluated.has_gradient.tolist()
        return has_gradient

    parts = batch.microbatches.run(len(rows), work)
    return [flag for part, flags in parts for flag in flags or [False] * (part.stop - part.start)]


def freeze_converged(batch: Batch, schedule: Schedule) -> None:
    """Freeze items that have converged, and those whose gradient has vanished."""
    diagnostics = batch.diagnostics
    vanished = [i for i in batch.working if diagnostics.zero_gradient_steps[i] >= MAX_ZERO_GRADIENT_STEPS]
    if vanished:
        why = "The gradient vanished during the run: the stimulus stands where the activation is constant."
        batch.freeze(vanished, why)
    if not schedule.tolerance:
        return
    traces = {item: diagnostics.trace(item) for item in batch.working}
    for item in [item for item, trace in traces.items() if has_converged(trace, schedule)]:
        batch.freeze([item], f"Settled after {len(traces[item])} of {schedule.steps} steps.")


def has_converged(trace: Sequence[float], schedule: Schedule) -> bool:
    """Return whether J rises no more.

    The median of its last window of steps is above that of the window before by no more than `tolerance` times the
    whole rise so far. Medians, because each step sees another random view. Not while the stimulus fades.
    """
    window = max(MIN_WINDOW_STEPS, schedule.steps // 16)
    first = schedule.convergence_from_step
    if not schedule.tolerance or len(trace) < first + 2 * window or len(trace) % (window // 2):
        return False
    last, before = median(trace[-window:]), median(trace[-2 * window : -window])
    return last - before <= schedule.tolerance * max(last - median(trace[:window]), 0)
