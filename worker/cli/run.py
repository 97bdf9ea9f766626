"""`kinetoscope-worker run`: work on the queue."""

import logging
import signal
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

from rich.logging import RichHandler

from app.contract.errors import InvalidRequest, KinetoscopeError, NetworkExists
from app.settings import settings
from app.store.catalog import networks
from app.store.database.engine import Store
from app.terminal import err, report_errors
from worker.cli.common import make_loop, open_database

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

    def stop(number: int, frame: FrameType | None) -> None:
        loop.stop.set()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    log.info("worker %s computes on %s", loop.name, loop.device)
    loop.run()


def register_from_settings(store: Store) -> None:
    """Register the networks that KINETOSCOPE_NETWORKS names; one that cannot be read does not stop the others."""
    for family, weights, labels in _parse_networks(settings().networks):
        from worker.networks.load import read_network

        try:
            card, data = read_network(family=family, weights=weights, labels=labels)
            with store.transaction() as session:
                networks.add_network(session, card=card, weights=networks.weight_chunks(data))
            log.info("registered %s from KINETOSCOPE_NETWORKS", card.slug)
        except NetworkExists:
            pass
        except KinetoscopeError as error:
            log.error("KINETOSCOPE_NETWORKS, %s: %s", family, error.detail)


def _parse_networks(value: str) -> Iterator[tuple[str, Path, Path | None]]:
    """Yield (family, weights, labels) of each `family:weights` or `family:weights:labels`, separated by commas."""
    for entry in filter(None, (part.strip() for part in value.split(","))):
        family, *paths = entry.split(":")
        if len(paths) not in (1, 2):
            raise InvalidRequest(f"KINETOSCOPE_NETWORKS: {entry!r} is not `family:weights` or `family:weights:labels`.")
        yield family, Path(paths[0]), Path(paths[1]) if len(paths) == 2 else None
