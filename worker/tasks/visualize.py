"""Jobs of the kind `visualize`: a batch of units of one layer, from noise to saved pictures."""

import time
from collections.abc import Iterable, Sequence
from functools import partial

import torch

from app.contract.errors import KinetoscopeError
from app.contract.job import Progress, VisualizeJob
from app.contract.result import RenderedMedia
from app.store.catalog import networks
from app.store.database.engine import Store
from worker.loop import Desk
from worker.maximize.ascend import ascend
from worker.maximize.outcome import Step
from worker.render.encode import preview, render
from worker.tasks.resident import Resident

TRACE_LENGTH = 200  # values of a running job's objective kept for its chart


class Visualize:
    def __init__(self, store: Store, device: torch.device) -> None:
        self.store = store
        self.resident = Resident(store, device)

    def __call__(self, jobs: Sequence[VisualizeJob], desk: Desk) -> None:
        first = jobs[0]
        network = self.resident.network(first.network)
        progress = _Reports(jobs, desk)
        ascents = ascend(
            network,
            first.layer,
            [job.unit for job in jobs],
            [job.recipe for job in jobs],
            a_hat=self._a_hat(jobs),
            observe=progress.observe,
        )
        for ascent in ascents:
            job = jobs[ascent.place]
            if isinstance(ascent.outcome, KinetoscopeError):
                progress.fail(ascent.place, ascent.outcome)
            else:
                desk.finish(job, ascent.outcome.measurements, render(ascent.outcome.stimulus))

    def _a_hat(self, jobs: Sequence[VisualizeJob]) -> list[float] | None:
        """The units' largest activations over data, None where no survey has run."""
        with self.store.session() as session:
            units = [networks.get_unit(session, slug=job.network, layer=job.layer, unit=job.unit) for job in jobs]
        known = [unit.a_hat for unit in units if unit.a_hat is not None]
        return known if len(known) == len(jobs) else None


class _Reports:
    """Translates the engine's steps into what the desk is told of each job."""

    def __init__(self, jobs: Sequence[VisualizeJob], desk: Desk) -> None:
        self.jobs = jobs
        self.desk = desk
        self.started = time.monotonic()
        self.traces: dict[int, list[float]] = {job.id: [] for job in jobs}
        self.failed: set[int] = set()

    def fail(self, place: int, error: KinetoscopeError) -> None:
        if place not in self.failed:
            self.failed.add(place)
            self.desk.fail(self.jobs[place], error)

    def observe(self, step: Step) -> Iterable[int]:
        """Places of the batch to drop. A unit that has failed is told at once, not when the others end."""
        for place, error in step.errors.items():
            self.fail(place, error)
        seconds_left = (time.monotonic() - self.started) / step.step * (step.steps - step.step)
        progress: dict[int, Progress] = {}
        for place, objective in step.objective.items():
            trace = self.traces[self.jobs[place].id]
            trace.append(objective)
            progress[self.jobs[place].id] = Progress(
                step=step.step,
                steps=step.steps,
                seconds_left=seconds_left,
                trace=tuple(trace[:: -(-len(trace) // TRACE_LENGTH)]),
            )
        previews = {self.jobs[place].id: partial(self._preview, step, place) for place in step.objective}
        dropped = self.desk.report(progress, previews)
        return [place for place, job in enumerate(self.jobs) if job.id in dropped]

    @staticmethod
    def _preview(step: Step, place: int) -> RenderedMedia:
        return preview(step.stimulus(place))
