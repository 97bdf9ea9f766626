"""`kinetoscope-worker survey`: gather evidence for every unit of a network from a data set."""

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer
from rich.markup import escape
from rich.progress import Progress

from app.contract.dataset import MAX_TITLE_LENGTH
from app.contract.errors import Conflict, UnknownDataset
from app.contract.job import Job, JobState, Priority, SurveyJob, jobs_of_kind
from app.contract.job import Progress as JobProgress
from app.contract.survey_part import SurveyPart
from app.settings import settings
from app.store import datasets
from app.store.catalog import networks
from app.store.database.engine import Store
from app.store.jobs import listing
from app.store.surveys import evidence, writing
from app.store.surveys.costs import estimate_seconds
from app.terminal import report_errors
from worker.cli.common import open_database, out
from worker.cli.datasets import check_dataset
from worker.cli.progress import add_videos, make_progress, work_until
from worker.cli.survey_parts import estimate_lines, parse_parts, print_parts
from worker.survey.dataset_files import read_dataset
from worker.survey.video_files import printable

MOCAP_DATASET = "mocap"  # drawn here, not read from files


@report_errors
def survey(
    network: str,
    dataset: Annotated[str, typer.Argument(help="A data set's slug, a folder or CSV of videos, or `mocap`.")],
    clips: Annotated[int, typer.Option(min=42, help="How many held-out clips `mocap` draws.")] = 420,
    parts: Annotated[str, typer.Option(help=f"Only these parts, with commas: {', '.join(SurveyPart)}.")] = "",
) -> None:
    """Pass a data set through a network: what every unit prefers, accuracy, confusions.

    A survey that was stopped continues where it was. With `--parts` they are added to the survey that is there.
    """
    wanted = parse_parts(parts)
    store = open_database()
    with store.session() as session:
        card = networks.get_card(session, slug=network)
    with make_progress() as progress:
        slug = find_dataset(store, dataset, network, clips, progress)
        with store.session() as session:
            for label in datasets.get_dataset(session, slug=slug).classes:
                if card.classes:
                    card.match_class(label)
            clip_count = datasets.get_dataset(session, slug=slug).clips
            estimates = estimate_seconds(session, card=card, clips=clip_count)
        for line in estimate_lines(estimates, wanted):
            out.print(line, highlight=False)
        answer = run_survey(store, network, slug, wanted, progress).answer or {}
    out.print(
        f"Surveyed [bold]{network}[/] with {slug}: {answer['clips']:,} clips"
        + ("" if answer["accuracy"] is None else f", accuracy {answer['accuracy']:.1%}")
        + (f", {answer['skipped']:,} skipped." if answer["skipped"] else "."),
        highlight=False,
    )
    with store.session() as session:
        finished = evidence.get_survey(session, card=card, dataset=slug)
    if finished is not None:
        print_parts(finished)


def find_dataset(store: Store, dataset: str, network: str, clips: int, progress: Progress) -> str:
    """Return the slug of a data set: one that is stored, or one that is made here from a path or by drawing."""
    with store.session() as session:
        known = [each.slug for each in datasets.list_datasets(session)]
    if dataset in known:
        return dataset
    if dataset == MOCAP_DATASET:
        return draw_mocap(store, clips, progress)
    path = Path(dataset)
    if not path.exists():
        raise UnknownDataset(dataset, [*known, MOCAP_DATASET])
    slug = re.sub(r"[^a-z0-9_-]+", "-", path.resolve().stem.lower()).strip("-_")[:63] or "data"
    if slug in known:
        raise Conflict(f"There is a data set {slug!r} already: survey it by that name, or remove it first.")
    title = printable(path.resolve().stem)[:MAX_TITLE_LENGTH] or slug
    listing = read_dataset(path)
    check_dataset(store, slug, title, network, listing)
    add_videos(store, slug, title, listing, progress, description=f"reading {slug}")
    return slug


def draw_mocap(store: Store, clips: int, progress: Progress) -> str:
    """Draw held-out clips of the default network's classes and store them; return the slug of the data set.

    Raises MotionsMissing where there are no recorded motions to draw.
    """
    from worker.mocap.dataset.samples import write_samples
    from worker.mocap.scenes.motions import find_motions_folder
    from worker.networks.families.mocap_classes import CLASS_NAMES

    find_motions_folder()
    with TemporaryDirectory() as folder:
        line = progress.add_task("drawing", total=None)
        write_samples(Path(folder), each=-(-clips // len(CLASS_NAMES)))
        progress.remove_task(line)
        found = read_dataset(Path(folder))
        drawn = tuple(replace(video, group=video.source) for video in found.videos)  # each with people of its own
        files = replace(found, videos=drawn)
        add_videos(store, MOCAP_DATASET, "People in motion", files, progress, description=f"reading {MOCAP_DATASET}")
    return MOCAP_DATASET


def run_survey(
    store: Store, network: str, dataset: str, parts: Sequence[SurveyPart] | None, progress: Progress
) -> SurveyJob:
    """Queue a survey and work until it is done; print why and exit with status 1 where it ends otherwise."""
    with store.transaction() as session:
        job = writing.enqueue_survey(
            session,
            network=network,
            dataset=dataset,
            parts=parts,
            limit=settings().queue_limit,
            priority=Priority.CLICK,
        )
    job = compute(store, job, progress)
    if job.state is not JobState.DONE:
        out.print(f"[red]{job.state}[/] {escape(job.error.detail if job.error else '')}", highlight=False)
        raise typer.Exit(1)
    return job


def compute(store: Store, job: SurveyJob, progress: Progress) -> SurveyJob:
    """Work on the queue until the job has ended; return it as it is then."""
    line = progress.add_task("survey", total=None)

    def update(now: JobProgress) -> None:
        if progress.tasks[line].total != now.steps:  # the next stage, with its own time left
            progress.reset(line, total=now.steps)
        progress.update(line, completed=now.step, description=now.stage or "survey")

    def show(reported: Job, now: JobProgress) -> None:
        if reported.id == job.id:
            update(now)

    def has_ended() -> bool:
        nonlocal job
        with store.session() as session:
            [job] = jobs_of_kind(SurveyJob, [listing.get_job(session, job_id=job.id)])
        if job.progress is not None:  # another worker may have claimed it
            update(job.progress)
        return not job.state.is_live

    interrupted = "Stopped; the survey waits in the queue and goes on where it was."
    work_until(store, has_ended, show, interrupted)
    return job
