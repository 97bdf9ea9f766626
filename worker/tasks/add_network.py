"""Jobs that add a network: fetch it from where it is published, or read it from the directory that is allowed."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from app.contract.errors import InvalidRequest
from app.contract.job import AddNetworkJob
from app.contract.network import NetworkCard
from app.contract.network_source import HubSource, Source, find_source
from app.settings import settings
from app.store import Session
from app.store.catalog import networks
from app.store.database.engine import Store
from worker.devices import find_device
from worker.job_context import JobContext
from worker.networks.load import read_network
from worker.networks.memory import describe_need
from worker.networks.registry import is_file
from worker.sources.fetch import fetch_from_hub, fetch_network
from worker.sources.hub import Hub
from worker.sources.package_index import PackageIndex
from worker.tasks.progress import ProgressReporter

BYTES_PER_STEP = 10**6
TRACING = "reads its weights and traces its layers"


class AddNetworkTask:
    """Adds a network. What is downloaded and not yet added stays in the home, for the next attempt."""

    def __init__(
        self,
        store: Store,
        *,
        find: Callable[[str], Source] = find_source,
        index: PackageIndex | None = None,
        hub: Callable[[], Hub] = Hub,
    ) -> None:
        self.store = store
        self.find, self.index, self.hub = find, index, hub

    def __call__(self, jobs: Sequence[AddNetworkJob], context: JobContext) -> None:
        context.run_each(jobs, self._add)

    def _add(self, job: AddNetworkJob, context: JobContext) -> None:
        reporter = ProgressReporter(context, [job])
        with self.store.session() as session:
            networks.refuse_slug(session, slug=job.network)
        card, weights = self._fetch(job, reporter)
        card = card.model_copy(update={"slug": job.network, "title": job.title or card.title})

        def save(session: Session) -> dict[str, Any]:
            networks.add_network(session, card=card, weights=networks.weight_chunks(weights))
            return {
                "layers": len(card.layers),
                "units": card.units,
                "classes": len(card.classes),
                "omitted": [part.model_dump() for part in card.omitted],
                "needs": describe_need(card.memory, find_device(settings().device)),
            }

        context.finish(job, save)

    def _fetch(self, job: AddNetworkJob, reporter: ProgressReporter) -> tuple[NetworkCard, bytes]:
        def observe(done: int, total: int) -> None:
            reporter.report(done // BYTES_PER_STEP, total // BYTES_PER_STEP)

        def on_trace() -> None:
            reporter.report(0, 1, TRACING)

        with _labels_file(job) as labels:
            if job.place == "path":
                on_trace()
                path = str(allowed_path(job.source))
                return read_network(family=path, labels=labels, slug=job.network, flow_scale=job.flow_scale)
            source = self.find(job.source) if job.place == "source" else None
            if source is not None and not isinstance(source, HubSource):
                return fetch_network(source, index=self.index, observe=observe, on_trace=on_trace)
            return fetch_from_hub(
                job.source if source is None else source.id,
                hub=self.hub(),
                labels=labels,
                slug=job.network,
                title=None if source is None else source.title,
                observe=observe,
                on_trace=on_trace,
            )


@contextmanager
def _labels_file(job: AddNetworkJob) -> Iterator[Path | None]:
    """Yield a file with the labels that came with a job, None where none did."""
    if job.labels is None:
        yield None
        return
    with TemporaryDirectory(prefix="kinetoscope-") as folder:
        path = Path(folder) / "labels.txt"
        path.write_text(job.labels, encoding="utf-8")
        yield path


def allowed_path(source: str) -> Path:
    """Return the path of a network below the directory of the settings.

    Raises InvalidRequest where no directory is allowed, for a path that leads out of it or to nothing, and for Python.
    """
    setting = settings().network_directory
    if not setting:
        raise InvalidRequest(
            "This worker adds no networks of its disk: set KINETOSCOPE_NETWORK_DIRECTORY, where it runs, to the "
            "directory that they are in."
        )
    root = Path(setting).resolve()
    path = (root / source).resolve()
    if not path.is_relative_to(root) or path == root or not path.exists():
        raise InvalidRequest(
            f"There is no {source} below KINETOSCOPE_NETWORK_DIRECTORY where the worker runs: give the path of a "
            "directory or a checkpoint from there on."
        )
    if is_file(path.name):
        raise InvalidRequest(f"{source} is Python, which is not run for a page: name it in KINETOSCOPE_FAMILIES.")
    return path
