"""`kinetoscope-worker datasets`: the labelled clips that networks are surveyed with and that pages show."""

from pathlib import Path
from typing import Annotated

import typer
from pydantic import TypeAdapter, ValidationError
from rich.table import Table

from app.contract.dataset import MAX_TITLE_LENGTH
from app.contract.errors import InvalidRequest
from app.contract.network import Slug
from app.store import datasets
from app.store.catalog import networks
from app.store.database.engine import Store
from app.terminal import report_errors
from worker.cli.common import open_database, out, page_url
from worker.cli.progress import add_videos, list_reasons, make_progress
from worker.survey.dataset_files import Layout, read_dataset
from worker.survey.official_splits import Part, Split
from worker.survey.video_files import Listing

app = typer.Typer(no_args_is_help=True, help="Data sets of the dashboard.")


@app.command()
@report_errors
def add(
    slug: Annotated[str, typer.Argument(help="Name of the data set in URLs.")],
    path: Annotated[Path, typer.Argument(help="A folder with one folder a class, or a list of videos.")],
    layout: Annotated[Layout | None, typer.Option(help="Layout of the data set, if it cannot be guessed.")] = None,
    split: Annotated[
        Path | None, typer.Option(help="Official split of UCF101 or HMDB51: a file of it, or the folder of its files.")
    ] = None,
    videos: Annotated[
        Path | None, typer.Option(help="Folder of the videos of a list, if they lie elsewhere than the list.")
    ] = None,
    part: Annotated[Part | None, typer.Option(help="Part of the split; by default test.")] = None,
    fold: Annotated[int, typer.Option(min=1, help="Number of the official split, if the folder has several.")] = 1,
    label: Annotated[list[str] | None, typer.Option(help="Only videos of this label; may be repeated.")] = None,
    flow: Annotated[
        bool | None,
        typer.Option(
            help="Compute the motion that pages show; by default where a network takes flow and knows the labels."
        ),
    ] = None,
    network: Annotated[str | None, typer.Option(help="A network that must know every label.")] = None,
    title: Annotated[str | None, typer.Option(help="Title on pages.")] = None,
    summary: Annotated[str, typer.Option(help="Description on pages.")] = "",
) -> None:
    """Read a data set and store the middle of each video; what is there already stays."""
    official_split = Split(split, part or Part.TEST, fold) if split or part else None
    listing = read_dataset(path, layout=layout, split=official_split, labels=tuple(label or ()), videos=videos)
    store = open_database()
    check_dataset(store, slug, title or slug, network, listing)
    with make_progress() as progress:
        report = add_videos(store, slug, title or slug, listing, progress, summary=summary, flow=flow)
    already_there = f" {report.already_there:,} were there already." if report.already_there else ""
    page = page_url(f"-/datasets/{slug}")
    out.print(f"Added {report.added:,} clips to [bold]{slug}[/].{already_there} Page: {page}")


@app.command("flow")
@report_errors
def flow_(slug: str) -> None:
    """Compute the motion that pages show of clips that have none yet."""
    from worker.survey.clip_flow import add_missing_flow

    store = open_database()
    with make_progress() as progress:
        line = progress.add_task(slug, total=None)
        skipped = add_missing_flow(
            store, slug, observe=lambda done, total: progress.update(line, completed=done, total=total)
        )
        count = int(progress.tasks[line].completed) - len(skipped)
    list_reasons("skipped", list(skipped.items()))
    out.print(f"Computed the motion of {count:,} clips of [bold]{slug}[/].")


@app.command("list")
@report_errors
def list_() -> None:
    """List the data sets."""
    table = Table("data set", "title", "classes", "clips")
    with open_database().session() as session:
        for dataset in datasets.list_datasets(session):
            table.add_row(dataset.slug, dataset.title, f"{len(dataset.classes):,}", f"{dataset.clips:,}")
    out.print(table)


@app.command()
@report_errors
def remove(
    slug: str,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")] = False,
) -> None:
    """Remove a data set with its clips and the surveys made with it."""
    store = open_database()
    with store.session() as session:
        dataset = datasets.get_dataset(session, slug=slug)
    if not yes:
        typer.confirm(f"Remove {slug} with its {dataset.clips:,} clips and their surveys?", abort=True)
    with store.transaction() as session:
        datasets.remove_dataset(session, slug=slug)
    out.print(f"Removed {slug}.")


def check_dataset(store: Store, slug: str, title: str, network: str | None, listing: Listing) -> None:
    """Check the slug, the title, and the labels against a network's classes, before hours of decoding.

    Raises InvalidRequest, UnknownNetwork and UnknownClass.
    """
    try:
        TypeAdapter(Slug).validate_python(slug)
    except ValidationError:
        raise InvalidRequest(
            f"{slug!r} cannot stand in an address: use small letters, digits, - and _, at most 63."
        ) from None
    if len(title) > MAX_TITLE_LENGTH:
        raise InvalidRequest(f"The title has {len(title)} characters; {MAX_TITLE_LENGTH} are taken.")
    if network is None:
        return
    with store.session() as session:
        card = networks.get_card(session, slug=network)
    for label in dict.fromkeys(video.label for video in listing.videos):
        card.match_class(label)
