"""`kinetoscope-worker run`: work on the queue."""

import logging
import signal
from threading import Event, Thread
from types import FrameType

from rich.logging import RichHandler

from app.contract.errors import KinetoscopeError, NetworkExists
from app.settings import settings
from app.store.catalog import networks
from app.store.database.engine import Store
from app.terminal import err, report_errors
from worker.cli.common import make_loop, open_database
from worker.cli.network_entries import parse_entry, split_entries

SECONDS_BEFORE_LOOKING, SECONDS_BETWEEN_LOOKS = 2.0, 60.0  # for results that were imported

log = logging.getLogger(__name__)


@report_errors
def run() -> None:
    """Work on the queue until stopped; a stop hands running jobs back at once."""
    logging.basicConfig(level="INFO", format="%(message)s", handlers=[RichHandler(console=err, show_path=False)])
    logging.getLogger("alembic").setLevel("WARNING")
    from worker.shipped.first_start import register_shipped, start_adding_clips

    store = open_database()
    if settings().shipped:
        register_shipped(store)
        start_adding_clips(store)
    register_from_settings(store)
    loop = make_loop(store)
    start_completing(store, loop.stop)

    def stop(number: int, frame: FrameType | None) -> None:
        loop.stop.set()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    log.info("worker %s computes on %s", loop.name, loop.device)
    loop.run()


def start_completing(store: Store, stop: Event) -> None:
    """Draw what imported results lack in a background thread, until the worker stops."""
    from worker.shipped.first_start import wait_for_clicks
    from worker.tasks.complete_imports import complete_imported

    def complete() -> None:
        while not stop.wait(SECONDS_BEFORE_LOOKING):
            try:
                complete_imported(store, lambda: wait_for_clicks(store, stop))
            except KinetoscopeError as error:  # the database is away, or full
                log.error("what imported results lack: %s", error.detail)
            stop.wait(SECONDS_BETWEEN_LOOKS)

    Thread(target=complete, daemon=True, name="imports").start()


def register_from_settings(store: Store) -> None:
    """Register the networks that KINETOSCOPE_NETWORKS names; one that cannot be read does not stop the others."""
    for entry in split_entries(settings().networks):
        from worker.networks.load import read_network

        try:
            family, weights, labels = parse_entry(entry)
            card, data = read_network(family=family, weights=weights, labels=labels)
            with store.transaction() as session:
                networks.add_network(session, card=card, weights=networks.weight_chunks(data))
            log.info("registered %s from KINETOSCOPE_NETWORKS", card.slug)
        except NetworkExists:
            pass
        except KinetoscopeError as error:
            log.error("KINETOSCOPE_NETWORKS, %s: %s", entry.partition(":")[0], error.detail)
