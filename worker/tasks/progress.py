"""Report the progress of jobs while a task computes them."""

import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from app.contract.job import Job, PlannedPart, Progress
from app.contract.result import RenderedMedia
from worker.job_context import JobContext, JobDropped

KEEP_ALIVE_SECONDS = 0.2  # between two reports of a job whose progress is not known
MAX_TRACE_LENGTH = 200  # values of the objective stored with a running job, for its chart


class ProgressReporter:
    """Reports the progress of one batch of jobs, with the seconds left of their present stage.

    A stage starts at its first report, unless `start_stage` was called before. The steps that are left are expected to
    take as long as those since the start of the stage did on average.
    """

    def __init__(self, context: JobContext, jobs: Sequence[Job]) -> None:
        self.context, self.jobs = context, jobs
        self._stage: str | None = None
        self._first_step, self._stage_started, self._reported = 0, 0.0, 0.0
        self._traces: list[list[float]] = [[] for _ in jobs]

    def start_stage(self, stage: str = "", step: int = 0) -> None:
        """Start to measure the time of a stage, of which `step` steps are done already."""
        self._stage, self._first_step, self._stage_started = stage, step, time.monotonic()

    def report(self, step: int, steps: int, stage: str = "", parts: tuple[PlannedPart, ...] = ()) -> None:
        """Report that all jobs have done `step` of the stage's `steps`. Raises JobDropped if one is to be dropped."""
        self._report_all(
            Progress(
                stage=stage, step=step, steps=steps, seconds_left=self._seconds_left(step, steps, stage), parts=parts
            )
        )

    def keep_alive(self) -> None:
        """Report now and then that the jobs are alive, before their first step. Raises JobDropped."""
        if time.monotonic() - self._reported > KEEP_ALIVE_SECONDS:
            self._report_all(Progress(step=0, steps=1))

    def report_objectives(
        self, step: int, steps: int, objectives: Mapping[int, float], preview: Callable[[int], RenderedMedia]
    ) -> list[int]:
        """Report a step of a batch with the objective of each job; return the jobs to drop.

        Jobs are given by their index in the batch. `preview` renders a job's stimulus as it is now, and is called
        only when a report is saved.
        """
        seconds_left = self._seconds_left(step, steps, "")
        progress: dict[int, Progress] = {}
        for index, objective in objectives.items():
            trace = self._traces[index]
            trace.append(objective)
            thinned = tuple(trace[:: -(-len(trace) // MAX_TRACE_LENGTH)])
            progress[self.jobs[index].id] = Progress(step=step, steps=steps, seconds_left=seconds_left, trace=thinned)
        previews = {self.jobs[index].id: partial(preview, index) for index in objectives}
        dropped = self.context.report(progress, previews)
        return [index for index, job in enumerate(self.jobs) if job.id in dropped]

    def _report_all(self, progress: Progress) -> None:
        self._reported = time.monotonic()
        if self.context.report({job.id: progress for job in self.jobs}, {}):
            raise JobDropped

    def _seconds_left(self, step: int, steps: int, stage: str) -> float | None:
        if stage != self._stage:
            self.start_stage(stage, step)
        done = step - self._first_step
        return (time.monotonic() - self._stage_started) / done * (steps - step) if done else None
