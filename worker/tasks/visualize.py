"""Visualize jobs: a batch of units of one layer, from noise to saved pictures."""

from collections.abc import Iterable, Sequence

import torch

from app.contract.errors import KinetoscopeError
from app.contract.job import VisualizeJob
from app.store.catalog.networks import get_card
from app.store.catalog.units import get_unit
from app.store.database.engine import Store
from worker.job_context import JobContext
from worker.maximize.from_recipe import maximize_units
from worker.maximize.result import Step
from worker.render.stimulus import render_preview, render_stimulus
from worker.tasks.network_cache import NetworkCache
from worker.tasks.progress import ProgressReporter


class VisualizeTask:
    """Computes the stimuli of a batch of units that share a network, a layer, and a recipe but for its seed."""

    def __init__(self, store: Store, device: torch.device) -> None:
        self.store = store
        self.networks = NetworkCache(store, device)

    def __call__(self, jobs: Sequence[VisualizeJob], context: JobContext) -> None:
        network = self.networks.load(jobs[0].network)
        reporter = ProgressReporter(context, jobs)
        reporter.start_stage()
        failed: set[int] = set()

        def fail(index: int, error: KinetoscopeError) -> None:
            if index not in failed:
                failed.add(index)
                context.fail(jobs[index], error)

        def observe(step: Step) -> Iterable[int]:
            for index, error in step.errors.items():  # a failure is reported at once, not when the other units end
                fail(index, error)
            return reporter.report_objectives(
                step.step, step.steps, step.objective, lambda index: render_preview(step.stimulus(index))
            )

        results = maximize_units(
            network,
            jobs[0].layer,
            [job.unit for job in jobs],
            [job.recipe for job in jobs],
            a_hat=self._a_hat(jobs),
            observe=observe,
        )
        for result in results:
            if isinstance(result.outcome, KinetoscopeError):
                fail(result.index, result.outcome)
            else:
                media = render_stimulus(result.outcome.stimulus)
                context.finish_visualization(jobs[result.index], result.outcome.measurements, media)

    def _a_hat(self, jobs: Sequence[VisualizeJob]) -> list[float] | None:
        """Return the units' largest activations over data, minus the lowest to minimize; None where none is known."""
        with self.store.session() as session:
            units = [
                get_unit(session, card=get_card(session, slug=job.network), layer=job.layer, unit=job.unit)
                for job in jobs
            ]
        if jobs[0].recipe.sign == "minimize":
            known = [-unit.a_low for unit in units if unit.a_low is not None]
        else:
            known = [unit.a_hat for unit in units if unit.a_hat is not None]
        return known if len(known) == len(jobs) else None
