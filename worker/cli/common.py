"""What the commands share: the database, the device, the worker loop, and the console for their output."""

from datetime import timedelta
from typing import TYPE_CHECKING

from rich.console import Console

from app.settings import settings
from app.store.database.engine import Store, open_store
from worker.batch_size import MAX_BATCH
from worker.loop import WorkerLoop

if TYPE_CHECKING:
    import torch

out = Console()

BATCH_ON_CPU, BATCH_ON_ACCELERATOR = 4, 16  # jobs computed at once, unless the settings say otherwise


def open_database() -> Store:
    """Open the database of the settings, and make its folder if there is none."""
    url = settings().sqlalchemy_url
    settings().home.mkdir(parents=True, exist_ok=True)
    return open_store(url)


def page_url(path: str) -> str:
    """Return the address of a page of the dashboard."""
    return f"http://{settings().host}:{settings().port}/{path}"


def choose_device() -> "torch.device":
    """Return the device of the settings, and let torch use their number of threads."""
    import torch

    from worker.devices import find_device

    # One core stays with web and browser: where they share all of them, threads that wait for each other made
    # a step of I3D on two cores six times slower than one thread alone.
    torch.set_num_threads(settings().threads or max(1, torch.get_num_threads() - 1))
    return find_device(settings().device)


def make_loop(store: Store) -> WorkerLoop:
    """Return a worker loop on the device of the settings."""
    from worker.tasks import make_tasks

    device = choose_device()
    return WorkerLoop(
        store=store,
        tasks=make_tasks(store, device),
        device=str(device),
        batch=settings().batch or (BATCH_ON_CPU if device.type == "cpu" else BATCH_ON_ACCELERATOR),
        max_batch=settings().batch or MAX_BATCH,
        lease=timedelta(seconds=settings().lease_seconds),
    )
