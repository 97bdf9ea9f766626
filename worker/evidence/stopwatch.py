"""Where the time of a survey goes: waiting for decoded clips, forward passes, and everything else."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from worker.devices import device_of


@dataclass
class Stopwatch:
    """Adds up seconds of wall time since it was made.

    `forward` has the passes of a whole module, with what their hooks read; a pass of one stream alone is not in it.
    """

    decode: float = 0.0  # waiting for clips that background threads decode
    forward: float = 0.0
    passes: int = 0
    started: float | None = None  # of the forward pass that runs

    def stop_pass(self) -> None:
        """End the forward pass that runs, if one does; a pass that was broken off reaches no hook."""
        if self.started is not None:
            self.forward += time.monotonic() - self.started
            self.started = None


_current: ContextVar[Stopwatch | None] = ContextVar("stopwatch", default=None)


def current_stopwatch() -> Stopwatch:
    """Return the stopwatch that runs, or one that nobody reads."""
    return _current.get() or Stopwatch()


@contextmanager
def measure_time(module: nn.Module) -> Iterator[Stopwatch]:
    """Yield a stopwatch that times the passes of this module and of its copies made meanwhile, and waits for clips.

    On a GPU a pass is waited for, or its time would count where the next number is read.
    """
    stopwatch = Stopwatch()
    on_gpu = device_of(module).type == "cuda"

    # Functions, not methods: a copy of the module must time its passes with this stopwatch, not with a copy of it
    def before(part: nn.Module, inputs: Any) -> None:
        stopwatch.stop_pass()
        stopwatch.passes += 1
        stopwatch.started = time.monotonic()

    def after(part: nn.Module, inputs: Any, output: Any) -> None:
        if on_gpu:
            torch.cuda.synchronize()
        stopwatch.stop_pass()

    handles = [module.register_forward_pre_hook(before), module.register_forward_hook(after)]
    token = _current.set(stopwatch)
    try:
        yield stopwatch
    finally:
        stopwatch.stop_pass()
        _current.reset(token)
        for handle in handles:
            handle.remove()
