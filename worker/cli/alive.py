"""`kinetoscope-worker alive`: a health check."""

from socket import gethostname

import typer

from app.store.jobs.workers import list_workers
from app.terminal import report_errors
from worker.cli.common import open_database


@report_errors
def alive() -> None:
    """Exit with status 0 if a worker of this host is at work, else with 1; for health checks."""
    with open_database().session() as session:
        is_alive = any(worker.alive and worker.host == gethostname() for worker in list_workers(session))
    raise typer.Exit(0 if is_alive else 1)
