"""Dictionaries of networks: adds, lists and removes them, each with its layer on the card and its units.

A dictionary never changes: it is removed with all results of its units, and added again.
"""

from collections.abc import Iterable, Sequence

from sqlalchemy import Select, delete, insert, select

from app.contract.dictionary import DictionaryFacts, DictionarySummary
from app.contract.errors import Conflict, InvalidRequest
from app.contract.network import Layer, NetworkCard
from app.store.catalog.counts import recount_units
from app.store.catalog.networks import card_of, network_row, replace_card
from app.store.database.chunks import chunks
from app.store.database.clock import now
from app.store.database.dictionary_tables import DictionaryPieceRow, DictionaryRow, DirectionChannelsRow
from app.store.database.session import Session
from app.store.database.survey_tables import DatasetRow
from app.store.database.tables import NetworkRow, ResultCountRow, UnitRow
from app.store.media import delete_orphans

ROWS_PER_INSERT = 500

NearestChannels = tuple[tuple[int, float], ...]  # channels of the base with the cosines to the direction


def refuse_name(card: NetworkCard, name: str) -> None:
    """Raise Conflict where the network has a layer of this name, before work is done for another one."""
    if any(layer.name == name for layer in card.layers):
        raise Conflict(
            f"{card.slug} has a layer {name} already, and a dictionary never changes. Give this one another --name, or "
            f"remove that one with its results first: `kinetoscope-worker directions remove {card.slug} {name}`."
        )


def add_dictionary(
    session: Session,
    *,
    network: str,
    layer: Layer,
    facts: DictionaryFacts,
    pieces: Iterable[bytes],
    channels: Sequence[NearestChannels] = (),
) -> Layer:
    """Add a dictionary with its units and return its layer with the index that it has on the card from now on.

    `layer` is the dictionary's, with any index; `pieces` are those of its file; `channels` those near each of its
    directions. Raises Conflict where the network has a layer of this name, UnknownNetwork and UnknownLayer where
    network or base have been removed meanwhile.
    """
    assert layer.dictionary is not None
    row = network_row(session, network, lock=True)
    card = card_of(row)
    refuse_name(card, layer.name)
    base = card.layer(layer.dictionary.base)
    layer = layer.model_copy(update={"index": max(each.index for each in card.layers) + 1})
    dictionary = DictionaryRow(
        network_id=row.id,
        layer=layer.name,
        size=layer.units,
        created_at=now(session),
        **facts.model_dump(mode="json"),
    )
    session.add(dictionary)
    session.flush()
    for number, data in enumerate(pieces):
        session.execute(insert(DictionaryPieceRow), [{"dictionary_id": dictionary.id, "piece": number, "data": data}])
    for some in chunks(enumerate(channels), ROWS_PER_INSERT):
        rows = [{"dictionary_id": dictionary.id, "direction": unit, "channels": near} for unit, near in some]
        session.execute(insert(DirectionChannelsRow), rows)
    units = {"network_id": row.id, "layer_index": layer.index, "layer": layer.name, "stream": layer.stream}
    session.execute(insert(UnitRow), [{**units, "index": unit, "label": ""} for unit in range(layer.units)])
    behind = 1 + max(
        place
        for place, each in enumerate(card.layers)
        if each == base or (each.dictionary is not None and each.dictionary.base == base.name)
    )
    layers = (*card.layers[:behind], layer, *card.layers[behind:])
    replace_card(session, row, card.model_copy(update={"layers": layers}))
    recount_units(session, network_id=row.id)
    return layer


def remove_dictionary(session: Session, *, network: str, layer: str) -> None:
    """Remove a dictionary with its units, their jobs and results. Raises InvalidRequest for a layer that is none."""
    row = network_row(session, network, lock=True)
    card = card_of(row)
    removed = card.layer(layer)
    if removed.dictionary is None:
        raise InvalidRequest(f"{layer} is a layer of {network} itself; only dictionaries can be removed.")
    of_layer = {"network_id": row.id, "layer_index": removed.index}
    session.execute(delete(DictionaryRow).filter_by(network_id=row.id, layer=layer))
    session.execute(delete(UnitRow).filter_by(**of_layer))
    session.execute(delete(ResultCountRow).filter_by(**of_layer))
    layers = tuple(each for each in card.layers if each != removed)
    replace_card(session, row, card.model_copy(update={"layers": layers}))
    recount_units(session, network_id=row.id)
    session.request_cache.units.clear()
    delete_orphans(session)


def list_dictionaries(session: Session, *, card: NetworkCard | None = None) -> list[DictionarySummary]:
    """Return the dictionaries of a network, or of all networks, in the order in which they were added."""
    return _summaries(session, select(DictionaryRow, NetworkRow).join(NetworkRow), card)


def get_dictionary(session: Session, *, card: NetworkCard, layer: str) -> DictionarySummary | None:
    """Return the dictionary of a layer, None for a layer of the network itself."""
    of_layer = select(DictionaryRow, NetworkRow).join(NetworkRow).where(DictionaryRow.layer == layer)
    found = _summaries(session, of_layer, card)
    return found[0] if found else None


def read_dictionaries(session: Session, *, card: NetworkCard) -> dict[str, bytes]:
    """Return the files of a network's dictionaries by the names of their layers."""
    pieces: dict[str, list[bytes]] = {}
    statement = (
        select(DictionaryRow.layer, DictionaryPieceRow.data)
        .join(DictionaryPieceRow, DictionaryPieceRow.dictionary_id == DictionaryRow.id)
        .where(DictionaryRow.network_id == network_row(session, card.slug).id)
        .order_by(DictionaryRow.id, DictionaryPieceRow.piece)
    )
    for layer, data in session.read(statement):
        pieces.setdefault(layer, []).append(data)
    return {layer: b"".join(of_layer) for layer, of_layer in pieces.items()}


def nearest_channels(session: Session, *, card: NetworkCard, layer: str, direction: int) -> NearestChannels:
    """Return the channels near a direction with the cosines, the largest first; none where they are not stored."""
    statement = (
        select(DirectionChannelsRow.channels)
        .join(DictionaryRow, DictionaryRow.id == DirectionChannelsRow.dictionary_id)
        .where(DictionaryRow.network_id == network_row(session, card.slug).id, DictionaryRow.layer == layer)
        .where(DirectionChannelsRow.direction == direction)
    )
    return tuple((int(channel), cosine) for channel, cosine in session.scalar(statement) or ())


def has_dataset(session: Session, *, slug: str) -> bool:
    """Return whether the data set that a dictionary was learned from is there still."""
    return session.scalar(select(DatasetRow.id).where(DatasetRow.slug == slug)) is not None


def _summaries(
    session: Session, statement: Select[DictionaryRow, NetworkRow], card: NetworkCard | None
) -> list[DictionarySummary]:
    if card is not None:
        statement = statement.where(NetworkRow.slug == card.slug)
    summaries = []
    for row, network in session.execute(statement.order_by(DictionaryRow.id)):
        dictionary = card_of(network).layer(row.layer).dictionary
        assert dictionary is not None
        summaries.append(
            DictionarySummary(
                network=network.slug,
                layer=row.layer,
                base=dictionary.base,
                method=dictionary.method,
                size=row.size,
                dataset=row.dataset,
                settings=row.settings,
                measures=row.measures,
                probe=row.probe,
                created_at=row.created_at,
            )
        )
    return summaries
