"""Networks, their layers, and single units. Listings of units are in explore.py."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Select, bindparam, delete, func, insert, or_, select, union_all
from sqlalchemy.exc import IntegrityError

from app.contract.errors import NetworkExists, UnknownNetwork
from app.contract.network import LayerSummary, NetworkCard, NetworkSummary
from app.contract.unit import UnitSummary
from app.store.catalog.counts import recount
from app.store.database.cache import LruCache
from app.store.database.chunks import chunks
from app.store.database.engine import now
from app.store.database.session import Session, UnitRecord
from app.store.database.tables import NetworkRow, UnitCountRow, UnitRow, WeightsRow
from app.store.media import drop_orphans

# What every page asks for is put together once, which takes longer than the answer.
NETWORK = select(NetworkRow).where(NetworkRow.slug == bindparam("slug"))
# Columns and not the mapper's objects: a page may show hundreds of units.
Listed = UnitRecord
KEYS = 3  # of them are keys, the others what a summary says
LISTED = (
    UnitRow.id,
    UnitRow.network_id,
    UnitRow.layer_index,
    UnitRow.layer,
    UnitRow.stream,
    UnitRow.index.label("unit"),  # rows have a method of the other name
    UnitRow.label,
    UnitRow.a_hat,
    UnitRow.role,
    UnitRow.effective_classes,
    UnitRow.detects,
    UnitRow.map_x,
    UnitRow.map_y,
    UnitRow.visualizations,
    UnitRow.activation,
    UnitRow.reach,
    UnitRow.poster,
    UnitRow.loop,
)
SAID = ["index" if each.key == "unit" else each.key for each in LISTED[KEYS:]]
UNITS: Select[*tuple[Any, ...]] = select(*LISTED)
UNIT = UNITS.where(
    UnitRow.network_id == bindparam("network"), UnitRow.layer == bindparam("layer"), UnitRow.index == bindparam("unit")
)
MADE = (
    select(UnitCountRow.network_id, func.sum(UnitCountRow.visualizations), func.sum(UnitCountRow.units))
    .where(UnitCountRow.visualized)
    .group_by(UnitCountRow.network_id)
)
MADE_OF_ONE = MADE.where(UnitCountRow.network_id == bindparam("network"))
SEEN_BY_LAYER = (
    select(UnitCountRow.layer_index, func.sum(UnitCountRow.units))
    .where(UnitCountRow.network_id == bindparam("network"), UnitCountRow.visualized)
    .group_by(UnitCountRow.layer_index)
)

# Not as pairs, nor as alternatives: SQLite would read all units of the network. As many slots each time, so that it is
# put together once.
SLOTS, MOST = 8, 500
NOWHERE = (-1, [-1])
AT_PLACES = UNITS.where(
    UnitRow.id.in_(
        union_all(
            *(
                select(UnitRow.id).where(
                    UnitRow.network_id == bindparam("network"),
                    UnitRow.layer_index == bindparam(f"layer{slot}"),
                    UnitRow.index.in_(bindparam(f"units{slot}", expanding=True)),
                )
                for slot in range(SLOTS)
            )
        )
    )
)

# A card never changes; a network that is removed and registered again has another time.
_cards: LruCache[tuple[str, str, datetime], NetworkCard] = LruCache(max_size=500)


def add_network(session: Session, *, card: NetworkCard, weights: Iterable[bytes]) -> NetworkSummary:
    """Register a network with its weights, given in pieces of at most some megabytes."""
    twin = session.scalar(
        select(NetworkRow).where(or_(NetworkRow.slug == card.slug, NetworkRow.checksum == card.checksum))
    )
    if twin is not None:
        same = "with the same weights" if twin.checksum == card.checksum else "with other weights"
        raise NetworkExists(
            f"Network {twin.slug!r} is already registered {same}. "
            f"Give another --slug, or `kinetoscope-worker networks remove {twin.slug}` first.",
            network=twin.slug,
        )
    row = NetworkRow(
        slug=card.slug, checksum=card.checksum, card=card.model_dump(mode="json"), registered_at=now(session)
    )
    session.add(row)
    try:
        session.flush()
    except IntegrityError:
        raise NetworkExists(f"Network {card.slug!r} has just been registered by another process.") from None
    for number, piece in enumerate(weights):
        session.execute(insert(WeightsRow), [{"network_id": row.id, "piece": number, "data": piece}])
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
    recount(session, network_id=row.id)
    return get_network(session, slug=card.slug)


def remove_network(session: Session, *, slug: str) -> None:
    """Remove a network with its weights, jobs and results, and media that nothing else shows."""
    row = network_row(session, slug)
    session.execute(delete(NetworkRow).where(NetworkRow.id == row.id))
    session.request_cache.networks.clear()
    drop_orphans(session)


def read_weights(session: Session, *, slug: str) -> bytes:
    network = network_row(session, slug)
    pieces = session.scalars(
        select(WeightsRow.data).where(WeightsRow.network_id == network.id).order_by(WeightsRow.piece)
    )
    return b"".join(pieces)


def list_networks(session: Session) -> list[NetworkSummary]:
    rows = session.scalars(select(NetworkRow).order_by(NetworkRow.id)).all()
    session.request_cache.networks.update({row.slug: row for row in rows})
    made = _made(session)
    return [_summary(row, made) for row in rows]


def list_cards(session: Session) -> list[NetworkCard]:
    return [card_of(row) for row in session.scalars(select(NetworkRow).order_by(NetworkRow.id))]


def get_network(session: Session, *, slug: str) -> NetworkSummary:
    row = network_row(session, slug)
    return _summary(row, _made(session, row.id))


def get_card(session: Session, *, slug: str) -> NetworkCard:
    return card_of(network_row(session, slug))


def layer_summaries(session: Session, *, slug: str) -> list[LayerSummary]:
    row = network_row(session, slug)
    counts = dict(session.read(SEEN_BY_LAYER, {"network": row.id}).all())
    return [LayerSummary(layer=layer, visualized_units=counts.get(layer.index, 0)) for layer in card_of(row).layers]


def get_unit(session: Session, *, slug: str, layer: str, unit: int) -> UnitSummary:
    return unit_summary(slug, unit_row(session, slug=slug, layer=layer, unit=unit))


def network_row(session: Session, slug: str) -> NetworkRow:
    """Read once in a session: a page asks for it a dozen times."""
    known = session.request_cache.networks
    if slug not in known:
        row = session.scalar(NETWORK, {"slug": slug})
        if row is None:
            raise UnknownNetwork(slug, session.scalars(select(NetworkRow.slug).order_by(NetworkRow.id)))
        known[slug] = row
    return known[slug]


def card_of(row: NetworkRow) -> NetworkCard:
    """Read and parsed once in a process, since a page asks for it a dozen times and one of 400 classes takes
    milliseconds. A card never changes; a network that is removed and registered again has another moment.
    """
    key = (row.slug, row.checksum, row.registered_at)
    return _cards.get_or_compute(key, lambda: NetworkCard.model_validate(row.card))


def unit_row(session: Session, *, slug: str, layer: str, unit: int) -> Listed:
    """Read once in a session, too."""
    network = network_row(session, slug)
    card = card_of(network)
    card.unit(layer, unit)
    known = session.request_cache.units
    where = (network.id, card.layer(layer).index, unit)
    if where not in known:
        known[where] = session.read(UNIT, {"network": network.id, "layer": layer, "unit": unit}).one()
    return known[where]


def units_at(session: Session, network_id: int, places: Iterable[tuple[int, int]]) -> dict[tuple[int, int], Listed]:
    """Units by the index of their layer and their own; each is read once in a session."""
    known = session.request_cache.units
    wanted = {place: (network_id, *place) for place in places}
    layers: dict[int, list[int]] = {}
    for layer, index in (place for place, key in wanted.items() if key not in known):
        layers.setdefault(layer, []).append(index)
    parts = [(layer, units) for layer, all_ in layers.items() for units in chunks(all_, MOST)]
    for some in chunks(parts, SLOTS):
        asked: dict[str, object] = {"network": network_id}
        for slot, (layer, units) in enumerate([*some, *[NOWHERE] * (SLOTS - len(some))]):
            asked |= {f"layer{slot}": layer, f"units{slot}": units}
        for row in session.read(AT_PLACES, asked).all():
            known[network_id, row.layer_index, row.unit] = row
    return {place: known[key] for place, key in wanted.items() if key in known}


def unit_summary(slug: str, row: Listed, precision: float | None = None, clip: str | None = None) -> UnitSummary:
    said = dict(zip(SAID, row[KEYS : len(LISTED)], strict=True))  # one by one takes three times as long
    return UnitSummary(network=slug, precision=precision, clip=clip, **said)


Made = dict[int, tuple[int, int]]  # by network: visualizations, and the units that have any


def _made(session: Session, network_id: int | None = None) -> Made:
    """Of one network, or of all."""
    rows = session.read(MADE) if network_id is None else session.read(MADE_OF_ONE, {"network": network_id})
    return {network: (visualizations, units) for network, visualizations, units in rows}


def _summary(row: NetworkRow, made: Made) -> NetworkSummary:
    visualizations, units = made.get(row.id, (0, 0))
    return NetworkSummary(
        card=card_of(row), visualizations=visualizations, visualized_units=units, registered_at=row.registered_at
    )


WEIGHT_CHUNK_BYTES = 8 * 2**20  # of a weights file, a row


def weight_chunks(file: Path) -> Iterator[bytes]:
    """Read a weights file in the chunks that `add_network` stores, one a row."""
    with file.open("rb") as opened:
        yield from iter(lambda: opened.read(WEIGHT_CHUNK_BYTES), b"")
