"""Progress bars of the commands, and long work that shows one."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, TextColumn, TimeRemainingColumn

from app.contract import job as contract
from app.contract.errors import WorkError
from app.contract.job import Job
from app.store.database.engine import Store
from worker.cli.common import make_loop, out
from worker.survey.video_files import Listing

if TYPE_CHECKING:
    from worker.survey.intake import IntakeReport


MAX_REASONS_LISTED = 20  # files that were left out or could not be read


def make_progress(description: str = "{task.description}") -> Progress:
    """Return a progress display whose lines count steps: description, bar, 3/12, time left."""
    return Progress(TextColumn(description), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), console=out)


def make_progress_with(*columns: ProgressColumn) -> Progress:
    """Return a progress display with description, bar, and these columns."""
    return Progress(TextColumn("{task.description}"), BarColumn(), *columns, console=out)


def add_videos(
    store: Store,
    slug: str,
    title: str,
    listing: Listing,
    progress: Progress,
    *,
    summary: str = "",
    flow: bool | None = None,
    description: str | None = None,
) -> "IntakeReport":
    """Add videos to a data set, show how many are done, and list what is left out or cannot be read."""
    from worker.survey.intake import add_clip_files

    line = progress.add_task(description or slug, total=len(listing.videos))
    list_reasons("left out", [(each.name, each.reason) for each in listing.left_out])
    report = add_clip_files(
        *(store, slug, title, summary, listing.videos),
        flow=flow,
        observe=lambda done: progress.update(line, completed=done),
    )
    list_reasons("skipped", list(report.skipped.items()))
    return report


def list_reasons(what: str, reasons: Sequence[tuple[str, str]]) -> None:
    """Print why these files were not added, or of the first of them."""
    for name, reason in reasons[:MAX_REASONS_LISTED]:
        out.print(f"[yellow]{what}[/] {escape(name)}: {escape(reason)}", highlight=False)
    if len(reasons) > MAX_REASONS_LISTED:
        out.print(f"[yellow]{what}[/] {len(reasons) - MAX_REASONS_LISTED:,} more.")


def work_until(
    store: Store,
    is_done: Callable[[], bool],
    show: Callable[[Job, contract.Progress], None],
    interrupted: str,
) -> None:
    """Work on the queue, as one worker among others, until `is_done()`; `show` is called with each report of a job.

    Raises WorkError with the message `interrupted` on Ctrl-C.
    """
    loop = make_loop(store)
    loop.on_progress = show
    try:
        loop.run(until=is_done)
    except KeyboardInterrupt:
        raise WorkError(interrupted) from None
