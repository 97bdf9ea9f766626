"""`kinetoscope-worker survey`: what data says of every unit of a network."""

import re
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from app.contract import job as contract
from app.contract.errors import Conflict, UnknownDataset, WorkError
from app.contract.job import Job, JobState, Priority, SurveyJob, jobs_of_kind
from app.settings import settings
from app.store import datasets
from app.store.catalog import networks
from app.store.database.engine import Store
from app.store.jobs import requests
from app.store.surveys import writing
from worker.cli.common import make_loop, open_database, plainly

out = Console()

DRAWN = "mocap"  # the data set that the project draws itself


@plainly
def survey(
    network: str,
    dataset: Annotated[str, typer.Argument(help="A data set's slug, a folder or CSV of videos, or `mocap`.")],
    clips: Annotated[int, typer.Option(min=42, help="How many held-out clips `mocap` draws.")] = 420,
) -> None:
    """Pass a data set through a network: what every unit prefers, accuracy, confusions. Goes on where it stopped."""
    store = open_database()
    with store.session() as session:
        card = networks.get_card(session, slug=network)
    with Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), console=out
    ) as bar:
        slug = find_dataset(store, dataset, clips, bar)
        with store.session() as session:
            for label in datasets.get_dataset(session, slug=slug).classes:
                card.match_class(label)
        with store.transaction() as session:
            job = writing.enqueue_survey(
                session, network=network, dataset=slug, limit=settings().queue_limit, priority=Priority.CLICK
            )
        ended = compute(store, job, bar)
    if ended.state is not JobState.DONE:
        out.print(f"[red]{ended.state}[/] {escape(ended.error.detail if ended.error else '')}", highlight=False)
        raise typer.Exit(1)
    answer = ended.answer or {}
    out.print(
        f"Surveyed [bold]{network}[/] with {slug}: {answer['clips']:,} clips, accuracy {answer['accuracy']:.1%}"
        + (f", {answer['skipped']:,} skipped." if answer["skipped"] else "."),
        highlight=False,
    )


def find_dataset(store: Store, dataset: str, clips: int, bar: Progress) -> str:
    """The slug of a data set that is there, or of one that is made of a path or drawn."""
    with store.session() as session:
        known = [each.slug for each in datasets.list_datasets(session)]
    if dataset in known:
        return dataset
    if dataset == DRAWN:
        return draw(store, clips, bar)
    path = Path(dataset)
    if not path.exists():
        raise UnknownDataset(dataset, [*known, DRAWN])
    slug = re.sub(r"[^a-z0-9_-]+", "-", path.resolve().stem.lower()).strip("-_") or "data"
    if slug in known:
        raise Conflict(f"There is a data set {slug!r} already: survey it by that name, or remove it first.")
    return take_in(store, slug, path.resolve().stem, path, bar)


def draw(store: Store, clips: int, bar: Progress) -> str:
    """Held-out clips of the default network's classes. Raises MotionsMissing where there are no motions to draw."""
    from worker.mocap.motions import motions_folder
    from worker.mocap.samples import write_samples
    from worker.networks.mocap_classes import NAMES

    motions_folder()
    with TemporaryDirectory() as folder:
        task = bar.add_task("drawing", total=None)
        write_samples(Path(folder), each=-(-clips // len(NAMES)))
        bar.remove_task(task)
        return take_in(store, DRAWN, "People in motion", Path(folder), bar)


def take_in(store: Store, slug: str, title: str, path: Path, bar: Progress) -> str:
    from worker.survey.dataset_files import read_dataset
    from worker.survey.intake import add_clip_files

    files = read_dataset(path)
    task = bar.add_task(f"reading {slug}", total=len(files))
    add_clip_files(
        store,
        slug,
        title,
        "",
        files,
        observe=lambda done: bar.update(task, completed=done),
    )
    return slug


def compute(store: Store, job: SurveyJob, bar: Progress) -> SurveyJob:
    """Work on the queue, as one worker among others, until the job has ended."""
    loop = make_loop(store)
    line = bar.add_task("survey", total=None)
    ended = job

    def show(at: Job, progress: contract.Progress) -> None:
        if at.id == job.id:
            _show(bar, line, progress)

    def has_ended() -> bool:
        nonlocal ended
        with store.session() as session:
            [ended] = jobs_of_kind(SurveyJob, [requests.get_job(session, job_id=job.id)])
        if ended.progress is not None:  # another worker may have taken it
            _show(bar, line, ended.progress)
        return not ended.state.is_live

    loop.on_progress = show
    try:
        loop.run(until=has_ended)
    except KeyboardInterrupt:
        raise WorkError("Stopped; the survey waits in the queue and goes on where it was.") from None
    return ended


def _show(bar: Progress, line: TaskID, progress: contract.Progress) -> None:
    if bar.tasks[line].total != progress.steps:  # the next stage: its own time left
        bar.reset(line, total=progress.steps)
    bar.update(line, completed=progress.step, description=progress.stage or "survey")
