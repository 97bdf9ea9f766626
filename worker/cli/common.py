"""What the commands share: the database, the device, the worker loop, and errors printed as sentences."""

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

out = Console()
err = Console(stderr=True)

BATCH_ON_CPU, BATCH_ON_ACCELERATOR = 4, 16  # jobs computed at once, unless the settings say otherwise

P = ParamSpec("P")
T = TypeVar("T")


def report_errors(command: Callable[P, T]) -> Callable[P, T]:
    """Make a known error end the command with its message and exit status 2, without a traceback."""

    @wraps(command)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return command(*args, **kwargs)
        except KinetoscopeError as error:
            err.print(f"[bold red]{error.kind}[/]: {escape(error.detail)}", highlight=False, soft_wrap=True)
            raise typer.Exit(2) from error

    return wrapper


def open_database() -> Store:
    """Open the database of the settings, and make its folder if there is none."""
    settings().home.mkdir(parents=True, exist_ok=True)
    return open_store(settings().sqlalchemy_url)


def page_url(path: str) -> str:
    """Return the address of a page of the dashboard."""
    return f"http://{settings().host}:{settings().port}/{path}"


def choose_device() -> "torch.device":
    """Return the device of the settings, and let torch use their number of threads."""
    import torch

    from worker.devices import find_device

    # One core stays with web and browser: where they share all of them, threads that wait for each other made
    # a step of I3D on two cores six times slower than one thread alone.
    torch.set_num_threads(settings().threads or max(1, torch.get_num_threads() - 1))
    return find_device(settings().device)


def make_loop(store: Store) -> WorkerLoop:
    """Return a worker loop on the device of the settings."""
    from worker.tasks import make_tasks

    device = choose_device()
    return WorkerLoop(
        store=store,
        tasks=make_tasks(store, device),
        device=str(device),
        batch=settings().batch or (BATCH_ON_CPU if device.type == "cpu" else BATCH_ON_ACCELERATOR),
        lease=timedelta(seconds=settings().lease_seconds),
    )
