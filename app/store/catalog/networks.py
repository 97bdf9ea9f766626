"""Registered networks: their cards, weights and layers."""

import hashlib
import json
from collections.abc import Iterable, Iterator
from datetime import datetime

from sqlalchemy import delete, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from app.contract.errors import NetworkExists, UnknownNetwork
from app.contract.network import LayerSummary, NetworkCard, NetworkSummary
from app.store.catalog.counts import recount_units
from app.store.database.cache import LruCache
from app.store.database.clock import now
from app.store.database.session import Session
from app.store.database.tables import NetworkRow, UnitCountRow, UnitRow, WeightsRow
from app.store.media import delete_orphans

WEIGHTS_CHUNK_BYTES = 8 * 2**20  # of a weights file that one row stores

# Parsing the card of a network with 400 classes takes milliseconds. A card that changes has another revision, and a
# network that is removed and registered again has another time.
_cards: LruCache[tuple[str, str, datetime, int], NetworkCard] = LruCache(max_size=500)

VisualizationCounts = dict[int, tuple[int, int]]  # by network id: visualizations, and units that have any


def add_network(session: Session, *, card: NetworkCard, weights: Iterable[bytes]) -> NetworkSummary:
    """Register a network with its units and its weights, which come in chunks of at most some megabytes."""
    keys = [card.checksum, _key_with_labels(card)]
    for row in session.scalars(
        select(NetworkRow).where(or_(NetworkRow.slug == card.slug, NetworkRow.checksum.in_(keys)))
    ):
        _refuse_twice(card, card_of(row))
    has_weights = session.scalar(select(func.count()).where(NetworkRow.checksum == card.checksum))
    row = NetworkRow(
        slug=card.slug,
        checksum=keys[1] if has_weights else keys[0],
        card=card.model_dump(mode="json"),
        registered_at=now(session),
    )
    session.add(row)
    try:
        session.flush()
    except IntegrityError:
        raise NetworkExists(f"Network {card.slug!r} has just been registered by another process.") from None
    for number, chunk in enumerate(weights):
        session.execute(insert(WeightsRow), [{"network_id": row.id, "piece": number, "data": chunk}])
    session.execute(
        insert(UnitRow),
        [
            {
                "network_id": row.id,
                "layer_index": layer.index,
                "layer": layer.name,
                "stream": layer.stream,
                "index": unit,
                "label": card.classes[unit] if layer.is_class else "",
            }
            for layer in card.layers
            for unit in range(layer.units)
        ],
    )
    recount_units(session, network_id=row.id)
    return get_network(session, slug=card.slug)


def refuse_slug(session: Session, *, slug: str) -> None:
    """Raise NetworkExists where a network of this slug is registered, before work is done for another one."""
    if session.scalar(select(NetworkRow.id).where(NetworkRow.slug == slug)) is not None:
        raise NetworkExists(
            f"Network {slug!r} is already registered: open it, or `kinetoscope-worker networks remove {slug}` first.",
            network=slug,
        )


def update_limits(session: Session, *, card: NetworkCard) -> None:
    """Store the sizes that a card says its layers take. Dictionaries that came or went meanwhile stay as they are.

    Nothing happens where the network has been removed meanwhile.
    """
    try:
        row = network_row(session, card.slug, lock=True)
    except UnknownNetwork:
        return
    stored = card_of(row)
    if (stored.checksum, stored.family, stored.classes) != (card.checksum, card.family, card.classes):
        return
    limits = {layer.name: {"sizes": layer.sizes, "lengths": layer.lengths} for layer in card.layers}
    layers = tuple(layer.model_copy(update=limits.get(layer.name, {})) for layer in stored.layers)
    replace_card(session, row, stored.model_copy(update={"layers": layers}))


def replace_card(session: Session, row: NetworkRow, card: NetworkCard) -> None:
    """Replace the card of a network, whose row is locked, by one that says more or has other dictionaries."""
    changed = {"card": card.model_dump(mode="json"), "revision": NetworkRow.revision + 1}
    statement = update(NetworkRow).where(NetworkRow.id == row.id).values(changed)
    session.execute(statement.execution_options(synchronize_session=False))
    session.expire(row)
    session.request_cache.networks.clear()


def _key_with_labels(card: NetworkCard) -> str:
    """Return the key of a network whose weights another one has too, with other labels or of another family."""
    content = json.dumps([card.checksum, card.family, card.classes])
    return hashlib.sha256(content.encode()).hexdigest()


def _refuse_twice(card: NetworkCard, existing: NetworkCard) -> None:
    """Raise NetworkExists where a registered network has the new one's slug, or is the same but for its slug."""
    is_same = (card.checksum, card.family, card.classes) == (existing.checksum, existing.family, existing.classes)
    slug = existing.slug
    if is_same:
        advice = "there is nothing to add"
        if slug != card.slug:
            advice = f"open it there, or remove it with its results first: `kinetoscope-worker networks remove {slug}`"
        raise NetworkExists(
            f"Network {slug!r} is already registered with the same weights and labels: {advice}.", network=slug
        )
    if slug == card.slug:
        differs = "with other labels" if existing.checksum == card.checksum else "with other weights"
        raise NetworkExists(
            f"Network {slug!r} is already registered {differs}. Give this one another --slug to have both, or "
            f"`kinetoscope-worker networks remove {slug}` first.",
            network=slug,
        )


def remove_network(session: Session, *, slug: str) -> None:
    """Remove a network with its weights, jobs and results, and all media that nothing else shows."""
    row = network_row(session, slug)
    session.execute(delete(NetworkRow).where(NetworkRow.id == row.id))
    session.request_cache.networks.clear()
    delete_orphans(session)


def weight_chunks(weights: bytes) -> Iterator[bytes]:
    """Cut the bytes of a weights file into the chunks that `add_network` takes."""
    for start in range(0, len(weights), WEIGHTS_CHUNK_BYTES):
        yield weights[start : start + WEIGHTS_CHUNK_BYTES]


def read_weights(session: Session, *, slug: str) -> bytes:
    """Return the weights of a network as the bytes of the file that they were registered from."""
    network = network_row(session, slug)
    chunks = session.scalars(
        select(WeightsRow.data).where(WeightsRow.network_id == network.id).order_by(WeightsRow.piece)
    )
    return b"".join(chunks)


def list_networks(session: Session) -> list[NetworkSummary]:
    """Return all networks in the order in which they were registered."""
    rows = session.scalars(select(NetworkRow).order_by(NetworkRow.id)).all()
    session.request_cache.networks.update({row.slug: row for row in rows})
    counts = _visualization_counts(session)
    return [_summary(row, counts) for row in rows]


def list_cards(session: Session) -> list[NetworkCard]:
    """Return the cards of all networks in the order in which they were registered."""
    return [card_of(row) for row in session.scalars(select(NetworkRow).order_by(NetworkRow.id))]


def get_network(session: Session, *, slug: str) -> NetworkSummary:
    """Return a network with the number of its visualizations. Raises UnknownNetwork."""
    row = network_row(session, slug)
    return _summary(row, _visualization_counts(session, row.id))


def get_card(session: Session, *, slug: str) -> NetworkCard:
    """Return the card of a network. Raises UnknownNetwork."""
    return card_of(network_row(session, slug))


def layer_summaries(session: Session, *, card: NetworkCard) -> list[LayerSummary]:
    """Return the layers of a network, each with the number of its units that have a visualization."""
    counts: dict[int, int] = dict(
        session.read(
            select(UnitCountRow.layer_index, func.sum(UnitCountRow.units))
            .where(UnitCountRow.network_id == network_id(session, card), UnitCountRow.visualized)
            .group_by(UnitCountRow.layer_index)
        ).all()
    )
    return [LayerSummary(layer=layer, visualized_units=counts.get(layer.index, 0)) for layer in card.layers]


def network_row(session: Session, slug: str, *, lock: bool = False) -> NetworkRow:
    """Return the row of a network, which is read once in a session, and again to be locked. Raises UnknownNetwork."""
    known = session.request_cache.networks
    if lock or slug not in known:
        statement = select(NetworkRow).where(NetworkRow.slug == slug)
        if lock:
            statement = statement.with_for_update().execution_options(populate_existing=True)
        row = session.scalar(statement)
        if row is None:
            raise UnknownNetwork(slug, session.scalars(select(NetworkRow.slug).order_by(NetworkRow.id)))
        known[slug] = row
    return known[slug]


def network_id(session: Session, card: NetworkCard) -> int:
    """Return the id of the network that the card describes. Raises UnknownNetwork where it has been removed."""
    return network_row(session, card.slug).id


def card_of(row: NetworkRow) -> NetworkCard:
    """Return the card of a network's row, which is parsed once in a process."""
    key = (row.slug, row.checksum, row.registered_at, row.revision)
    return _cards.get_or_compute(key, lambda: NetworkCard.model_validate(row.card))


def _visualization_counts(session: Session, network_id: int | None = None) -> VisualizationCounts:
    """Count the visualizations of one network, or of all."""
    counts = (
        select(UnitCountRow.network_id, func.sum(UnitCountRow.visualizations), func.sum(UnitCountRow.units))
        .where(UnitCountRow.visualized)
        .group_by(UnitCountRow.network_id)
    )
    if network_id is not None:
        counts = counts.where(UnitCountRow.network_id == network_id)
    return {network: (visualizations, units) for network, visualizations, units in session.read(counts)}


def _summary(row: NetworkRow, counts: VisualizationCounts) -> NetworkSummary:
    visualizations, units = counts.get(row.id, (0, 0))
    return NetworkSummary(
        card=card_of(row), visualizations=visualizations, visualized_units=units, registered_at=row.registered_at
    )
