"""`kinetoscope`: the whole dashboard (`up`), or its parts one by one."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from app.bundles.bring_in import import_bundle
from app.bundles.choice import Choice, parse_recipe_values, parse_roles, parse_units
from app.bundles.export import export_bundle
from app.bundles.sentences import describe_export, describe_import, describe_imports
from app.launch.frontend_build import build_frontend
from app.launch.supervise import require_free_port, supervise
from app.settings import settings
from app.store.database.engine import Store, open_store
from app.store.results.imports import list_imports
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


@app.command("export-bundle")
@report_errors
def export_bundle_(
    file: Path,
    network: Annotated[list[str] | None, typer.Option(help="Slug of a network; may be repeated. All networks.")] = None,
    layers: Annotated[list[str] | None, typer.Option("--layers", help="A layer; may be repeated. All layers.")] = None,
    units: Annotated[str, typer.Option(help="Units of these layers, such as 0,3,8-15. All units.")] = "",
    classes: Annotated[bool, typer.Option("--classes", help="The classes, and of other layers only --layers.")] = False,
    recipe: Annotated[
        list[str] | None, typer.Option(help="field=value of the recipe, such as speed=slow; may be repeated.")
    ] = None,
    newest: Annotated[
        bool, typer.Option("--newest", help="Of each unit the newest result at each speed, objective and sign.")
    ] = False,
    with_survey: Annotated[
        bool, typer.Option("--with-survey", help="The newest survey of each network, with stills of its clips.")
    ] = False,
    with_videos: Annotated[
        bool, typer.Option("--with-videos", help="With the survey: the videos of its clips and their flow.")
    ] = False,
    without: Annotated[
        list[str] | None, typer.Option(help="A medium to leave out of results, such as raw; may be repeated.")
    ] = None,
    max_bytes: Annotated[int | None, typer.Option(help="Write nothing where the bundle would be larger.")] = None,
) -> None:
    """Write results, and surveys if asked for, into one file that another server can import."""
    choice = Choice(
        networks=tuple(network or ()),
        layers=tuple(layers or ()),
        units=parse_units(units) if units else None,
        classes=classes,
        recipe=parse_recipe_values(recipe or ()),
        newest=newest,
        with_survey=with_survey or with_videos,
        with_videos=with_videos,
        left_out_media=parse_roles(without or ()),
    )
    report = export_bundle(database(), file, choice, source=settings().public_url, max_bytes=max_bytes)
    for line in describe_export(report, file):
        typer.echo(line)


@app.command("import-bundle")
@report_errors
def import_bundle_(
    file: Path,
    network: Annotated[
        list[str] | None, typer.Option(help="Slug of a network in the bundle; may be repeated. All networks.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Verify it and say what would come in.")] = False,
    replace_survey: Annotated[
        bool, typer.Option("--replace-survey", help="Take in a survey also where the one here is newer.")
    ] = False,
) -> None:
    """Verify a bundle of another server and take in the results that are not here yet."""
    report = import_bundle(database(), file, only=tuple(network or ()), dry_run=dry_run, replace_survey=replace_survey)
    for line in describe_import(report, dry_run=dry_run):
        typer.echo(line)


@app.command("imports")
@report_errors
def imports_() -> None:
    """List the bundles that were imported: who did it, when, from where, and how much of each is here."""
    with database().session() as session:
        for line in describe_imports(list_imports(session)):
            typer.echo(line)


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
