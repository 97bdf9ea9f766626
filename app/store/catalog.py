"""Networks, layers and units as the pages list them."""

from collections.abc import Iterable

from sqlalchemy import ColumnElement, Select, delete, func, insert, or_, select
from sqlalchemy.orm import Session

from app.contract.catalog import (
    CLASS_LAYER,
    LayerSummary,
    NetworkCard,
    NetworkSummary,
    UnitQuery,
    UnitSort,
    UnitSummary,
)
from app.contract.errors import NetworkExists, UnknownNetwork
from app.contract.model import Page
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
    session.flush()
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


def search_units(session: Session, *, slug: str, query: UnitQuery) -> Page[UnitSummary]:
    """One page of the units that pass the filters; unknown layers and classes are errors, not empty pages."""
    row = network_row(session, slug)
    card = NetworkCard.model_validate(row.card)
    filters = _filters(card, query)
    matching = select(UnitRow).where(UnitRow.network_id == row.id, *filters)
    total = session.scalar(select(func.count()).select_from(matching.subquery())) or 0
    first = (query.page - 1) * query.per_page
    found = session.scalars(_sorted(matching, query.sort).offset(first).limit(query.per_page))
    return Page(
        items=tuple(unit_summary(slug, unit) for unit in found),
        total=total,
        next=query.page + 1 if first + query.per_page < total else None,
    )


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


def _filters(card: NetworkCard, query: UnitQuery) -> list[ColumnElement[bool]]:
    filters: list[ColumnElement[bool]] = []
    if query.layer:
        filters.append(UnitRow.layer == card.layer(query.layer).name)
    if query.stream:
        filters.append(UnitRow.stream == query.stream)
    if query.class_:
        filters += [UnitRow.layer == CLASS_LAYER, UnitRow.index == card.class_index(query.class_)]
    if query.state:
        is_done = UnitRow.visualized_at.is_not(None)
        filters.append(is_done if query.state == "visualized" else ~is_done)
    for word in (query.q or "").split():
        layer, slash, index = word.rpartition("/")
        if slash and index.isdecimal() and len(index) < 10:  # an address such as Mixed_4f/12
            filters += [UnitRow.layer.icontains(layer, autoescape=True), UnitRow.index == int(index)]
            continue
        matches = [
            UnitRow.label.icontains(word, autoescape=True),
            UnitRow.layer.icontains(word, autoescape=True),
        ]
        if word.isdecimal() and len(word) < 10:
            matches.append(UnitRow.index == int(word))
        filters.append(or_(*matches))
    return filters


def _sorted(units: Select[UnitRow], sort: UnitSort) -> Select[UnitRow]:
    place = (UnitRow.layer_index, UnitRow.index)
    match sort:
        case UnitSort.NAME:
            return units.order_by(UnitRow.label == "", func.lower(UnitRow.label), *place)
        case UnitSort.RECENT:
            return units.order_by(UnitRow.visualized_at.desc().nulls_last(), *place)
        case UnitSort.ACTIVATION:
            return units.order_by(UnitRow.activation.desc().nulls_last(), *place)
        case UnitSort.ORDER:
            return units.order_by(*place)
