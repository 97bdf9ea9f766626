"""Make a network of a published source: from its file in the cache, on the disk of a person, or in the index."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from app.contract.errors import ChecksumMismatch
from app.contract.network import NetworkCard, Origin, make_slug
from app.contract.network_source import NetworkSource
from app.settings import settings
from worker.networks.labels import KINETICS_400, read_labels
from worker.networks.load import make_card, read_network
from worker.networks.registry import find_family
from worker.sources.archive import read_member, read_verified
from worker.sources.array_pickle import read_arrays
from worker.sources.download import download
from worker.sources.hub import Hub, HubNetwork
from worker.sources.layouts import LAYOUTS
from worker.sources.package_index import PackageIndex, configured_index

Observe = Callable[[int, int], None]  # bytes that are there, bytes in all


def do_nothing() -> None:
    """Do what is expected where nobody wants to know."""


def fetch_network(
    source: NetworkSource,
    *,
    file: Path | None = None,
    index: PackageIndex | None = None,
    observe: Observe = lambda done, total: None,
    on_trace: Callable[[], None] = do_nothing,
) -> tuple[NetworkCard, bytes]:
    """Return the card of a published network, and the weights that `load_network` takes with it.

    `file` is its source distribution, or the weights out of it, where a person has downloaded them; otherwise the file
    is taken from the cache in the home, or downloaded there from `index`, by default the one that pip is configured
    for. `observe` may raise, which ends the download and leaves nothing behind; `on_trace` is called once all is there.

    Raises DownloadFailed, ChecksumMismatch, DiskFull, WeightsUnsafe, WeightsUnreadable and WeightsMismatch.
    """
    data, is_weights = read_verified(file, source) if file else _read_cached(source, index, observe)
    on_trace()
    arrays = read_arrays(data if is_weights else read_member(data, source))
    weights = LAYOUTS[source.layout](arrays)
    labels = read_labels(KINETICS_400.with_name(source.labels))
    card = make_card(find_family(source.family), weights, labels, slug=source.name, title=source.title)
    package = Origin(kind="package", name=f"{source.package} {source.version}", licence=source.licence)
    return card.model_copy(update={"origin": package}), weights


def fetch_from_hub(
    id: str,
    *,
    hub: Hub | None = None,
    revision: str | None = None,
    labels: Path | None = None,
    slug: str | None = None,
    title: str | None = None,
    on_found: Callable[[HubNetwork], None] = lambda network: None,
    observe: Observe = lambda done, total: None,
    on_trace: Callable[[], None] = do_nothing,
) -> tuple[NetworkCard, bytes]:
    """Return the card of a network on a hub, and the weights that `load_network` takes with it.

    Raises what `Hub.find`, `Hub.fetched` and `read_network` do.
    """
    hub = hub or Hub()
    network = hub.find(id, revision)
    on_found(network)
    with hub.fetched(network, observe) as folder:
        on_trace()
        slug = slug or make_slug(id.rpartition("/")[2])
        card, weights = read_network(family=str(folder), labels=labels, slug=slug, title=title or id[:120])
    return card.model_copy(update={"origin": network.origin}), weights


def _read_cached(source: NetworkSource, index: PackageIndex | None, observe: Observe) -> tuple[bytes, bool]:
    """Return what `read_verified` does of the file in the cache, downloaded where it is missing or damaged."""
    file = cached_file(source)
    if file.is_file():
        with suppress(ChecksumMismatch):
            return read_verified(file, source)
    download(source, index or configured_index(), file, observe)
    return read_verified(file, source)


def cached_file(source: NetworkSource) -> Path:
    """Return the path in the home where the source's file is kept once it is downloaded."""
    return settings().home / "sources" / source.file
