"""`kinetoscope-worker`: computes what the dashboard asks for, and registers networks."""

import logging
import signal
from collections.abc import Callable
from datetime import timedelta
from functools import cache, wraps
from socket import gethostname
from types import FrameType
from typing import TYPE_CHECKING, ParamSpec, TypeVar

import typer
from rich.console import Console
from rich.logging import RichHandler
from rich.markup import escape

from app.contract.errors import KinetoscopeError
from app.settings import settings
from app.store.engine import Store, open_store
from app.store.workers import list_workers
from worker.loop import Loop

app = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__, pretty_exceptions_enable=False)
err = Console(stderr=True)
log = logging.getLogger(__name__)

if TYPE_CHECKING:
    import torch

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

    from worker.maximize.device import choose

    # One core stays with web and browser: where they share all of them, threads that wait for each other made
    # a step of I3D on two cores six times slower than one thread alone.
    torch.set_num_threads(settings().threads or max(1, torch.get_num_threads() - 1))
    return choose(settings().device)


def make_loop(store: Store) -> Loop:
    from worker.tasks import make_tasks

    device = choose_device()
    return Loop(
        store=store,
        tasks=make_tasks(store, device),
        device=str(device),
        batch=settings().batch or (4 if device.type == "cpu" else 16),
        lease=timedelta(seconds=settings().lease_seconds),
    )


@app.command()
@plainly
def run() -> None:
    """Work on the queue until stopped; a stop hands running jobs back at once."""
    logging.basicConfig(level="INFO", format="%(message)s", handlers=[RichHandler(console=err, show_path=False)])
    logging.getLogger("alembic").setLevel("WARNING")
    from worker.cli_networks import register_from_settings
    from worker.first_start import bring_clips, register_shipped

    store = open_database()
    if settings().shipped:
        register_shipped(store)
        bring_clips(store)
    register_from_settings(store)
    loop = make_loop(store)

    def stop(number: int, frame: FrameType | None) -> None:
        loop.stop.set()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    log.info("worker %s computes on %s", loop.name, loop.device)
    loop.run()


@app.command()
@plainly
def alive() -> None:
    """Exit status 0 if a worker of this host is at work; for health checks."""
    with open_database().session() as session:
        found = [worker for worker in list_workers(session) if worker.alive and worker.host == gethostname()]
    raise typer.Exit(0 if found else 1)


@cache
def program() -> typer.Typer:
    """All commands. The parts import this module, so they are put together last."""
    from worker import cli_datasets, cli_explain, cli_mocap, cli_networks, cli_survey, cli_visualize

    app.add_typer(cli_networks.app, name="networks")
    app.add_typer(cli_datasets.app, name="datasets")
    app.add_typer(cli_mocap.app, name="mocap")
    app.command(name="visualize")(cli_visualize.visualize)
    app.command(name="survey")(cli_survey.survey)
    app.command(name="explain")(cli_explain.explain)
    return app


def main() -> None:
    program()()


if __name__ == "__main__":
    main()
