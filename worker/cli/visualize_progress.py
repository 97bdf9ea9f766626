"""How `kinetoscope-worker visualize` shows the progress of its jobs: a line for each of a few, or one for all."""

from collections.abc import Sequence
from time import monotonic

from rich.progress import MofNCompleteColumn, TextColumn, TimeRemainingColumn

from app.contract.job import Job, Progress, VisualizeJob
from worker.cli.progress import make_progress_with

MAX_LINES = 8  # jobs that have a line each; more share one


class JobLines:
    """A line for each job, with its objective J."""

    def __init__(self, jobs: Sequence[VisualizeJob]) -> None:
        self.display = make_progress_with(TextColumn("J {task.fields[objective]:.4g}"), TimeRemainingColumn())
        self.steps = {job.id: job.recipe.steps for job in jobs}
        self.lines = {
            job.id: self.display.add_task(f"{job.layer}/{job.unit} {job.label}", total=job.recipe.steps, objective=0.0)
            for job in jobs
        }

    def show(self, job: Job, progress: Progress) -> None:
        """Show a report of a job; those of other jobs are ignored."""
        if job.id in self.lines:
            objective = progress.trace[-1] if progress.trace else 0.0
            self.display.update(self.lines[job.id], completed=progress.step, objective=objective)

    def end(self, job: VisualizeJob, is_done: bool) -> None:
        """Show that a job has ended."""
        if is_done:
            self.display.update(self.lines[job.id], completed=self.steps[job.id])


class TotalLine:
    """One line for many jobs, with units a minute and the time left."""

    def __init__(self, jobs: Sequence[VisualizeJob]) -> None:
        rate, time_left = TextColumn("{task.fields[rate]}"), TimeRemainingColumn(elapsed_when_finished=True)
        self.display = make_progress_with(MofNCompleteColumn(), rate, time_left)
        self.started = monotonic()
        self.shares_done: dict[int, float] = {job.id: 0.0 for job in jobs}
        self.line = self.display.add_task("units", total=len(jobs), rate="")

    def show(self, job: Job, progress: Progress) -> None:
        """Show a report of a job; those of other jobs are ignored."""
        if job.id in self.shares_done:
            self.shares_done[job.id] = progress.step / progress.steps
            self._draw()

    def end(self, job: VisualizeJob, is_done: bool) -> None:
        """Show that a job has ended."""
        self.shares_done[job.id] = 1.0
        self._draw()

    def _draw(self) -> None:
        units = sum(self.shares_done.values())
        per_minute = 60 * units / max(monotonic() - self.started, 1e-9)
        self.display.update(self.line, completed=int(units), rate=f"{per_minute:,.1f} units a minute")


def show_jobs(jobs: Sequence[VisualizeJob]) -> JobLines | TotalLine:
    """Return the display that suits the number of jobs."""
    return JobLines(jobs) if len(jobs) <= MAX_LINES else TotalLine(jobs)
