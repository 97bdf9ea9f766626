"""Networks, their layers, and single units. Listings of units are in explore.py."""

from collections.abc import Iterable

from sqlalchemy import delete, func, insert, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.contract.catalog import LayerSummary, NetworkCard, NetworkSummary, UnitSummary
from app.contract.errors import NetworkExists, UnknownNetwork
from app.store.engine import now
from app.store.media import drop_orphans
from app.store.tables import NetworkRow, UnitRow, WeightsRow


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
    return get_network(session, slug=card.slug)


def remove_network(session: Session, *, slug: str) -> None:
    """Remove a network with its weights, jobs and results, and media that nothing else shows."""
    row = network_row(session, slug)
    session.execute(delete(NetworkRow).where(NetworkRow.id == row.id))
    drop_orphans(session)


def read_weights(session: Session, *, slug: str) -> bytes:
    network = network_row(session, slug)
    pieces = session.scalars(
        select(WeightsRow.data).where(WeightsRow.network_id == network.id).order_by(WeightsRow.piece)
    )
    return b"".join(pieces)


def list_networks(session: Session) -> list[NetworkSummary]:
    rows = session.scalars(select(NetworkRow).order_by(NetworkRow.id))
    return [_summary(session, row) for row in rows]


def get_network(session: Session, *, slug: str) -> NetworkSummary:
    return _summary(session, network_row(session, slug))


def get_card(session: Session, *, slug: str) -> NetworkCard:
    return NetworkCard.model_validate(network_row(session, slug).card)


def layer_summaries(session: Session, *, slug: str) -> list[LayerSummary]:
    row = network_row(session, slug)
    counts = dict(
        session.execute(
            select(UnitRow.layer_index, func.count())
            .where(UnitRow.network_id == row.id, UnitRow.visualized_at.is_not(None))
            .group_by(UnitRow.layer_index)
        ).all()
    )
    layers = NetworkCard.model_validate(row.card).layers
    return [LayerSummary(layer=layer, visualized_units=counts.get(layer.index, 0)) for layer in layers]


def get_unit(session: Session, *, slug: str, layer: str, unit: int) -> UnitSummary:
    return unit_summary(slug, unit_row(session, slug=slug, layer=layer, unit=unit))


def network_row(session: Session, slug: str) -> NetworkRow:
    row = session.scalar(select(NetworkRow).where(NetworkRow.slug == slug))
    if row is None:
        raise UnknownNetwork(slug, session.scalars(select(NetworkRow.slug).order_by(NetworkRow.id)))
    return row


def unit_row(session: Session, *, slug: str, layer: str, unit: int) -> UnitRow:
    network = network_row(session, slug)
    NetworkCard.model_validate(network.card).unit(layer, unit)
    return session.scalars(
        select(UnitRow).where(UnitRow.network_id == network.id, UnitRow.layer == layer, UnitRow.index == unit)
    ).one()


def unit_summary(slug: str, row: UnitRow) -> UnitSummary:
    return UnitSummary(
        network=slug,
        layer=row.layer,
        stream=row.stream,
        index=row.index,
        label=row.label,
        a_hat=row.a_hat,
        role=row.role,
        effective_classes=row.effective_classes,
        detects=row.detects,
        reach=row.reach,
        map_x=row.map_x,
        map_y=row.map_y,
        activation=row.activation,
        visualizations=row.visualizations,
        poster=row.poster,
        loop=row.loop,
    )


def _summary(session: Session, row: NetworkRow) -> NetworkSummary:
    visualizations, units = session.execute(
        select(func.coalesce(func.sum(UnitRow.visualizations), 0), func.count()).where(
            UnitRow.network_id == row.id, UnitRow.visualized_at.is_not(None)
        )
    ).one()
    return NetworkSummary(
        card=NetworkCard.model_validate(row.card),
        visualizations=visualizations,
        visualized_units=units,
        registered_at=row.registered_at,
    )
