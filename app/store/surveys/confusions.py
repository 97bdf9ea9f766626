"""How alike the units of a layer answer to two classes: where their streams end, and last before the classes."""

from array import array
from statistics import fmean, median
from typing import Any

from sqlalchemy import Select, bindparam, select

from app.contract.confusion import MIN_RESPONSE, SIMILAR_RESPONSE_RATIO, LayerOfPair
from app.contract.network import Layer, NetworkCard
from app.store.catalog.networks import card_of, network_row
from app.store.catalog.survey_columns import newest_key
from app.store.database.cache import LruCache
from app.store.database.packing import unpack_all
from app.store.database.session import Session, SurveyKey
from app.store.database.survey_tables import EvidenceByClassRow
from app.store.database.tables import UnitRow

UNITS = 96  # of a layer at most, by their number
OTHERS = 6  # classes that are compared with the first, for what is usual
Responses = tuple[Layer, "array[float]"]  # of a layer's units, one after the other, to each class
# Responses of a published survey never change; at 400 classes those of one survey take half a megabyte.
_known: LruCache[SurveyKey, tuple[Responses, ...]] = LruCache(max_size=30)

RESPONSES: Select[*tuple[Any, ...]] = (
    select(EvidenceByClassRow.responses)
    .join(UnitRow, UnitRow.id == EvidenceByClassRow.unit_id)
    .where(
        EvidenceByClassRow.survey_id == bindparam("survey"),
        UnitRow.network_id == bindparam("network"),
        UnitRow.layer_index == bindparam("layer"),
        UnitRow.index.in_(bindparam("units", expanding=True)),
    )
)


def layers_of_pair(session: Session, *, network: str, a: int, b: int) -> tuple[LayerOfPair, ...]:
    """The last layer before the classes first; none before a survey."""
    row = network_row(session, network)
    key = newest_key(session, network_id=row.id)
    if key is None:
        return ()
    card = card_of(row)
    count = len(card.classes)
    classes = [a, b, *_others(count, a, b)]
    return tuple(
        _layer(layer, list(zip(*(responses[each::count] for each in classes), strict=True)))
        for layer, responses in _known.get_or_compute(key, lambda: _read(session, row.id, card, key))
    )


def _read(session: Session, network_id: int, card: NetworkCard, key: SurveyKey) -> tuple[Responses, ...]:
    """Read once in a process: of a survey that is published they never change."""
    found = []
    for layer in _layers(card):
        units = range(0, layer.units, max(1, -(-layer.units // UNITS)))  # named: to look for them reads the layer
        asked = {"survey": key.id, "network": network_id, "layer": layer.index, "units": list(units)}
        rows = session.read(RESPONSES, asked).scalars().all()
        if rows:
            found.append((layer, unpack_all(rows)))
    return tuple(found)


def _layers(card: NetworkCard) -> list[Layer]:
    hidden = [layer for layer in card.layers if not layer.is_class]
    ends = {layer.stream: layer for layer in hidden}  # the last of each stream
    last = hidden[-1:]
    return last + [layer for layer in ends.values() if layer not in last and layer.stream != "fusion"]


def _others(classes: int, a: int, b: int) -> list[int]:
    rest = [index for index in range(classes) if index not in (a, b)]
    return rest[:: max(1, -(-len(rest) // OTHERS))]


def _layer(layer: Layer, responses: list[tuple[float, ...]]) -> LayerOfPair:
    """Of each unit the responses to both classes, then to others."""
    answering = _answering(responses, 1)
    usual = [shares for other in range(2, len(responses[0])) if (shares := _answering(responses, other))]
    return LayerOfPair(
        layer=layer.name,
        stream=layer.stream,
        units=len(responses),
        answering=len(answering),
        alike=_alike(answering),
        usual=fmean(_alike(shares) / len(shares) for shares in usual) if usual else None,
        smaller=median(answering) if answering else None,
    )


def _answering(responses: list[tuple[float, ...]], other: int) -> list[float]:
    """The smaller response as a share of the larger, of units that answer to the first class or this one."""
    pairs = ((each[0], each[other]) for each in responses)
    return [min(pair) / max(pair) for pair in pairs if max(pair) >= MIN_RESPONSE]


def _alike(shares: list[float]) -> int:
    return sum(share >= SIMILAR_RESPONSE_RATIO for share in shares)
