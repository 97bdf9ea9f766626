"""`kinetoscope-worker`: computes what the dashboard asks for, and registers networks."""

import logging
import signal
from functools import cache
from socket import gethostname
from types import FrameType

import typer
from rich.logging import RichHandler

from app.settings import settings
from app.store.jobs.workers import list_workers
from worker.cli.common import err, make_loop, open_database, plainly

app = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__, pretty_exceptions_enable=False)
log = logging.getLogger(__name__)


@app.command()
@plainly
def run() -> None:
    """Work on the queue until stopped; a stop hands running jobs back at once."""
    logging.basicConfig(level="INFO", format="%(message)s", handlers=[RichHandler(console=err, show_path=False)])
    logging.getLogger("alembic").setLevel("WARNING")
    from worker.cli.networks import register_from_settings
    from worker.shipped.first_start import bring_clips, register_shipped

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
    from worker.cli import datasets, explain, mocap, networks, survey, visualize

    app.add_typer(networks.app, name="networks")
    app.add_typer(datasets.app, name="datasets")
    app.add_typer(mocap.app, name="mocap")
    app.command(name="visualize")(visualize.visualize)
    app.command(name="survey")(survey.survey)
    app.command(name="explain")(explain.explain)
    return app


def main() -> None:
    program()()


if __name__ == "__main__":
    main()
