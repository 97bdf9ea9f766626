"""`kinetoscope`: the whole dashboard (`up`), or its parts one by one."""

import sys
from typing import Annotated

import typer

from app.launch.frontend_build import build_frontend
from app.launch.supervise import require_free_port, supervise
from app.settings import settings
from app.store.database.engine import Store, open_store
from app.terminal import err, report_errors
from app.web.main import create_app
from app.web.serving.server import serve

app = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__, pretty_exceptions_enable=False)
db = typer.Typer(no_args_is_help=True, help="The database's schema.")
app.add_typer(db, name="db")

Port = Annotated[int | None, typer.Option(help="Port to serve on; KINETOSCOPE_PORT if not given.")]


@app.command()
@report_errors
def up(
    port: Port = None,
    browser: Annotated[bool, typer.Option(help="Open the dashboard in a browser.")] = sys.stdout.isatty(),
) -> None:
    """Build what is out of date, migrate, and run web and worker until Ctrl-C."""
    free_port = require_free_port(settings().host, settings().port if port is None else port)
    build_frontend()
    database(check=False).migrate()
    raise typer.Exit(supervise(host=settings().host, port=free_port, browser=browser))


@app.command()
@report_errors
def web(port: Port = None) -> None:
    """Serve the dashboard alone; workers may run elsewhere."""
    free_port = require_free_port(settings().host, settings().port if port is None else port)
    database().close()
    serve(create_app(settings()), host=settings().host, port=free_port, proxies=settings().proxies)


@app.command()
@report_errors
def build(
    dev: Annotated[
        bool, typer.Option(help="Also install what the checks and browser tests of the front end use.")
    ] = False,
) -> None:
    """Build the front end, if its sources changed."""
    build_frontend(with_dev_tools=dev)


@db.command()
@report_errors
def upgrade() -> None:
    """Bring the schema to the newest revision."""
    database(check=False).migrate()
    err.print("The database is up to date.")


@db.command()
@report_errors
def check() -> None:
    """Say whether the schema fits this code; exit status 2 if not."""
    database().close()
    err.print("The database is up to date.")


def database(*, check: bool = True) -> Store:
    """Open the database of the settings, and with `check` raise DatabaseNotMigrated where its schema is not current."""
    settings().home.mkdir(parents=True, exist_ok=True)
    return open_store(settings().sqlalchemy_url, check=check)


def main() -> None:
    app()


if __name__ == "__main__":
    main()
