"""`kinetoscope-worker datasets`: the labelled clips that networks are surveyed with and that pages show."""

from pathlib import Path
from typing import Annotated

import typer
from pydantic import TypeAdapter, ValidationError
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from app.contract.errors import InvalidRequest
from app.contract.network import Slug
from app.settings import settings
from app.store import datasets
from app.store.catalog import networks
from app.store.database.engine import Store
from worker.cli.common import open_database, plainly
from worker.survey.dataset_files import Layout, read_dataset
from worker.survey.official_splits import Part, Split

app = typer.Typer(no_args_is_help=True, help="Data sets of the dashboard.")
out = Console()

SHOWN = 20  # videos that could not be read, listed at the end


@app.command()
@plainly
def add(
    slug: Annotated[str, typer.Argument(help="Name in addresses.")],
    path: Annotated[Path, typer.Argument(help="A folder with one folder a class, or a CSV.")],
    layout: Annotated[Layout | None, typer.Option(help="How it is laid out, where that cannot be told.")] = None,
    split: Annotated[
        Path | None, typer.Option(help="Official split of UCF101 or HMDB51: a file of it, or the folder of its files.")
    ] = None,
    part: Annotated[Part | None, typer.Option(help="Of the split; test if a split is given.")] = None,
    fold: Annotated[int, typer.Option(min=1, help="Which of the official splits, where a folder holds several.")] = 1,
    label: Annotated[list[str] | None, typer.Option(help="Only videos of this label; may be repeated.")] = None,
    network: Annotated[str | None, typer.Option(help="A network that must know every label.")] = None,
    title: Annotated[str | None, typer.Option(help="Name on pages.")] = None,
    summary: Annotated[str, typer.Option(help="A sentence for pages.")] = "",
) -> None:
    """Read a data set and store the middle of each video with its flow; what is there already stays."""
    chosen = Split(split, part or Part.TEST, fold) if split or part else None
    files = read_dataset(path, layout=layout, split=chosen, labels=tuple(label or ()))
    store = open_database()
    _check(store, slug, network, list(dict.fromkeys(file.label for file in files)))
    from worker.survey.intake import add_clip_files

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=out) as progress:
        task = progress.add_task(slug, total=len(files))
        intake = add_clip_files(
            store,
            slug,
            title or slug,
            summary,
            files,
            observe=lambda done: progress.update(task, completed=done),
        )
    for name, why in list(intake.skipped.items())[:SHOWN]:
        out.print(f"[yellow]skipped[/] {escape(name)}: {escape(why)}", highlight=False)
    if len(intake.skipped) > SHOWN:
        out.print(f"[yellow]skipped[/] {len(intake.skipped) - SHOWN:,} more.")
    there = f" {intake.already_there:,} were there already." if intake.already_there else ""
    out.print(
        f"Added {intake.added:,} clips to [bold]{slug}[/].{there} "
        f"Page: http://{settings().host}:{settings().port}/-/datasets/{slug}"
    )


@app.command("list")
@plainly
def list_() -> None:
    """Data sets that are there."""
    table = Table("data set", "title", "classes", "clips")
    with open_database().session() as session:
        for found in datasets.list_datasets(session):
            table.add_row(found.slug, found.title, f"{len(found.classes):,}", f"{found.clips:,}")
    out.print(table)


@app.command()
@plainly
def remove(
    slug: str,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Remove a data set with its clips and the surveys made with it."""
    store = open_database()
    with store.session() as session:
        found = datasets.get_dataset(session, slug=slug)
    if not yes:
        typer.confirm(f"Remove {slug} with its {found.clips:,} clips and their surveys?", abort=True)
    with store.transaction() as session:
        datasets.remove_dataset(session, slug=slug)
    out.print(f"Removed {slug}.")


def _check(store: Store, slug: str, network: str | None, labels: list[str]) -> None:
    """What can be wrong, before hours of decoding."""
    try:
        TypeAdapter(Slug).validate_python(slug)
    except ValidationError:
        raise InvalidRequest(
            f"{slug!r} cannot stand in an address: use small letters, digits, - and _, at most 63."
        ) from None
    if network is None:
        return
    with store.session() as session:
        card = networks.get_card(session, slug=network)
    for label in labels:
        card.match_class(label)
