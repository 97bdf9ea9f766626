"""What several commands need: the database, the device, the worker loop, and errors as sentences."""

from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from typing import TYPE_CHECKING, ParamSpec, TypeVar

import typer
from rich.console import Console
from rich.markup import escape

from app.contract.errors import KinetoscopeError
from app.settings import settings
from app.store.database.engine import Store, open_store
from worker.loop import WorkerLoop

if TYPE_CHECKING:
    import torch

err = Console(stderr=True)

P = ParamSpec("P")
T = TypeVar("T")


def plainly(command: Callable[P, T]) -> Callable[P, T]:
    """A known error ends a command with its words, not with a traceback."""

    @wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return command(*args, **kwargs)
        except KinetoscopeError as error:
            err.print(f"[bold red]{error.kind}[/]: {escape(error.detail)}", highlight=False, soft_wrap=True)
            raise typer.Exit(2) from error

    return run


def open_database() -> Store:
    settings().home.mkdir(parents=True, exist_ok=True)
    return open_store(settings().sqlalchemy_url)


def choose_device() -> "torch.device":
    """The device of the settings, with their number of threads."""
    # torch takes seconds to import: only commands that compute pay for it
    import torch

    from worker.devices import choose

    # One core stays with web and browser: where they share all of them, threads that wait for each other made
    # a step of I3D on two cores six times slower than one thread alone.
    torch.set_num_threads(settings().threads or max(1, torch.get_num_threads() - 1))
    return choose(settings().device)


def make_loop(store: Store) -> WorkerLoop:
    from worker.tasks import make_tasks

    device = choose_device()
    return WorkerLoop(
        store=store,
        tasks=make_tasks(store, device),
        device=str(device),
        batch=settings().batch or (4 if device.type == "cpu" else 16),
        lease=timedelta(seconds=settings().lease_seconds),
    )
