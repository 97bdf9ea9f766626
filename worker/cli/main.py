"""The program `kinetoscope-worker`, put together from its commands."""

import typer

from worker.cli import alive, datasets, directions, explain, findings, mocap, networks, run, survey, visualize

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="`kinetoscope-worker`: computes what the dashboard asks for, and registers networks.",
    pretty_exceptions_enable=False,
)
app.command()(run.run)
app.command()(alive.alive)
app.add_typer(networks.app, name="networks")
app.add_typer(datasets.app, name="datasets")
app.add_typer(directions.app, name="directions")
app.add_typer(mocap.app, name="mocap")
app.command()(visualize.visualize)
app.command()(survey.survey)
app.command()(explain.explain)
app.command()(findings.findings)


def main() -> None:
    """Run `kinetoscope-worker`."""
    app()


if __name__ == "__main__":
    main()
